package remux

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
	"weir/internal/fanout"
	"weir/internal/media"
	"weir/internal/stream"
)

// paper is an answer that is kept in memory.
type paper struct {
	mu     sync.Mutex
	header http.Header
	code   int
	body   []byte
}

func (p *paper) Header() http.Header { return p.header }
func (p *paper) Flush()              {}

func (p *paper) WriteHeader(code int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.code == 0 {
		p.code = code
	}
}

func (p *paper) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.body = append(p.body, b...)
	return len(b), nil
}

// says returns the status and the body so far.
func (p *paper) says() (code int, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.code, string(p.body)
}

func (p *paper) size() int {
	_, body := p.says()
	return len(body)
}

// ask has a path answered in memory, by the viewer's own goroutine.
func (h *house) ask(path string) (w *paper, ended chan struct{}) {
	w, ended = &paper{header: http.Header{}}, make(chan struct{})
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.ProtoMajor = 2
	go func() {
		defer close(ended)
		h.ServeHTTP(w, r)
	}()
	synctest.Wait()
	return w, ended
}

// TestWait holds that whoever waits hears nothing until there is media or the time is over.
func TestWait(t *testing.T) {
	for _, limit := range []time.Duration{30 * time.Second, 2500 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, func(v *config.Vhost) { v.HTTPRemux.WaitTimeout = limit })
			began := time.Now()
			w, ended := h.ask("/live/s.flv")
			if n := len(h.registry.Sessions()); n != 1 {
				t.Errorf("%d sessions while it waits", n)
			}
			time.Sleep(limit - time.Millisecond)
			synctest.Wait()
			if code, body := w.says(); code != 0 || body != "" {
				t.Errorf("while it waits it hears %d %q", code, body)
			}
			<-ended
			code, body := w.says()
			if d := time.Since(began); d != limit || code != 404 || !strings.Contains(body, `"code":404`) {
				t.Errorf("after %v: %d %s", d, code, body)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(v *config.Vhost) { v.HTTPRemux.WaitTimeout = 0 })
		w, ended := h.ask("/live/s.flv")
		time.Sleep(time.Hour)
		p := h.publish(layout(picture(), sound()))
		synctest.Wait()
		if code, _ := w.says(); code != 0 {
			t.Error("it hears of a publisher before there is media")
		}
		p.write(both)
		synctest.Wait()
		if code, body := w.says(); code != 200 || len(body) < 100 {
			t.Errorf("%d, %d bytes", code, len(body))
		}
		time.Sleep(time.Minute) // wait_timeout is over for it
		p.Close()
		<-ended
		if !strings.Contains(h.log.String(), "once somebody publishes") {
			t.Error("the log does not tell that it waited")
		}
	})
}

// TestWaitEnds has a publisher leave who has sent nothing.
func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		w, ended := h.ask("/live/s.flv")
		h.publish(layout(picture())).Close()
		<-ended
		if code, body := w.says(); code != 404 {
			t.Errorf("%d %s", code, body)
		}
	})
}

// TestPace has frames go out together, in the rhythm of mw_latency, and one by one with
// send_min_interval.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(v *config.Vhost) { v.Play.MwLatency = 500 * time.Millisecond })
		p := h.publish(layout(picture(), sound()))
		p.write(both)
		w, ended := h.ask("/live/s.flv")
		n := w.size()
		for range 4 {
			p.write("P")
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			if w.size() != n {
				t.Fatal("a frame has gone out by itself")
			}
		}
		time.Sleep(101 * time.Millisecond)
		synctest.Wait()
		each := 11 + 5 + 8 + 4
		if got := w.size() - n; got != 4*each {
			t.Errorf("%d bytes after the pause, want %d", got, 4*each)
		}
		h.reload(func(v *config.Vhost) { v.Play.SendMinInterval = 50 * time.Millisecond })
		p.write("P")
		time.Sleep(time.Second)
		n = w.size()
		p.write("PPPP")
		time.Sleep(101 * time.Millisecond)
		synctest.Wait()
		if got := w.size() - n; got != 3*each {
			t.Errorf("%d bytes in two intervals, want %d", got, 3*each)
		}
		p.Close()
		<-ended
	})
}

// TestNothingToCarry answers who asks for sound of a stream that has none.
func TestNothingToCarry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(v *config.Vhost) { v.HTTPRemux.Mount = "/[app]/[stream].aac" })
		p := h.publish(layout(picture()))
		w, ended := h.ask("/live/s.aac")
		p.write(strings.Repeat("K", 40)) // 1.6 s
		synctest.Wait()
		if w.size() > 0 {
			t.Error("it does not wait for sound")
		}
		p.write(strings.Repeat("P", 40))
		<-ended
		if code, body := w.says(); code != http.StatusUnsupportedMediaType || !strings.Contains(body, "nothing in this stream") {
			t.Errorf("%d %s", code, body)
		}
	})
}

// TestWaitForSilence has a publisher whose pictures have stopped before a key frame.
func TestWaitForSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(v *config.Vhost) { v.HTTPRemux.Mount = "/[app]/[stream].ts" })
		h.rules.GOPCache = false
		p := h.publish(layout(picture()))
		p.write("K")
		began := time.Now()
		w, ended := h.ask("/live/s.ts")
		p.write(strings.Repeat("P", 20))
		<-ended
		if code, body := w.says(); code != 404 || !strings.Contains(body, "sent nothing yet") || time.Since(began) != 30*time.Second {
			t.Errorf("after %v: %d %s", time.Since(began), code, body)
		}
	})
}

// TestLaterLog has a viewer whose first frames are not in the log, since another has begun it: it
// begins with the key frame that is.
func TestLaterLog(t *testing.T) {
	for _, begins := range []string{"KP", "P"} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, nil)
			p := h.publish(layout(picture(), sound()))
			p.write("KP")
			w, ended := h.ask("/live/s.flv") // which waits for sound
			h.rules.GOPCache = false
			other, err := h.registry.Subscribe(t.Context(), &stream.Request{ID: "other", Vhost: config.DefaultVhost, App: "live", Stream: "s"})
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			key := logKey{form: "flv", jitter: "full"}
			log, release, err := fanout.LogOf(other.Stream(), key, false, func() fanout.Encoder { return newFLV(key, &times{}, describeBy(Product{})) })
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			p.write(begins)
			b, err := other.Take(make([]*media.Frame, 8))
			if err != nil || len(b.Frames) != len(begins) {
				t.Fatal(len(b.Frames), err)
			}
			if err := log.Extend(&b); err != nil {
				t.Fatal(err)
			}
			p.write("aPKP")
			p.Close()
			<-ended
			_, body := w.says()
			want := "meta@0 a-head@80 v-head@80 K@80 v@120 a@120 v@160 K@200 v@240"
			if begins == "P" {
				want = "meta@0 a-head@160 v-head@160 K@160 v@200"
			}
			if got := tags(t, strings.NewReader(body[13:]), strings.Count(want, "@")); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if !strings.Contains(h.log.String(), "lost="+map[string]string{"KP": "2", "P": "5"}[begins]) {
				t.Error("the loss is not counted")
			}
		})
	}
}
