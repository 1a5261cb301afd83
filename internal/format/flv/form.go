package flv

import (
	"weir/internal/codec/av1"
	"weir/internal/codec/h264"
	"weir/internal/codec/h265"
	"weir/internal/codec/nal"
	"weir/internal/media"
)

// Form is the form of tag bodies: of video and audio messages, and of data messages in AMF0.
// The kind of a frame's track says which of them its body is.
var Form media.Form = form{}

type form struct{}

// Data finds the packet of the frame's track and returns its access unit. It is a subslice of
// the body, except of payloads with start codes or with lengths of another size than 4 bytes.
func (form) Data(f *media.Frame) []byte {
	t := f.Source()
	if t.Kind == media.Data {
		return f.Raw()
	}
	data := payload(f)
	switch t.Codec {
	case media.H264, media.H265:
		if nal.Detect(data, 4) == nal.Normal { // shorter lengths do not look like that
			return data
		}
		if nal.Detect(data, lengthSize(t)) == nal.Damaged {
			return nil
		}
		return normalized.Of(f)
	case media.AV1:
		return av1.TrimDelimiter(data)
	}
	return data
}

// normalized is for payloads that cannot be had as a subslice.
var normalized = media.NewMemo(func(f *media.Frame) []byte {
	return nal.Normalize(payload(f), lengthSize(f.Source()))
})

// lengthSize returns how many bytes the lengths have that the publisher sends. Its header says
// so; the track's Config is about Data, where they have 4.
func lengthSize(t *media.Track) int {
	config := t.Config
	if t.Form == Form {
		var few [4]Packet
		packets, _ := ParseVideo(few[:0], t.Header)
		for i := range packets {
			if p := &packets[i]; p.Track == t.ID && p.Type == SequenceStart {
				config = p.Data
			}
		}
	}
	if t.Codec == media.H265 {
		return h265.LengthSize(config)
	}
	return h264.LengthSize(config)
}

// payload returns what the frame's body has for its track, or nil.
func payload(f *media.Frame) []byte {
	t := f.Source()
	var few [4]Packet
	packets := few[:0]
	if t.Kind == media.Video { // damage behind our packet is not our concern
		packets, _ = ParseVideo(packets, f.Raw())
	} else {
		packets, _ = ParseAudio(packets, f.Raw())
	}
	for i := range packets {
		p := &packets[i]
		if p.Track == t.ID && p.Type == CodedFrames && p.Codec == t.Codec {
			return p.Data
		}
	}
	return nil
}
