package remux

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/transport"
)

// TestFetch fetches a stream from a server of our own, to the end of its publisher.
func TestFetch(t *testing.T) {
	h := newHouse(t, nil)
	p := h.publish(layout(picture(), sound()))
	p.write("KaPaPa")
	traffic := &stream.Traffic{}
	f, err := h.server.Fetch(t.Context(), h.url("/live/s.flv?token=1"), transport.Visit{Traffic: traffic, Via: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if via := h.registry.Sessions(); !hasVia(via, "a", "b") {
		t.Errorf("sessions %+v", via)
	}
	go p.write("PaPaPa")
	var got []*media.Frame
	dst := make([]*media.Frame, 4)
	for len(got) < 12 {
		n, err := f.ReadBatch(dst)
		if err != nil {
			t.Fatal(err, len(got))
		}
		got = append(got, dst[:n]...)
	}
	keys := 0
	for i, m := range got {
		if m.Source().Kind == media.Video && m.Key {
			keys++
		}
		if i > 0 && m.DTS < got[i-1].DTS {
			t.Errorf("frame %d goes back", i)
		}
	}
	if keys != 1 || got[0].Source().Codec != media.H264 || len(got[0].Data()) == 0 {
		t.Errorf("%d key frames; the first is %v", keys, got[0].Source())
	}
	if traffic.Received.Load() == 0 {
		t.Error("nothing is counted")
	}
	p.Close()
	for _, want := range []error{stream.ErrUnpublished, io.EOF, io.EOF} {
		if n, err := f.ReadBatch(dst); n > 0 || !errors.Is(err, want) {
			t.Fatalf("%d frames, %v; want %v", n, err, want)
		}
	}
}

func hasVia(list []stream.SessionInfo, want ...string) bool {
	for _, s := range list {
		if strings.Join(s.Request.Via, " ") == strings.Join(want, " ") {
			return true
		}
	}
	return false
}

// TestFetchRefused has servers that have no stream, send us elsewhere, or send what is none.
func TestFetchRefused(t *testing.T) {
	h := newHouse(t, func(v *config.Vhost) { v.HTTPRemux.WaitTimeout = 100 * time.Millisecond })
	hops := 0
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/round":
			hops++
			http.Redirect(w, r, "/round", http.StatusFound)
		case "/once":
			http.Redirect(w, r, h.url("/live/s.flv"), http.StatusFound)
		case "/page":
			_, _ = io.WriteString(w, "<html>this is no stream at all</html>") // the client closes
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer other.Close()
	for address, want := range map[string]error{
		h.url("/live/s.flv"):  stream.ErrUnpublished,
		other.URL + "/denied": transport.ErrRefused,
		other.URL + "/round":  errHops,
		other.URL + "/page":   nil,
	} {
		f, err := h.server.Fetch(t.Context(), address, transport.Visit{})
		if err == nil {
			f.Close()
		}
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v; want %v", address, err, want)
		}
	}
	if hops != fetchHops+1 {
		t.Errorf("%d hops", hops)
	}
	h.publish(layout(picture(), sound())).write("Ka")
	f, err := h.server.Fetch(t.Context(), other.URL+"/once", transport.Visit{})
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}
