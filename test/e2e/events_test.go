package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// event is one of /api/v1/events.
type event struct {
	ID       string   `json:"id"`
	What     string   `json:"what"`
	Cause    string   `json:"cause"`
	Client   string   `json:"client"`
	IP       string   `json:"ip"`
	Type     string   `json:"type"`
	Stream   string   `json:"stream"`
	Target   string   `json:"target"`
	StreamID string   `json:"stream_id"`
	Act      string   `json:"act"`
	Received int64    `json:"recv_bytes"`
	Lost     int64    `json:"lost"`
	Lasted   float64  `json:"lasted"`
	Applied  []string `json:"applied"`
}

// hear listens to the server's events until the test ends.
func (f *fixture) hear(query, last string) <-chan event {
	f.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+f.api+"/api/v1/events"+query, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	if last != "" {
		r.Header.Set("Last-Event-Id", last)
	}
	answer, err := apiClient.Transport.RoundTrip(r)
	if err != nil {
		f.t.Fatal(err)
	}
	if kind := answer.Header.Get("Content-Type"); kind != "text/event-stream" {
		f.t.Fatalf("events: %s, %s", answer.Status, kind)
	}
	events, ended := make(chan event, 1000), make(chan struct{})
	go func() {
		defer close(ended)
		defer close(events)
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			var e event
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && json.Unmarshal([]byte(data), &e) == nil {
				events <- e
			}
		}
	}()
	f.t.Cleanup(func() {
		cancel()
		answer.Body.Close()
		<-ended
	})
	return events
}

// next waits for the next event, which has to be of a kind.
func next(t *testing.T, events <-chan event, what string) (e event) {
	t.Helper()
	waitFor(t, "the event "+what, func() bool {
		select {
		case got, ok := <-events:
			if e = got; !ok {
				t.Fatalf("no event %s: the server has ended the answer", what)
			}
			return true
		default:
			return false
		}
	})
	if e.What != what {
		t.Fatalf("event %+v; want %s", e, what)
	}
	return e
}

// TestEvents has somebody hear of a publisher, a player, and who is not wanted.
func TestEvents(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{})
	events := f.hear("?what=publish,unpublish,play,stop,denied,reload", "")
	c := newClip(t, "h264", "small")
	pub := ffmpegPublisher("ffmpeg")(t, f.url("s?token=topsecret"), c, 0)
	published(t, f)
	began := next(t, events, "publish")
	one := f.publishers()[0]
	if began.Client != one.ID || began.Type != one.Type || began.Stream != "/live/s" || began.IP != "127.0.0.1" || began.StreamID == "" || began.Cause != "" {
		t.Errorf("publish: %+v; the client is %+v", began, one)
	}
	view := playClient(t, f.url("s"))
	waitFor(t, "the player to play", func() bool { return view.frames() > 5 })
	played := next(t, events, "play")
	if played.Type != "rtmp-play" || played.StreamID != began.StreamID {
		t.Errorf("play: %+v", played)
	}
	rival := ffmpegPublisher("ffmpeg")(t, f.url("s"), c, 0)
	if err := rival.wait(); err == nil {
		t.Error("two publish one stream")
	}
	if e := next(t, events, "denied"); e.Act != "publish" || !strings.Contains(e.Cause, "busy") || e.Client == one.ID {
		t.Errorf("denied: %+v", e)
	}
	f.kick(played.Client)
	if e := next(t, events, "stop"); e.Client != played.Client || e.Cause != "kicked by the API" || e.Lasted == 0 {
		t.Errorf("stop: %+v", e)
	}
	f.kick(one.ID)
	if e := next(t, events, "unpublish"); e.Client != one.ID || e.Cause != "kicked by the API" || e.Received == 0 {
		t.Errorf("unpublish: %+v", e)
	}
	_ = pub.wait() // it fails, as it should
	f.reload(conf{vhost: "play { queue_length 7; }"})
	if e := next(t, events, "reload"); !slices.ContainsFunc(e.Applied, func(path string) bool { return strings.Contains(path, "queue_length") }) {
		t.Errorf("reload: %+v", e)
	}
	resumed := f.hear("?what=stop,unpublish,denied", played.ID)
	for _, what := range []string{"denied", "stop", "unpublish"} {
		next(t, resumed, what)
	}
	f.eventList(t, played.ID, "topsecret")
}

// eventList looks at the events behind one as a list. A secret is in none.
func (f *fixture) eventList(t *testing.T, since, secret string) {
	t.Helper()
	raw, err := f.call("GET", "/api/v1/events?what=denied,stop,unpublish,reload&since="+since)
	var list struct {
		Code   int
		Events []event
	}
	if err == nil {
		err = json.Unmarshal(raw, &list)
	}
	var whats []string
	for _, e := range list.Events {
		whats = append(whats, e.What)
	}
	if got := fmt.Sprint(whats); err != nil || list.Code != 0 || got != "[denied stop unpublish reload]" {
		t.Errorf("the list: %s, %v", raw, err)
	}
	if raw, err = f.call("GET", "/api/v1/events"); err != nil || strings.Contains(string(raw), secret) {
		t.Errorf("the events tell a secret: %s, %v", raw, err)
	}
}
