package server

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"weir/internal/config"
)

func TestWarnOfAPI(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*config.HTTPAPI)
		warn bool
	}{
		"everywhere":   {func(*config.HTTPAPI) {}, true},
		"one address":  {func(a *config.HTTPAPI) { a.Listen = []string{"192.0.2.1:1985"} }, true},
		"loopback":     {func(a *config.HTTPAPI) { a.Listen = []string{"127.0.0.1:1985", "[::1]:1985"} }, false},
		"https beside": {func(a *config.HTTPAPI) { a.Listen, a.HTTPS.Enabled = []string{"127.0.0.1:1985"}, true }, true},
		"a password":   {func(a *config.HTTPAPI) { a.Auth.Enabled = true }, false},
		"off":          {func(a *config.HTTPAPI) { a.Enabled = false }, false},
	} {
		var log bytes.Buffer
		cfg := config.Default()
		cfg.HTTPAPI.Enabled = true
		c.edit(&cfg.HTTPAPI)
		announce(slog.New(slog.NewTextHandler(&log, nil)), cfg)
		if got := strings.Contains(log.String(), "asks for no password"); got != c.warn {
			t.Errorf("%s: %s", name, &log)
		}
	}
}
