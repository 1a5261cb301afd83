package e2e

import (
	"bytes"
	"testing"

	"weir/internal/format/amf0"
	"weir/internal/protocol/rtmp"
)

// script is a client's side of a session in the making.
type script struct {
	t    *testing.T
	wire []byte
	size int
}

func newScript(t *testing.T) *script { return &script{t: t, wire: opening(), size: 128} }

func (s *script) message(kind uint8, chunk, stream, ms uint32, body []byte) *script {
	s.wire = appendChunks(s.wire, rtmp.Message{Kind: kind, Chunk: chunk, Stream: stream, Time: ms, Body: body}, s.size)
	return s
}

func (s *script) command(stream uint32, values ...any) *script {
	return s.message(20, 3, stream, 0, amf0.Append(nil, values...))
}

func (s *script) raw(text string) *script {
	s.wire = append(s.wire, unhex(s.t, text)...)
	return s
}

// connect asks for the application live with what Flash players say of themselves.
func (s *script) connect() *script {
	return s.command(0, "connect", 1, amf0.Object{
		{Name: "app", Value: "live"}, {Name: "flashVer", Value: "LNX 9,0,124,2"},
		{Name: "swfUrl", Value: "http://a.test/player.swf"}, {Name: "tcUrl", Value: "rtmp://127.0.0.1/live"},
		{Name: "fpad", Value: false}, {Name: "capabilities", Value: 15}, {Name: "audioCodecs", Value: 3191},
		{Name: "videoCodecs", Value: 252}, {Name: "pageUrl", Value: "http://a.test/"}, {Name: "objectEncoding", Value: 0},
	})
}

// publish connects and publishes as FMLE does.
func (s *script) publish() *script {
	return s.connect().command(0, "releaseStream", 2, nil, "s").command(0, "FCPublish", 3, nil, "s").
		command(0, "createStream", 4, nil).command(1, "publish", 5, nil, "s", "live")
}

// media sends headers and a few frames.
func (s *script) media() *script {
	s.message(9, 6, 1, 0, unhex(s.t, avcHeader)).message(8, 4, 1, 0, unhex(s.t, aacHeader))
	for n := range uint32(4) {
		s.message(9, 6, 1, 40*n, append(unhex(s.t, avcKey), make([]byte, 300)...))
		s.message(8, 4, 1, 40*n+5, unhex(s.t, aacFrame))
	}
	return s
}

// byHand makes the sessions that are not recorded ones.
func byHand(t *testing.T) map[string][]byte {
	deep := bytes.Repeat([]byte{3, 0, 1, 'a'}, 5000)
	start := func() *script { return newScript(t) }
	commands := start().connect()
	for n := range 80 {
		commands.command(0, "hello", n+2, nil)
	}
	half := start().publish()
	for id := range byte(64) { // each announces 16 MiB less one, and sends a chunk of 1 KB
		if id == 0 {
			half.message(1, 2, 0, 0, []byte{0, 0, 4, 0})
		}
		head := []byte{0, id, 0, 0, 0, 0xFF, 0xFF, 0xFF, 9, 1, 0, 0, 0}
		half.wire = append(append(half.wire, head...), make([]byte, 1024)...)
	}
	zero := start().publish().message(9, 6, 1, 0, nil).message(8, 4, 1, 0, nil).message(20, 3, 1, 0, nil).message(18, 4, 1, 0, nil).media()
	amf3 := start()
	for _, values := range [][]any{
		{"connect", 1, amf0.Object{{Name: "tcUrl", Value: "rtmp://127.0.0.1/live"}, {Name: "objectEncoding", Value: 3}}},
		{"createStream", 2, nil}, {"publish", 3, nil, "s", "live"},
	} {
		amf3.message(17, 3, 0, 0, append([]byte{0}, amf0.Append(nil, values...)...))
	}
	together := unhex(t, "09 00000B 000064 00 000000 17 01 000000 00000002 65 88 00000016"+"08 000008 00008C 00 000000"+aacFrame+"00000013")
	killed := start().publish().media().wire
	return map[string][]byte{
		"good-fmle":       start().publish().message(18, 4, 1, 0, amf0.Append(nil, "@setDataFrame", "onMetaData", amf0.ECMAArray{{Name: "width", Value: 160}})).media().command(0, "FCUnpublish", 6, nil, "s").command(0, "deleteStream", 7, nil, 1).wire,
		"good-haivision":  start().connect().command(0, "createStream", 2, nil).command(0, "FCPublish", 3, nil, "s").command(1, "publish", 4, nil, "s", "live").media().wire,
		"good-flash":      start().connect().command(0, "createStream", 2, nil).command(1, "publish", 3, nil, "s", "live").media().command(1, "closeStream", 0, nil).wire,
		"good-republish":  start().publish().media().command(0, "FCUnpublish", 6, nil, "s").command(0, "releaseStream", 7, nil, "s").command(0, "FCPublish", 8, nil, "s").command(0, "createStream", 9, nil).command(1, "publish", 10, nil, "s", "live").media().wire,
		"good-play":       start().connect().command(0, "_checkbw", 2, nil).command(0, "createStream", 3, nil).command(1, "play", 4, nil, "s").message(4, 2, 0, 0, []byte{0, 3, 0, 0, 0, 1, 0, 0, 11, 184}).command(1, "pause", 5, nil, true, 0).command(1, "pause", 6, nil, false, 0).command(1, "seek", 7, nil, 1000).command(1, "receiveAudio", 0, nil, false).wire,
		"good-play-only":  start().connect().command(1, "play", 0, nil, "s").wire,
		"good-play-again": start().connect().command(0, "createStream", 2, nil).command(1, "play", 3, nil, "s").command(1, "closeStream", 0, nil).command(0, "createStream", 4, nil).command(1, "play", 5, nil, "s").wire,
		"good-ping":       start().connect().message(4, 2, 0, 0, []byte{0, 6, 1, 2, 3, 4}).command(0, "createStream", 2, nil).command(1, "publish", 3, nil, "s", "live").message(4, 2, 0, 0, []byte{0, 6, 5, 6, 7, 8}).wire,
		"good-amf3":       amf3.media().wire,
		"good-aggregate":  start().publish().message(22, 4, 1, 1000, together).wire,
		"good-zero":       zero.wire,
		"good-proxied":    append([]byte{0xF3, 0, 4, 203, 0, 113, 7}, start().publish().media().wire...),
		"good-enhanced": start().command(0, "connect", 1, amf0.Object{{Name: "tcUrl", Value: "rtmp://127.0.0.1/live"}, {Name: "fourCcList", Value: []any{"av01", "hvc1"}}}).
			command(0, "createStream", 2, nil).command(1, "publish", 3, nil, "s", "live").wire,

		"bad-http":           []byte("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"),
		"bad-handshake":      bytes.Repeat([]byte{0x5A}, 4000),
		"bad-handshake-cut":  opening()[:900],
		"bad-proxy-prefix":   append([]byte{0xF3, 0xFF, 0xFF}, make([]byte, 2000)...),
		"bad-garbage":        start().raw("FF FE FD FC FB FA F9 F8 F7 F6 F5 F4 F3 F2 F1").wire,
		"bad-chunk-size-0":   start().message(1, 2, 0, 0, []byte{0, 0, 0, 0}).wire,
		"bad-chunk-size-2g":  start().message(1, 2, 0, 0, []byte{0x80, 0, 0, 0}).wire,
		"bad-too-long":       start().raw("03 000000 FFFFFF 14 00000000 020007").wire,
		"bad-amf":            start().message(20, 3, 0, 0, []byte{0x42, 0, 1}).wire,
		"bad-command-name":   start().message(20, 3, 0, 0, amf0.Append(nil, 7, 1)).wire,
		"bad-deep":           start().message(20, 3, 0, 0, deep).wire,
		"bad-no-tcurl":       start().command(0, "connect", 1, amf0.Object{{Name: "app", Value: "live"}}).wire,
		"bad-half-message":   start().connect().wire[:3200],
		"bad-type-3-first":   start().raw("C5 00 00").wire,
		"bad-length-changed": append(start().raw("03 000000 000100 14 00000000").wire, append(make([]byte, 128), 0x43, 0, 0, 0, 0, 0, 0x80, 20)...),
		"bad-commands":       commands.wire,
		"bad-half-sent":      half.wire,
		"bad-killed":         killed[:len(killed)-200],
	}
}
