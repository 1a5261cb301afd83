package config

import "testing"

func TestParsePlace(t *testing.T) {
	ports := []string{"1935", "127.0.0.1:19350"}
	for raw, want := range map[string]Place{
		"rtmp://127.0.0.1/live/livestream":                 {App: "live", Stream: "livestream"},
		"rtmp://localhost:1935/live/s?vhost=v&token=1&x=2": {Vhost: "v", App: "live", Stream: "s", Param: "token=1&x=2"},
		"rtmp://[::1]:19350/a/b/s":                         {App: "a/b", Stream: "s"},
		"rtmp://127.0.0.1:1935/live?vhost=v/s":             {Vhost: "v", App: "live", Stream: "s"},
		"rtmp://127.0.0.1:1935/live?vhost=v&k=1/s":         {Vhost: "v", App: "live", Stream: "s", Param: "k=1"},
		"rtmp://127.0.0.1:1935/live?vhost=v/s?token=1":     {Vhost: "v", App: "live", Stream: "s", Param: "token=1"},
	} {
		if got, err := ParsePlace(raw, ports); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", raw, got, err, want)
		}
	}
	for _, raw := range []string{
		"", "srt://127.0.0.1/live/s", "rtmp://example.com/live/s", "rtmp://127.0.0.1:1936/live/s", "rtmp://127.0.0.1/live",
		"rtmp://127.0.0.1/live/", "rtmp://127.0.0.1", "rtmp:///live/s", "rtmp://10.0.0.1/live/s",
	} {
		if got, err := ParsePlace(raw, ports); err == nil {
			t.Errorf("%q: %+v", raw, got)
		}
	}
}
