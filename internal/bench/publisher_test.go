package bench

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/format/flv"
)

// fakePublication is a server that takes as long as it is told to.
type fakePublication struct {
	take func(n int) time.Duration // of message n

	mu     sync.Mutex
	tags   []flv.Tag
	at     []time.Time
	over   bool
	closed chan struct{}
	fate   error // of the connection
}

var errFake = errors.New("as the test wants")

func newFakePublication(take func(int) time.Duration) *fakePublication {
	return &fakePublication{take: take, closed: make(chan struct{}), fate: errFake}
}

func (p *fakePublication) send(tag flv.Tag) error {
	if p.take != nil {
		pause(context.Background(), p.take(len(p.tags)), p.closed)
	}
	select {
	case <-p.closed:
		return errors.New("closed")
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	tag.Body = append([]byte(nil), tag.Body...)
	p.tags, p.at = append(p.tags, tag), append(p.at, time.Now())
	return nil
}

func (p *fakePublication) watch() error { <-p.closed; return p.fate }
func (p *fakePublication) finish()      { p.over = true }

func (p *fakePublication) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
}

func TestPublisherPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := newFakePublication(nil)
		tally := &tally{open: true}
		epoch := time.Now()
		time.Sleep(123456 * time.Nanosecond) // the grid is not the publisher's
		p := &publisher{tally: tally, src: newTestSource(t, 5e5, 30, time.Second), out: out, epoch: epoch}
		begun := time.Now()
		ctx, end := context.WithTimeout(t.Context(), 10*time.Second-time.Millisecond)
		defer end()
		if err := p.run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		c := &tally.counts
		if c.video != 300 || c.audio < 429 || c.audio > 431 || c.blocked+c.behind != 0 || c.lateness.max > time.Millisecond {
			t.Errorf("%d video, %d audio, %d blocked, %d behind, late up to %v", c.video, c.audio, c.blocked, c.behind, c.lateness.max)
		}
		for i, tag := range out.tags {
			late := out.at[i].Sub(begun) - tag.Time
			if i > 2 && (late < 0 || late > grid || out.at[i].Sub(epoch)%grid != 0) {
				t.Fatalf("message %d, time %v, is sent at %v, %v on the grid", i, tag.Time, out.at[i].Sub(begun), out.at[i].Sub(epoch))
			}
		}
		for i, kind := range []flv.TagType{flv.TagScript, flv.TagVideo, flv.TagAudio} {
			if out.tags[i].Type != kind || out.tags[i].Time != 0 {
				t.Errorf("header %d is %v", i, out.tags[i].Type)
			}
		}
	})
}

// TestPublisherBlocked has a server that stops for two seconds, and one that never goes on.
func TestPublisherBlocked(t *testing.T) {
	for rest, want := range map[time.Duration]counts{
		2 * time.Second: {blocked: 1, video: 150},
		time.Hour:       {behind: 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			out := newFakePublication(func(n int) time.Duration {
				if n == 50 {
					return rest
				}
				return 0
			})
			tally := &tally{open: true}
			p := &publisher{tally: tally, src: newTestSource(t, 5e5, 30, time.Second), out: out, epoch: time.Now()}
			ctx, end := context.WithTimeout(t.Context(), 5*time.Second-time.Millisecond)
			defer end()
			defer context.AfterFunc(ctx, out.close)()
			_ = p.run(ctx)
			c := &tally.counts
			if c.blocked != want.blocked || c.behind != want.behind || want.video > 0 && c.video != want.video {
				t.Errorf("stopped for %v: %d blocked, %d behind, %d video", rest, c.blocked, c.behind, c.video)
			}
			if want.blocked > 0 && c.lateness.max < rest-time.Millisecond {
				t.Errorf("stopped for %v: late up to %v", rest, c.lateness.max)
			}
		})
	}
}
