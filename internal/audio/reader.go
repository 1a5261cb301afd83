package audio

import (
	"errors"
	"io"

	"weir/internal/media"
)

// Reader is a media.Reader of one audio track in another codec. Its frames have a layout of their
// own, in which the track is the only one.
type Reader struct {
	src   media.Reader
	id    int
	to    *Transcoder
	ready []*media.Frame
	next  int // of ready
	ended error
	told  *media.Track // the last one that was refused
}

// NewReader returns a reader of src's audio track with that media.Track.ID. Frames of other tracks
// are passed over.
func NewReader(src media.Reader, id int, to media.Codec, o Options) (*Reader, error) {
	t, err := NewTranscoder(to, o)
	if err != nil {
		return nil, err
	}
	return &Reader{src: src, id: id, to: t}, nil
}

// ReadFrame returns the next frame. It returns ErrUnsupported once for each track that cannot be
// decoded: who reads on gets the frames of the next one that can.
func (r *Reader) ReadFrame() (*media.Frame, error) {
	for r.next == len(r.ready) {
		if r.ended != nil {
			return nil, r.ended
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
	f := r.ready[r.next]
	r.ready[r.next] = nil // an idle reader pins no frames
	r.next++
	return f, nil
}

// fill reads one frame of the source.
func (r *Reader) fill() error {
	r.ready, r.next = r.ready[:0], 0
	f, err := r.src.ReadFrame()
	if err != nil {
		if r.ended = err; errors.Is(err, io.EOF) {
			r.ready, err = r.to.Flush(r.ready)
			return err
		}
		return nil
	}
	track := f.Source()
	if track.Kind != media.Audio || track.ID != r.id {
		return nil
	}
	r.ready, err = r.to.Append(r.ready, f)
	if errors.Is(err, ErrUnsupported) {
		if r.told == track {
			return nil
		}
		r.told = track
	}
	return err
}

// Track returns the track of the reader's frames.
func (r *Reader) Track() *media.Track { return r.to.Track() }

// Stats returns what became of the source's frames until now.
func (r *Reader) Stats() Stats { return r.to.Stats() }

// Close frees the codecs. It is called when no ReadFrame is under way, and leaves the source alone.
func (r *Reader) Close() { r.to.Close() }
