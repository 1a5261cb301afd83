package audio

import (
	"errors"
	"io"
	"testing"
	"time"

	"weir/internal/media"
)

// list is a media.Reader of frames that are there.
type list []*media.Frame

func (l *list) ReadFrame() (*media.Frame, error) {
	if len(*l) == 0 {
		return nil, io.EOF
	}
	f := (*l)[0]
	*l = (*l)[1:]
	return f, nil
}

// TestReader reads one of three tracks, which for a while is of a kind that is not supported.
func TestReader(t *testing.T) {
	c := open(t, "tone.opus")
	good := &media.Layout{Tracks: []*media.Track{
		{Kind: media.Video, Codec: media.H264}, {ID: 1, Kind: media.Audio, Codec: media.Opus},
		{ID: 2, Kind: media.Audio, Codec: media.Opus, Config: c.track.Config},
	}}
	bad := &media.Layout{Tracks: []*media.Track{good.Tracks[0], good.Tracks[1], {ID: 2, Kind: media.Audio, Codec: media.Speex}}}
	var src list
	for i, f := range c.frames(time.Second) {
		f.Layout, f.Track = good, 2
		if i >= 20 && i < 30 {
			f.Layout = bad
		}
		other := media.NewFrame(nil, []byte("not sound"))
		other.Layout, other.Track, other.PTS = good, uint8(i%2), f.PTS
		src = append(src, other, f)
	}
	r, err := NewReader(&src, 2, media.Opus, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	refused, n := 0, 0
	for {
		f, err := r.ReadFrame()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, ErrUnsupported) {
			refused++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if n++; f.Source() != r.Track() || f.Source().Codec != media.Opus {
			t.Fatalf("a frame of %+v", f.Source())
		}
	}
	if want := len(c.units); refused != 1 || n < want || n > want+2 {
		t.Errorf("refused %d times, %d frames of %d", refused, n, want)
	}
	if s := r.Stats(); s.Silence.Round(time.Millisecond) != 200*time.Millisecond || s.Damaged != 0 {
		t.Errorf("%+v", s)
	}
	if _, err := r.ReadFrame(); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
}

// TestReaderFails passes the source's error on.
func TestReaderFails(t *testing.T) {
	broken := errors.New("broken")
	r, err := NewReader(failing{broken}, 0, media.Opus, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 2 {
		if _, err := r.ReadFrame(); !errors.Is(err, broken) {
			t.Error(err)
		}
	}
	if _, err := NewReader(failing{}, 0, media.FLAC, Options{}); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) ReadFrame() (*media.Frame, error) { return nil, f.err }
