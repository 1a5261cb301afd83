package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/stream"
)

// happen has so many clients be published, by numbers from the first on.
func (s *studio) happen(what stream.What, from, count int) {
	for n := from; n < from+count; n++ {
		s.api.Witness(stream.Event{
			What: what, At: time.UnixMilli(1_000_000_000_123), StreamID: "vid-ccccccc",
			Request: &stream.Request{ID: fmt.Sprint("c", n), Kind: "fmle-publish", Vhost: stream.DefaultVhost, App: "live", Stream: "cam"},
		})
	}
}

// listener reads a stream of events.
type listener struct {
	t      testing.TB
	lines  *bufio.Scanner
	body   io.Closer
	cancel context.CancelFunc
}

// heard is what a listener has been sent: an event, or a comment.
type heard struct{ id, event, data, comment string }

func listen(t testing.TB, url string, headers ...string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %s, %s", url, a.Status, a.Header.Get("Content-Type"))
	}
	l := &listener{t: t, lines: bufio.NewScanner(a.Body), body: a.Body, cancel: cancel}
	t.Cleanup(l.leave)
	l.want(heard{comment: "retry"})
	return l
}

func (l *listener) leave() { l.cancel(); l.body.Close() }

// next reads one event or comment; all is empty at the end.
func (l *listener) next() (h heard) {
	for l.lines.Scan() {
		name, value, _ := strings.Cut(l.lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case l.lines.Text() == "":
			return h
		case name == "":
			h.comment = value
		case name == "retry":
			h.comment = "retry"
		case name == "id":
			h.id = value
		case name == "event":
			h.event = value
		case name == "data":
			h.data = value
		}
	}
	return h
}

func (l *listener) want(want heard) heard {
	l.t.Helper()
	got := l.next()
	if want.data == "" {
		want.data = got.data
	}
	if got != want {
		l.t.Fatalf("heard %+v; want %+v", got, want)
	}
	return got
}

// number wants the events with these numbers, in this order.
func (l *listener) number(what stream.What, numbers ...int) {
	l.t.Helper()
	for _, n := range numbers {
		l.want(heard{id: fmt.Sprint("k2v9x01c-", n), event: string(what)})
	}
}

func newEventServer(t testing.TB) (*studio, string) {
	t.Helper()
	s := newStudio(t)
	server := httptest.NewServer(s.api)
	t.Cleanup(server.Close)
	t.Cleanup(s.api.Drain)
	return s, server.URL + "/api/v1/events"
}

func TestEventShapes(t *testing.T) {
	s, url := newEventServer(t)
	l := listen(t, url)
	s.api.Witness(stream.Event{
		What: stream.Refused, At: time.UnixMilli(1_000_000_000_123), Act: stream.Play, StreamID: "vid-ccccccc",
		Cause:   &stream.Denied{Gate: "auth", Reason: "the token of /live/cam?token=topsecret has expired"},
		Request: &stream.Request{ID: "play0001", Kind: "flv-play", Vhost: "v.example.com", App: "live", Stream: "cam", Param: "?token=topsecret"},
		Lasted:  1500 * time.Millisecond, Received: 1, Sent: 2, Lost: 3,
	})
	got := l.want(heard{id: "k2v9x01c-1", event: "denied"})
	want := `{"id":"k2v9x01c-1","time":"2001-09-09T01:46:40.123Z","what":"denied",` +
		`"cause":"auth: the token of /live/cam?token=*** has expired","client":"play0001","ip":"","type":"flv-play",` +
		`"stream":"v.example.com/live/cam","stream_id":"vid-ccccccc","act":"play","recv_bytes":1,"send_bytes":2,"lost":3,"lasted":1.50}`
	if got.data != want {
		t.Errorf("denied:\n%s\nwant\n%s", got.data, want)
	}
	s.api.Reloaded([]string{"mr"}, nil, nil)
	if got := l.want(heard{id: "k2v9x01c-2", event: "reload"}); !strings.HasSuffix(got.data, `"what":"reload","cause":"","applied":["mr"],"restart":[]}`) {
		t.Errorf("reload: %s", got.data)
	}
	s.api.Reloaded(nil, nil, errors.New("no such file"))
	if got := l.want(heard{id: "k2v9x01c-3", event: "reload"}); !strings.HasSuffix(got.data, `"cause":"no such file","applied":[],"restart":[]}`) {
		t.Errorf("reload that failed: %s", got.data)
	}
}

func TestEventsResume(t *testing.T) {
	s, url := newEventServer(t)
	s.happen(stream.Published, 1, 3)
	s.happen(stream.Played, 4, 3)
	for query, want := range map[string][]int{
		"?since=0": {1, 2, 3, 4, 5, 6, 7}, "?since=k2v9x01c-4": {5, 6, 7}, "?since=5": {6, 7}, "": {7},
		"?since=before-3": {1, 2, 3, 4, 5, 6, 7}, "?since=99": {7},
	} {
		l := listen(t, url+query)
		if len(want) == 1 {
			defer l.number(stream.Stopped, want...) // when it has come
			continue
		}
		for _, n := range want[:len(want)-1] {
			l.number(map[bool]stream.What{true: stream.Published, false: stream.Played}[n <= 3], n)
		}
		defer l.number(stream.Stopped, 7)
	}
	back := listen(t, url+"?since=0", "Last-Event-ID", "k2v9x01c-5") // the header is newer
	back.number(stream.Played, 6)
	some := listen(t, url+"?what=play,stop&since=1")
	some.number(stream.Played, 4, 5, 6)
	s.happen(stream.Stopped, 7, 1)
	back.number(stream.Stopped, 7)
	some.number(stream.Stopped, 7)
}

func TestEventsMissed(t *testing.T) {
	s, url := newEventServer(t)
	s.happen(stream.Published, 1, keptEvents+50)
	l := listen(t, url, "Last-Event-ID", "k2v9x01c-10")
	if got := l.want(heard{event: "missed"}); !strings.HasPrefix(got.data, `{"missed":40,`) {
		t.Errorf("missed: %s", got.data)
	}
	l.number(stream.Published, 51, 52)
}

// TestEventsDropped has a listener's log run ahead of it while a write to it waits.
func TestEventsDropped(t *testing.T) {
	s := newStudio(t)
	s.happen(stream.Published, 1, 1)
	w := &gatedWriter{ResponseRecorder: httptest.NewRecorder(), turn: make(chan struct{}, 1), wrote: make(chan struct{}, 10)}
	w.turn <- struct{}{} // for the first write
	r := httptest.NewRequest(http.MethodGet, "/api/v1/events?since=0", nil)
	r.Header.Set("Accept", "text/event-stream")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.api.ServeHTTP(w, r)
	}()
	<-w.wrote
	<-w.wrote // the first event is on its way
	s.happen(stream.Published, 2, 2*keptEvents)
	close(w.turn)
	<-ended
	body := w.Body.String()
	if strings.Count(body, "event: publish\n") != 1 || strings.Count(body, "event: dropped\n") != 1 {
		t.Errorf("a slow listener hears:\n%.500s", body)
	}
	if !strings.HasSuffix(body, "\"cause\":\"you have read too slowly\"}\n\n") {
		t.Errorf("a slow listener is not told so:\n%s", body[max(0, len(body)-300):])
	}
}

// gatedWriter waits before each write.
type gatedWriter struct {
	*httptest.ResponseRecorder
	turn, wrote chan struct{}
}

func (g *gatedWriter) Write(b []byte) (int, error) {
	select {
	case g.wrote <- struct{}{}:
	default:
	}
	<-g.turn
	return g.ResponseRecorder.Write(b)
}

func TestEventsList(t *testing.T) {
	s := newStudio(t)
	var got eventsAnswer
	decode(t, s, "/api/v1/events", &got)
	if got.Events == nil || len(got.Events) != 0 || got.Last != "" || got.Server != "vid-0golden" {
		t.Errorf("at first: %+v", got)
	}
	s.happen(stream.Published, 1, keptEvents+5)
	s.happen(stream.Played, 6, 2)
	for query, want := range map[string]int{
		"": keptEvents, "?list&since=k2v9x01c-1000": 7, "?what=play": 2, "?what=play%2Cpublish": keptEvents, "?what=slow": 0, "?since=1007": 0,
	} {
		decode(t, s, "/api/v1/events"+query, &got)
		if len(got.Events) != want || got.Last != "k2v9x01c-1007" {
			t.Errorf("%q: %d events, the last %q; want %d", query, len(got.Events), got.Last, want)
		}
	}
	if w := s.ask("GET", "/api/v1/events?list", "Accept", "text/event-stream"); w.Header().Get("Content-Type") != "application/json" {
		t.Error("no list for who asks for one")
	}
	for query, want := range map[string]string{
		"?what=published":  `what: there are no events \"published\", but these: [connect close publish unpublish play stop denied slow timeout forward_begin forward_end forward_error reload]`,
		"?since=yesterday": `since: \"yesterday\" is not an event's id`, "?since=%zz": `since: invalid URL escape \"%zz\"`,
	} {
		expect(t, s.ask("GET", "/api/v1/events"+query), 200, `{"code":400,"error":"`+want+`"}`)
	}
	expect(t, s.ask("POST", "/api/v1/events"), 405, "Method Not Allowed")
	expect(t, s.ask("GET", "/api/v1/events?what=slow&since=1007&callback=f"), 200,
		`f({"code":0,"server":"vid-0golden","service":"k2v9x01c","pid":"4242","events":[],"last":"k2v9x01c-1007"})`)
}

func TestEventsBound(t *testing.T) {
	s, url := newEventServer(t)
	for range maxListeners {
		listen(t, url)
	}
	w := s.ask("GET", "/api/v1/events", "Accept", "text/event-stream")
	expect(t, w, 503, "Service Unavailable")
	s.api.Drain()
	if w := s.ask("GET", "/api/v1/events", "Accept", "text/event-stream"); w.Code != 503 {
		t.Errorf("after the drain: %d", w.Code)
	}
	s.api.Drain() // may come twice
}

// TestEventsEnd has the server stop: a listener is told, and the answer ends.
func TestEventsEnd(t *testing.T) {
	s, url := newEventServer(t)
	l := listen(t, url)
	s.api.Drain()
	l.want(heard{comment: "the server stops"})
	if got := l.next(); got != (heard{}) {
		t.Errorf("after the end: %+v", got)
	}
}

// TestEventsAlive waits for longer than any time limit of the server's.
func TestEventsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		ctx, cancel := context.WithCancel(t.Context())
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/api/v1/events", nil).WithContext(ctx)
		r.Header.Set("Accept", "text/html, Text/Event-Stream;q=0.9")
		go s.api.ServeHTTP(w, r)
		time.Sleep(100 * time.Second)
		s.happen(stream.Slow, 1, 1)
		synctest.Wait()
		cancel()
		synctest.Wait()
		if got := strings.Count(w.Body.String(), ": alive\n\n"); got != 6 {
			t.Errorf("%d signs of life in 100 s", got)
		}
		if !strings.Contains(w.Body.String(), "event: slow\n") {
			t.Errorf("the event is missing: %s", w.Body)
		}
	})
}

// TestEventsOverHTTP2 passes the time limits of the API's own server too.
func TestEventsOverHTTP2(t *testing.T) {
	s := newStudio(t)
	server := httptest.NewUnstartedServer(nil)
	server.Config = Server(s.api)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	defer s.api.Drain()
	for _, version := range []int{1, 2} {
		transport := server.Client().Transport.(*http.Transport).Clone() //nolint:forcetypeassert // httptest's is one
		transport.ForceAttemptHTTP2 = version == 2
		if version == 1 {
			transport.Protocols = new(http.Protocols)
			transport.Protocols.SetHTTP1(true)
			transport.TLSClientConfig.NextProtos = []string{"http/1.1"}
		}
		r, err := http.NewRequest(http.MethodGet, server.URL+"/api/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/event-stream")
		a, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if a.ProtoMajor != version {
			t.Errorf("HTTP/%d: %s", version, a.Proto)
		}
		l := &listener{t: t, lines: bufio.NewScanner(a.Body)}
		l.want(heard{comment: "retry"})
		for range 2 {
			time.Sleep(300 * time.Millisecond) // longer than what limits other answers
			s.happen(stream.Stopped, 0, 1)
			if got := l.next(); got.event != "stop" {
				t.Fatalf("HTTP/%d: %+v", version, got)
			}
		}
		a.Body.Close()
		transport.CloseIdleConnections()
	}
}

func TestWords(t *testing.T) {
	for want, cause := range map[string]error{
		"": nil,
		"the client has broken the connection off": fmt.Errorf("read: %w", syscall.ECONNRESET),
		"the connection was closed without a word": io.EOF,
		"kicked by the API":                        stream.ErrKicked,
		"the server stops":                         context.Canceled,
	} {
		if got := words(cause); got != want {
			t.Errorf("%v: %q; want %q", cause, got, want)
		}
	}
}

// FuzzEventQuery: whatever is asked, the answer is a list, or words that say what is wrong.
func FuzzEventQuery(f *testing.F) {
	for _, query := range []string{"", "list", "what=publish,denied&since=k2v9x01c-3", "since=-1", "what=%2c", "since=a-b-9&what=", "%zz=1", "since=18446744073709551616"} {
		f.Add(query)
	}
	s := newStudio(f)
	s.happen(stream.Published, 1, 3)
	f.Fuzz(func(t *testing.T, query string) {
		q, err := parseEventQuery(query)
		if err == nil {
			for _, what := range q.whats {
				if !slices.Contains(kinds(), what) {
					t.Errorf("%q: what %q", query, what)
				}
			}
		}
		if strings.Contains(query, "callback") {
			return
		}
		answer := s.api.answer(&call{method: "GET", path: "/api/v1/events", rawQuery: query})
		w := httptest.NewRecorder()
		switch answer := answer.(type) {
		case flow:
			answer(w, &http.Request{Header: http.Header{}})
		default:
			writeJSON(w, "", answer)
		}
		var got struct {
			Code   int
			Error  string
			Events []map[string]any
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || (got.Code == 0) != (got.Error == "") || len(got.Events) > 3 {
			t.Errorf("%q: %s, %v", query, w.Body, err)
		}
	})
}
