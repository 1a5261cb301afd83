package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/format/flv"
	"weir/internal/protocol/rtmp"
)

// numbering numbers the pictures of a clip, by what they are made of.
type numbering map[string]int

func numbered(t *testing.T, c clip) numbering {
	t.Helper()
	n := numbering{}
	for _, tag := range readClip(t, c) {
		if m := (rtmp.Message{Kind: uint8(tag.Type), Body: tag.Body}); m.Kind == 9 && !isHeader(&m) && len(m.Body) > 5 {
			n[string(m.Body[5:])] = len(n)
		}
	}
	return n
}

// screen is a viewer on a host. It notes what comes, and when.
type screen struct {
	taken
	t     *testing.T
	done  sync.WaitGroup
	close func()
}

// watches plays the stream at an address of rtmp, http or https.
func (h *host) watches(url string) *screen {
	h.t.Helper()
	v := &screen{t: h.t}
	ctx, cancel := context.WithCancel(context.Background())
	v.close = sync.OnceFunc(func() { cancel(); v.done.Wait() })
	h.t.Cleanup(v.close)
	read := v.readFLV
	if strings.HasPrefix(url, "rtmp") {
		read = v.readRTMP
	}
	v.done.Go(func() { v.keep(rtmp.Message{}, read(ctx, h, url)) })
	return v
}

func (v *screen) readRTMP(ctx context.Context, h *host, url string) error {
	c, err := rtmp.Dial(ctx, url, rtmp.DialOptions{ReplyTimeout: patience, Dial: h.dial})
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := c.Play(ctx); err != nil {
		return err
	}
	for {
		m, err := c.ReadMessage()
		if err != nil {
			return err
		}
		v.keep(m, nil)
	}
}

func (v *screen) readFLV(ctx context.Context, h *host, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	known := x509.NewCertPool()
	known.AppendCertsFromPEM(ofLAN().cert)
	way := &http.Transport{DialContext: h.dial, DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: known}}
	answer, err := way.RoundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	in := flv.NewReader(answer.Body)
	if _, _, err := in.ReadHeader(); err != nil {
		return err
	}
	for {
		tag, err := in.ReadTag()
		if err != nil {
			return err
		}
		v.keep(rtmp.Message{Kind: uint8(tag.Type), Time: uint32(tag.Time.Milliseconds()), Body: tag.Body}, nil)
	}
}

// shows waits until so many more pictures have come.
func (v *screen) shows(more int) {
	v.t.Helper()
	from := v.frames()
	if !poll(func() bool { return v.frames() >= from+more || v.shown() != "" }) || v.shown() != "" {
		v.t.Fatalf("%d pictures came, then %d: want %d more; it ended with %q", from, v.frames(), more, v.shown())
	}
}

// viewed is what a viewer has seen.
type viewed struct {
	frames int
	lost   int           // pictures that are missing
	double int           // that have come before
	gap    time.Duration // the longest time from one to the next
	back   int           // times that go back
}

func (s viewed) String() string {
	return fmt.Sprintf("%d pictures, %d lost, %d double, %d times back, %s without one", s.frames, s.lost, s.double, s.back, s.gap.Round(time.Millisecond))
}

// saw reports what a viewer has seen; of a recording at is nil.
func (n numbering) saw(t *testing.T, list []rtmp.Message, at []time.Time) (s viewed) {
	t.Helper()
	last, lastTime, lastAt := -1, uint32(0), time.Time{}
	for i := range list {
		m := &list[i]
		if m.Kind != 9 || isHeader(m) || len(m.Body) <= 5 {
			continue
		}
		number, known := n[string(m.Body[5:])]
		if !known {
			t.Errorf("a picture came that nobody has sent: %d bytes at %d ms", len(m.Body), m.Time)
			continue
		}
		if last >= 0 {
			s.lost += max(0, number-last-1)
			if number <= last {
				s.double++
			}
			if m.Time < lastTime {
				s.back++
			}
		}
		if at != nil {
			if !lastAt.IsZero() {
				s.gap = max(s.gap, at[i].Sub(lastAt))
			}
			lastAt = at[i]
		}
		last, lastTime = number, m.Time
		s.frames++
	}
	return s
}

// ends closes the viewer and decodes what it got. It must not have been closed before.
func (v *screen) ends(n numbering, c clip) viewed {
	v.t.Helper()
	if end := v.shown(); end != "" {
		v.t.Errorf("the viewer was closed: %s", end)
	}
	list, at := v.all()
	v.close()
	s := n.saw(v.t, list, at)
	check(v.t, recording{file: saveMessages(v.t, v.messages())}, expectation{clip: c, frames: s.frames, gap: patience.Seconds()})
	return s
}
