package api

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"weir/internal/media"
	"weir/internal/stream"
)

// TestContacts has what is told of a client without a connection.
func TestContacts(t *testing.T) {
	s := newStudio(t)
	const want = `{"id":"rtc00001","type":"rtc-play","url":"/live/cam","ip":"192.0.2.9","began":"0001-01-01T00:00:00.000Z","ended":null,"state":"failed",` +
		`"told":["udp 198.51.100.7:8000"],"theirs":[],"checks":3,"answered":0,"first_check":null,"last_check":null,` +
		`"paths":[{"protocol":"udp","from":"192.0.2.9:4711","checks":3,"answered":0}],"selected":null,"dtls":"new","dtls_packets":0,` +
		`"reason":"none was in order","next":"use the answer"}`
	var all struct{ Sessions []json.RawMessage }
	if err := json.Unmarshal(s.ask("GET", "/api/v1/rtc/sessions/").Body.Bytes(), &all); err != nil || len(all.Sessions) != 1 || string(all.Sessions[0]) != want {
		t.Errorf("%s, %v", all.Sessions, err)
	}
	var one struct{ Session json.RawMessage }
	if err := json.Unmarshal(s.ask("GET", "/api/v1/rtc/sessions/rtc00001").Body.Bytes(), &one); err != nil || string(one.Session) != want {
		t.Errorf("%s, %v", one.Session, err)
	}
	for path, want := range map[string]string{"/api/v1/rtc/sessions/?start=1": `"sessions":[]`, "/api/v1/rtc/sessions/nobody": `{"code":2049}`} {
		if got := s.ask("GET", path).Body.String(); !strings.Contains(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
	if w := s.ask("DELETE", "/api/v1/rtc/sessions/rtc00001"); w.Code != 405 {
		t.Errorf("DELETE: %d", w.Code)
	}
}

// TestTracks has what is told of a track's way.
func TestTracks(t *testing.T) {
	got, err := json.Marshal(describeTracks([]stream.Transit{{
		Kind: media.Video, Codec: media.H264, Sent: true, Packets: 9, Bytes: 8, Lost: 7, Again: 6, Jitter: 5 * time.Millisecond, Trip: 4 * time.Millisecond, NACKs: 3, PLIs: 2, Rate: 1000,
	}}))
	const want = `[{"kind":"video","codec":"H264","sent":true,"packets":9,"bytes":8,"kbps":1,"lost":7,"resent":6,"jitter_ms":5.00,"rtt_ms":4.00,"nacks":3,"plis":2}]`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
}
