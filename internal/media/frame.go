package media

import "sync/atomic"

// Frame is one access unit of one track. It is immutable once it has been written to a
// stream: who wants other times or other bytes makes another frame.
type Frame struct {
	Layout *Layout // the tracks in force
	DTS    int64   // ns on the timeline of Layout; never falls within a track
	PTS    int64   // ns on the same timeline
	At     int64   // ns since the process started: when its last byte arrived
	Track  uint8   // index into Layout.Tracks
	Key    bool    // decoding can start here; always true of audio and data
	Charge int32   // bytes of memory that the stream which has it counts it as

	rides bool // its wire bytes went with an earlier frame
	form  Form
	wire  []byte
	memo  atomic.Pointer[memoNode]
}

// NewFrame returns a frame born as wire, written in form. A nil form says that wire is the
// frame's Data already. Wire belongs to the frame from now on.
func NewFrame(form Form, wire []byte) *Frame {
	return &Frame{form: form, wire: wire}
}

// Ride marks f as one of several frames that came in one piece of wire, the earlier frame's:
// it has Data of its own, and a writer of the same form has nothing more to send for it.
func (f *Frame) Ride() { f.rides = true }

// Data returns the access unit in the one form its codec has here: H.264 and H.265 as NAL
// units each behind a 4-byte length, AV1 as OBUs without the temporal delimiter, VP8 and VP9
// a frame, AAC without ADTS, Opus a packet, others as they are. It is nil if the wire bytes
// are damaged. The result is shared: it must not be changed.
func (f *Frame) Data() []byte {
	if f.form == nil {
		return f.wire
	}
	return f.form.Data(f)
}

// Wire returns the bytes the frame was born with, and whether they are in the given form.
// They are empty, with true, for a frame that rides on an earlier one's.
func (f *Frame) Wire(form Form) ([]byte, bool) {
	if f.form != form {
		return nil, false
	}
	if f.rides {
		return nil, true
	}
	return f.wire, true
}

// Raw returns the bytes the frame came in, whatever their form: also those it shares with the
// frame that it rides on. A Form reads Data out of them.
func (f *Frame) Raw() []byte { return f.wire }

// Size returns how many bytes of memory the frame's wire holds.
func (f *Frame) Size() int {
	if f.rides {
		return 0
	}
	return len(f.wire)
}

// Source returns the track the frame belongs to.
func (f *Frame) Source() *Track { return f.Layout.Tracks[f.Track] }
