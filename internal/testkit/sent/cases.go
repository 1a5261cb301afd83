// Package sent has what publishers send as messages of RTMP or tags of FLV, and what comes of it.
package sent

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"

	"weir/internal/format/amf0"
)

// The types of messages.
const (
	Audio     = 8
	Video     = 9
	Data3     = 15
	Data      = 18
	Aggregate = 22
)

// Bodies of ordinary messages, in hexadecimal.
const (
	AVCHeader  = "1700000000 0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000668ebe3cb22c0fdf8f800"
	AVCHeader2 = "1700000000 0142c00cffe100196742c00cd901419f9f011000000300100000030320f142a48001000568cb83cb20"
	AVCKey     = "1701000050 00000002 6588"
	AVCInter   = "2701000000 00000002 4188"
	AACHeader  = "af00 1210"
	AACFrame   = "af01 21aabb"
)

// Meta describes a stream.
var Meta = amf0.ECMAArray{{Name: "width", Value: 320.0}, {Name: "duration", Value: 0.0}}

// Message is one message, or one tag.
type Message struct {
	Kind uint8
	Time uint32 // ms
	Body []byte
}

// Wired is a message whose body is in hexadecimal.
func Wired(kind uint8, time uint32, body string) Message { return Message{kind, time, Unhex(body)} }

// Values is a message of AMF0.
func Values(kind uint8, time uint32, values ...any) Message {
	return Message{kind, time, amf0.Append(nil, values...)}
}

// Tag is an entry of an aggregate.
func Tag(kind uint8, time uint32, body []byte) []byte {
	n := len(body)
	b := []byte{kind, byte(n >> 16), byte(n >> 8), byte(n), byte(time >> 16), byte(time >> 8), byte(time), byte(time >> 24), 0, 0, 0}
	return binary.BigEndian.AppendUint32(append(b, body...), uint32(n+11))
}

// Unhex reads hexadecimal, with spaces anywhere; it panics over anything else.
func Unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// Case is what a publisher sends, and what comes of it: a word for each frame,
// "track:codec[*=key]@dts+offset in ms, ^ where it rides", and before it what changed.
type Case struct {
	Sent []Message
	Want string
}

// Cases maps a name to a case.
func Cases() map[string]Case {
	w := Wired
	return map[string]Case{
		"headers first": {[]Message{
			Values(Data, 0, "@setDataFrame", "onMetaData", Meta),
			w(Video, 0, AVCHeader), w(Audio, 0, AACHeader),
			w(Video, 0, AVCKey), w(Audio, 23, AACFrame), w(Video, 40, AVCInter),
		}, "meta config 0:H264*@0+80 1:AAC*@23 0:H264@40"},
		"media first":       {[]Message{w(Audio, 5, AACFrame), w(Audio, 6, AACHeader), w(Audio, 28, AACFrame)}, "config 0:AAC*@5 config 0:AAC*@28"},
		"MP3":               {[]Message{w(Audio, 5, "2f fffb9064"), w(Audio, 31, "2f fffb9064")}, "config 0:MP3*@5 0:MP3*@31"},
		"repeated":          {[]Message{w(Video, 0, AVCHeader), w(Video, 0, AVCKey), w(Video, 40, AVCHeader), w(Video, 40, AVCKey)}, "config 0:H264*@0+80 repeat 0:H264*@40+80"},
		"new headers":       {[]Message{w(Video, 0, AVCHeader), w(Video, 0, AVCKey), w(Video, 40, AVCHeader2), w(Video, 40, AVCKey)}, "config 0:H264*@0+80 config 0:H264*@40+80"},
		"another codec":     {[]Message{w(Video, 0, AVCHeader), w(Video, 0, AVCKey), w(Video, 40, "93 68766331 0000000226 01")}, "config 0:H264*@0+80 config 0:HEVC*@40"},
		"new metadata":      {[]Message{w(Audio, 0, AACHeader), w(Audio, 0, AACFrame), Values(Data, 0, "onMetaData", amf0.Object{}), w(Audio, 23, AACFrame)}, "config 0:AAC*@0 meta 0:AAC*@23"},
		"metadata AMF3":     {[]Message{{Kind: Data3, Body: amf0.Append([]byte{0}, "onMetaData", Meta)}, w(Audio, 0, AACFrame)}, "meta config 0:AAC*@0"},
		"metadata type 15":  {[]Message{Values(Data3, 0, "onMetaData", Meta), w(Audio, 0, AACFrame)}, "meta config 0:AAC*@0"},
		"Opus":              {[]Message{w(Audio, 0, "90 4f707573 4f7075734865616401023801bb80000000000 0"), w(Audio, 20, "91 4f707573 fc01")}, "config 0:Opus*@20"},
		"AV1":               {[]Message{w(Video, 0, "91 61763031 12000a0b"), w(Video, 40, "a1 61763031 3200")}, "config 0:AV1*@0 0:AV1@40"},
		"HEVC, nanoseconds": {[]Message{w(Video, 7, "97 02 0007d0 01 68766331 00000a 00000002 2601")}, "config 0:HEVC*@7+10"},
		"HEVC as it was":    {[]Message{w(Video, 7, "1c 01 000028 00000002 2601")}, "config 0:HEVC*@7+40"},
		"unknown codec":     {[]Message{w(Video, 7, "22 0000"), w(Audio, 7, "6f 01")}, "config 0:Other@7 config 1:Other*@7"},
		"two tracks":        {[]Message{w(Video, 7, "a6 11 68766331 01 000005 0000020000 00 000005 0000010000"), w(Video, 9, "a6 11 68766331 00 000005 0000010000 01 000005 0000020000")}, "config 0:HEVC@7+2 1:HEVC@7+1^ 0:HEVC@9+2 1:HEVC@9+1^"},
		"other order":       {[]Message{w(Audio, 7, "95 11 6d703461 01 000001 21 00 000001 21"), w(Audio, 9, "95 11 6d703461 00 000001 21 01 000001 21"), w(Audio, 9, "95 11 6d703461 02 000001 21 00 000001 21")}, "config 0:AAC*@7 1:AAC*@7^ 0:AAC*@9 1:AAC*@9^ config 1:AAC*@9 2:AAC*@9^"},
		"seek":              {[]Message{w(Video, 0, AVCKey), w(Video, 40, "57 00"), w(Video, 40, AVCKey)}, "config 0:H264*@0+80 1:Other*@40 0:H264*@40+80"},
		"colours":           {[]Message{w(Video, 0, "94 68766331 02")}, "0:Other*@0"},
		"end":               {[]Message{w(Video, 0, "1702000000"), w(Audio, 0, "af02")}, ""},
		"data":              {[]Message{Values(Data, 9, "onCuePoint", 1.0), w(Audio, 10, AACFrame), Values(Data, 30, "@setDataFrame", "onText", "x")}, "0:AMF*@9 config 1:AAC*@10 0:AMF*@30"},
		"time code":         {[]Message{w(Data, 0, "00010203")}, ""},
		"a server's":        {[]Message{Values(Data, 0, "|RtmpSampleAccess", true, true), Values(Data, 0, "onStatus", amf0.Object{})}, ""},
		"aggregate": {[]Message{{Kind: Aggregate, Time: 1000, Body: slices.Concat(
			Tag(Video, 70, Unhex(AVCKey)), Tag(Audio, 75, Unhex(AACFrame)), Tag(Aggregate, 75, Unhex(AACFrame)),
			Tag(Data, 75, amf0.Append(nil, "onMetaData", Meta)), Tag(Audio, 98, Unhex(AACFrame)))}},
			"config 0:H264*@1000+80 config 1:AAC*@1005 meta 1:AAC*@1028"},
		"aggregate cut":      {[]Message{{Kind: Aggregate, Body: append(Tag(Audio, 0, Unhex(AACFrame)), 8, 0, 1, 0)}, {Kind: Aggregate, Body: Tag(Audio, 5, Unhex(AACFrame))[:16]}}, "config 0:AAC*@0 0:AAC*@0"},
		"another codec once": {[]Message{w(Video, 0, AVCHeader), w(Video, 0, AVCKey), w(Video, 40, "93 68766331 0000000226 01"), w(Video, 80, AVCInter), w(Video, 120, AVCInter)}, "config 0:H264*@0+80 config 0:HEVC*@40 config 0:H264@80 0:H264@120"},
		"unknown between":    {[]Message{w(Video, 0, AVCHeader), w(Video, 0, AVCKey), w(Video, 9, "1f 0102030405"), w(Video, 9, "90 7a7a3939 01"), w(Video, 40, AVCInter)}, "config 0:H264*@0+80 0:H264@40"},
		"empty headers":      {[]Message{w(Video, 0, AVCHeader), w(Video, 0, AVCKey), w(Video, 9, "1700000000"), w(Video, 40, AVCInter)}, "config 0:H264*@0+80 0:H264@40"},
		"garbage":            {[]Message{w(Video, 0, "17"), w(Video, 0, "1701"), w(Audio, 0, "af"), w(Video, 0, "96"), w(Data, 0, "05"), w(99, 0, "00")}, ""},
	}
}
