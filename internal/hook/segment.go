package hook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
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

// dotted gives a file the ./ that its directory has in the configuration: receivers compare.
func dotted(dir, file string) string {
	if strings.HasPrefix(dir, "./") && file != "" && !strings.HasPrefix(file, ".") && !filepath.IsAbs(file) {
		return "./" + file
	}
	return file
}

func whole(address string) bool {
	return strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://")
}

// Segment informs of a segment; it does not block.
func (h *Hooks) Segment(s Segment) {
	r := s.Request
	if r == nil {
		return // nobody has published it since the server started
	}
	v := h.o.Vhost(r.Vhost)
	if v == nil || !v.HTTPHooks.Enabled {
		return
	}
	rules, at := &v.HTTPHooks, laneOf(r)
	s.File, s.M3U8 = dotted(v.HLS.HlsPath, s.File), dotted(v.HLS.HlsPath, s.M3U8)
	if len(rules.OnHls) > 0 {
		h.inform(at, "on_hls", r.ID, rules.OnHls, h.body("on_hls", r, about{id: s.StreamID, segment: &s}))
	}
	if len(rules.OnHlsNotify) == 0 {
		return
	}
	id := newEventID()
	for _, pattern := range rules.OnHlsNotify {
		address, err := h.notice(pattern, &s)
		if err != nil {
			h.trouble.note(receiverOf(pattern), "on_hls_notify", r.ID, err)
			continue
		}
		h.put(at, &event{call: call{action: "on_hls_notify", client: r.ID, url: address, id: id}, fetch: true, limit: int64(v.HLS.HlsNbNotify)})
	}
}

var errNotice = errors.New("the address of on_hls_notify is no http or https address whose host is written out")

// notice fills the variables of an address in. A segment whose own address is whole is fetched from
// there. What clients have named decides of path and query and no more.
func (h *Hooks) notice(pattern string, s *Segment) (string, error) {
	if whole(s.URL) {
		return s.URL, nil
	}
	if !whole(pattern) {
		return "", errNotice
	}
	host, _, _ := strings.Cut(pattern[strings.Index(pattern, "://")+len("://"):], "/")
	host, _, _ = strings.Cut(host, "?")
	r := s.Request
	address := strings.NewReplacer(
		"[server_id]", plain(h.o.Server), "[service_id]", plain(h.o.Service),
		"[app]", plain(r.App), "[stream]", plain(r.Stream), "[ts_url]", plain(s.URL), "[param]", escape(r.Param, ""),
	).Replace(pattern)
	if u, err := url.Parse(address); err != nil || u.Host == "" || !strings.HasPrefix(address, u.Scheme+"://"+host) || !strings.HasSuffix(host, u.Host) {
		return "", errNotice
	}
	return address, nil
}

// plain escapes a name, in a path, for which a ? has no meaning.
func plain(name string) string { return escape(name, "?") }

// escape escapes what may not stand in an address, and more.
func escape(s, more string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}#"+more, c) >= 0 || c == '%' && !isEscape(s[i:]) {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func isEscape(s string) bool {
	return len(s) > 2 && strings.Trim(s[1:3], "0123456789abcdefABCDEF") == ""
}

// fetch makes a GET and reads no more of the answer than limit says.
func (h *Hooks) fetch(ctx context.Context, e *event) error {
	e.timeout = notifyTime
	ctx, cancel := context.WithTimeoutCause(ctx, notifyTime, errLate)
	defer cancel()
	began := time.Now()
	w, err := h.send(ctx, h.telling, http.MethodGet, &e.call)
	if err != nil {
		err = noAnswer(ctx, &e.call, err)
	} else {
		_, _ = io.CopyN(io.Discard, w.Body, e.limit) // a shorter one is no failure
		err = w.Body.Close()
	}
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
