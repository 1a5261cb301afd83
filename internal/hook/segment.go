package hook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"weir/internal/stream"
)

// notifyTime is how long a fetch of on_hls_notify may take.
const notifyTime = 10 * time.Second

// Segment is a segment of HLS that is complete.
type Segment struct {
	Request       *stream.Request // of the publisher
	StreamID      string
	Duration      time.Duration
	Seq           uint64
	CWD           string // the directory that relative paths start at
	File, URL     string // the segment's file, and its name in the playlist
	M3U8, M3U8URL string // the playlist's file, and its path on the web server
}

// address is the segment's path on the web server: its name in the playlist, beside that.
func (s *Segment) address() string {
	if whole(s.URL) {
		return s.URL
	}
	return path.Join(path.Dir(s.M3U8URL), s.URL)
}

func whole(address string) bool {
	return strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://")
}

// Segment informs of a segment; it does not block.
func (h *Hooks) Segment(s Segment) {
	r := s.Request
	rules := h.rules(r.Vhost)
	if rules == nil {
		return
	}
	at := laneOf(r)
	if len(rules.OnHls) > 0 {
		h.inform(at, "on_hls", r.ID, rules.OnHls, h.body("on_hls", r, about{id: s.StreamID, segment: &s}))
	}
	if len(rules.OnHlsNotify) == 0 {
		return
	}
	limit := int64(0)
	if v := h.o.Config().Vhost(r.Vhost); v != nil {
		limit = int64(v.HLS.HlsNbNotify)
	}
	var urls []string
	for _, pattern := range rules.OnHlsNotify {
		urls = append(urls, h.notice(pattern, &s))
	}
	h.put(at, &event{call: call{action: "on_hls_notify", client: r.ID, urls: urls, id: newEventID()}, fetch: true, limit: limit})
}

// notice fills the variables of an address in. A segment whose own address is whole is fetched from
// there.
func (h *Hooks) notice(pattern string, s *Segment) string {
	if whole(s.URL) {
		return s.URL
	}
	r := s.Request
	return strings.NewReplacer(
		"[server_id]", h.o.Server, "[service_id]", h.o.Service,
		"[app]", r.App, "[stream]", r.Stream, "[ts_url]", s.URL, "[param]", r.Param,
	).Replace(pattern)
}

// fetch makes a GET and reads no more of the answer than limit says.
func (h *Hooks) fetch(ctx context.Context, e *event, to string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, notifyTime, fmt.Errorf("no answer within %s", notifyTime))
	defer cancel()
	began := time.Now()
	err := func() error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, to, http.NoBody)
		if err != nil {
			return errors.New("the callback's address is none")
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("User-Agent", h.o.Agent)
		w, err := h.client.Do(r)
		if err != nil {
			return &mute{cause(ctx, err)}
		}
		defer w.Body.Close()
		_, _ = io.CopyN(io.Discard, w.Body, e.limit) // a shorter one is no failure
		return nil
	}()
	h.meters.took(e.action, time.Since(began), err)
	return err
}

// Recording is a recorded file that is complete.
type Recording struct {
	Request   *stream.Request // of the publisher
	StreamID  string
	CWD, File string
}

// Recorded informs of a recording; it does not block.
func (h *Hooks) Recorded(f Recording) {
	r := f.Request
	if rules := h.rules(r.Vhost); rules != nil && len(rules.OnDvr) > 0 {
		h.inform(laneOf(r), "on_dvr", r.ID, rules.OnDvr, h.body("on_dvr", r, about{id: f.StreamID, recording: &f}))
	}
}
