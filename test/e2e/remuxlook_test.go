package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/format/flv"
	"weir/internal/stream"
)

const (
	remuxed     = quick + "http_remux { enabled on; }"
	remuxedDrop = quick + "http_remux { enabled on; guess_has_av off; has_audio off; }"
	remuxedTell = quick + "http_remux { enabled on; guess_has_av off; }"
	remuxedSome = quick + "http_remux { enabled on; has_audio off; }"
	remuxedAAC  = quick + "http_remux { enabled on; mount [vhost]/[app]/[stream].aac; }"
)

// webViewer plays FLV over HTTP, and keeps what it is told.
type webViewer struct {
	mu       sync.Mutex
	status   int
	flags    string
	pictures int
	sounds   int
	bytes    int
	err      error // how it ended
}

// watchFLV opens a stream in the background; other bodies than FLV are only counted.
func watchFLV(t *testing.T, url string) *webViewer {
	t.Helper()
	v := &webViewer{}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		err := v.run(ctx, url)
		v.mu.Lock()
		defer v.mu.Unlock()
		v.err = err
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	return v
}

func (v *webViewer) run(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	way := &http.Transport{DisableKeepAlives: true}
	answer, err := way.RoundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	v.note(func() { v.status = answer.StatusCode })
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	if answer.Header.Get("Content-Type") != "video/x-flv" {
		return v.swallow(answer.Body)
	}
	in := flv.NewReader(answer.Body)
	audio, video, err := in.ReadHeader()
	if err != nil {
		return err
	}
	v.note(func() { v.flags = fmt.Sprintf("sound %t, pictures %t", audio, video) })
	for {
		tag, err := in.ReadTag()
		if err != nil {
			return err
		}
		v.note(func() {
			switch {
			case len(tag.Body) < 2 || tag.Type == flv.TagScript || tag.Body[1] == 0:
			case tag.Type == flv.TagAudio:
				v.sounds++
			default:
				v.pictures++
			}
		})
	}
}

func (v *webViewer) swallow(body io.Reader) error {
	room := make([]byte, 4096)
	for {
		n, err := body.Read(room)
		v.note(func() { v.bytes += n })
		if err != nil {
			return err
		}
	}
}

func (v *webViewer) note(f func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f()
}

func (v *webViewer) look(f func() bool) func() bool {
	return func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return f()
	}
}

// avFeed publishes pictures and sounds of a stream with a name of its own.
type avFeed struct {
	*feed
	name string
	ms   uint32
}

func openAVFeed(t *testing.T, f *fixture) *avFeed {
	t.Helper()
	name := stream.NewID()
	p := &avFeed{feed: openFeed(t, f.url(name)), name: name}
	p.header(t)
	p.send(8, 0, unhex(t, aacHeader)...)
	return p
}

// second sends a second of both kinds.
func (p *avFeed) second() {
	for n := range 25 {
		p.frame(n == 0, p.ms, byte(n))
		p.send(8, p.ms, 0xaf, 1, 0x21, byte(n))
		p.ms += 40
	}
}

// remuxKinds tells of a viewer of a stream with both kinds what the header says, and what comes.
func remuxKinds(t *testing.T, f *fixture) func() string {
	p := openAVFeed(t, f)
	p.second()
	v := watchFLV(t, "http://"+f.http+"/live/"+p.name+".flv")
	return func() string {
		p.second()
		var pictures, sounds int
		waitFor(t, "frames over HTTP", func() bool {
			p.second()
			time.Sleep(100 * time.Millisecond)
			return v.look(func() bool {
				pictures, sounds = v.pictures, v.sounds
				return pictures+sounds > 40
			})()
		})
		word := v.flags + ":"
		if sounds > 0 {
			word += " sounds"
		}
		if pictures > 0 {
			word += " pictures"
		}
		return word
	}
}

// remuxAt tells at which of the paths a stream is.
func remuxAt(paths ...string) func(t *testing.T, f *fixture) func() string {
	return func(t *testing.T, f *fixture) func() string {
		p := openAVFeed(t, f)
		p.second()
		views := map[string]*webViewer{}
		for _, path := range paths {
			views[path] = watchFLV(t, "http://"+f.http+path+p.name+".flv")
		}
		return func() string {
			var at []string
			for _, path := range paths {
				v := views[path]
				var before int
				v.look(func() bool { before = v.pictures; return true })()
				waitFor(t, "an answer", func() bool {
					p.second()
					time.Sleep(20 * time.Millisecond)
					return v.look(func() bool { return v.err != nil || v.pictures > before })()
				})
				if v.look(func() bool { return v.pictures > before })() {
					at = append(at, path)
				}
			}
			return strings.Join(at, " ")
		}
	}
}

// remuxWait tells what somebody hears who waits for a stream that nobody publishes.
func remuxWait(t *testing.T, f *fixture) func() string {
	v := watchFLV(t, "http://"+f.http+"/live/"+stream.NewID()+".flv")
	return func() string {
		for end := time.Now().Add(2500 * time.Millisecond); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if v.look(func() bool { return v.err != nil })() {
				return fmt.Sprint(v.status)
			}
		}
		return "nothing"
	}
}

// remuxPast tells how much of the past somebody gets who comes to listen.
func remuxPast(t *testing.T, f *fixture) func() string {
	p := openAVFeed(t, f)
	for range 4 {
		p.second()
	}
	watchClientOf(t, f, p)
	v := watchFLV(t, "http://"+f.http+"/live/"+p.name+".aac")
	waitFor(t, "the listener", func() bool { return f.log.Count("playing", "/live/"+p.name) > 1 })
	p.send(8, p.ms, 0xaf, 1, 0x21, 99)
	waitFor(t, "sound", v.look(func() bool { return v.bytes > 0 || v.err != nil }))
	var got int
	v.look(func() bool { got = v.bytes / 9; return true })() // 7 bytes of a header and 2
	return func() string {
		var was int
		v.look(func() bool { was = v.bytes; return true })()
		p.ms += 40
		p.send(8, p.ms, 0xaf, 1, 0x21, 98)
		waitFor(t, "more sound", v.look(func() bool { return v.bytes > was }))
		if got > 40 {
			return "the past"
		}
		return "the newest"
	}
}

// watchClientOf has a player take all that was sent, so that all of it is there.
func watchClientOf(t *testing.T, f *fixture, p *avFeed) {
	t.Helper()
	v := playClient(t, f.url(p.name))
	waitFor(t, "the stream", func() bool { return v.frames() > 20 })
}
