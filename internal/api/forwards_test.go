package api

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"weir/internal/stream"
)

// TestForwards has where streams are sent on to.
func TestForwards(t *testing.T) {
	s := newStudio(t)
	defer s.registry.Summon(&stream.Request{Vhost: stream.DefaultVhost, App: "live", Stream: "nowhere"})()
	one := `{"stream_id":"` + s.id("cam") + `","stream":"/live/cam","target":"rtmp://192.0.2.1/live/cam?token=***","state":"sending","since":"0001-01-01T00:00:00.000Z",` +
		`"next_attempt":null,"attempts":1,"send_bytes":4711,"send_frames":47,"lost":0,"last_error":null}`
	other := `{"stream_id":"vid-another","stream":"/live/another","target":"srt://192.0.2.1","state":"waiting","since":"0001-01-01T00:00:00.000Z",` +
		`"next_attempt":"1970-01-01T00:00:09.000Z","attempts":3,"send_bytes":0,"send_frames":0,"lost":5,"last_error":"nobody there"}`
	for path, want := range map[string]string{
		"/api/v1/forwards/": one + "," + other, "/api/v1/forwards/?start=1": other, "/api/v1/forwards/?start=9": "",
		"/api/v1/forwards/" + s.id("cam"): one, "/api/v1/forwards/" + s.id("nowhere"): "",
	} {
		if got := strings.TrimSpace(s.ask("GET", path).Body.String()); !strings.HasPrefix(got, `{"code":0,`) || !strings.HasSuffix(got, `"forwards":[`+want+`]}`) {
			t.Errorf("%s: %s; want %s", path, got, want)
		}
	}
	if got := strings.TrimSpace(s.ask("GET", "/api/v1/forwards/nobody").Body.String()); got != `{"code":2048}` {
		t.Error(got)
	}
	if w := s.ask("DELETE", "/api/v1/forwards/"); w.Code != 405 {
		t.Errorf("DELETE: %d", w.Code)
	}
}

// TestForwardEvents has events of targets, and others that have none.
func TestForwardEvents(t *testing.T) {
	s := newStudio(t)
	r := &stream.Request{ID: "pub00001", Vhost: stream.DefaultVhost, App: "live", Stream: "cam", Traffic: &stream.Traffic{}}
	r.Traffic.Sent.Store(1)
	registry := stream.NewRegistry(stream.Options{Witnesses: []stream.Witness{s.api.Witness}})
	registry.Tell(stream.Event{What: stream.ForwardBegun, Request: r, Target: "rtmp://h/a/b", Sent: 5})
	registry.Tell(stream.Event{What: stream.ForwardFailed, Request: r, Cause: fmt.Errorf("read: %w", io.EOF)})
	var got eventsAnswer
	decode(t, s, "/api/v1/events?what=forward_begin,forward_error", &got)
	if len(got.Events) != 2 {
		t.Fatalf("%s", got.Events)
	}
	for i, want := range []map[string]any{
		{"what": "forward_begin", "client": "pub00001", "stream": "/live/cam", "target": "rtmp://h/a/b", "send_bytes": 5.0, "cause": ""},
		{"what": "forward_error", "client": "pub00001", "target": nil, "send_bytes": 0.0, "cause": "read: EOF"},
	} {
		var event map[string]any
		if err := json.Unmarshal(got.Events[i], &event); err != nil {
			t.Fatal(err)
		}
		for name, value := range want {
			if event[name] != value {
				t.Errorf("%s is %v in %s", name, event[name], got.Events[i])
			}
		}
	}
}
