package remux

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/media"
)

func TestSoundAlone(t *testing.T) {
	mp3 := &media.Track{Kind: media.Audio, Codec: media.MP3}
	for _, c := range []struct {
		ext, mime string
		track     *media.Track
		want      string
	}{
		{".aac", "audio/x-aac", sound(), "fff14c8001bffc" + "41040404040404"[:2*6]},
		{".mp3", "audio/mpeg", mp3, "494433030000000000" + "0a" + "50524956000000000000" + "410404040"},
	} {
		h := newHouse(t, func(v *config.Vhost) { v.HTTPRemux.Mount = "[vhost]/[app]/[stream]" + c.ext })
		p := h.publish(layout(c.track))
		p.size = 10
		p.write("aaa") // the past
		got := make(chan *http.Response)
		go func() { got <- h.get("/live/s" + c.ext) }()
		h.await("the viewer", func() bool { return len(h.registry.Sessions()) == 2 })
		h.await("its wait", func() bool { return strings.Contains(h.log.String(), "playing") })
		var answer *http.Response
		for answer == nil {
			p.write("a")
			select {
			case answer = <-got:
			case <-time.After(20 * time.Millisecond):
			}
		}
		if m := answer.Header.Get("Content-Type"); m != c.mime {
			t.Errorf("%s: %s", c.ext, m)
		}
		n := len(c.want) / 2
		if b := fmt.Sprintf("%x", hears(t, answer.Body, n))[:2*n-4]; b[:len(b)-4] != c.want[:len(b)-4] && c.ext == ".mp3" {
			t.Errorf("%s begins with %s, want %s", c.ext, b, c.want)
		} else if c.ext == ".aac" && b[:14] != "fff14c8001bffc" {
			t.Errorf("%s begins with %s", c.ext, b)
		}
	}
}

// TestWrongSound tells a listener at once that there is no such sound.
func TestWrongSound(t *testing.T) {
	h := newHouse(t, func(v *config.Vhost) { v.HTTPRemux.Mount = "[vhost]/[app]/[stream].mp3" })
	p := h.publish(layout(sound()))
	got := make(chan *http.Response)
	go func() { got <- h.get("/live/s.mp3") }()
	h.await("the viewer", func() bool { return len(h.registry.Sessions()) == 2 })
	var answer *http.Response
	for answer == nil {
		p.write("a")
		select {
		case answer = <-got:
		case <-time.After(10 * time.Millisecond):
		}
	}
	if status, text := says(t, answer); status != 415 || !strings.Contains(text, "AAC, not MP3") {
		t.Errorf("%d %s", status, text)
	}
}

func TestFastCache(t *testing.T) {
	h := newHouse(t, func(v *config.Vhost) {
		v.HTTPRemux.Mount, v.HTTPRemux.FastCache = "[vhost]/[app]/[stream].aac", 100*time.Millisecond
	})
	p := h.publish(layout(sound()))
	p.write(strings.Repeat("a", 50)) // a second
	h.await("the cache", func() bool {
		c := h.server.options.Cache
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, r := range c.rings {
			return r.end == 50 && len(r.frames) == 6
		}
		return false
	})
	got := make(chan *http.Response)
	go func() { got <- h.get("/live/s.aac") }()
	h.await("the viewer", func() bool { return strings.Contains(h.log.String(), "playing") })
	p.write("a")
	answer := <-got
	last := byte(0)
	for n := 0; last < 51; n++ {
		frame := hears(t, answer.Body, 7+4)
		if frame[0] != 0xff || last > 0 && frame[8] != last+1 || n == 0 && frame[8] > 46 {
			t.Fatalf("frame %d behind %d: % x", n, last, frame)
		}
		last = frame[8]
	}
	p.Close()
	h.await("an empty cache", func() bool {
		c := h.server.options.Cache
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.rings) == 0
	})
}
