package access

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/internal/config"
	"weir/internal/stream"
)

// TestCommand has the server let in whom the command has signed an address for.
func TestCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := guard(func(v *config.Vhost) { v.Auth.Enabled, v.Auth.Secret = true, []string{"s3cret"} })
	for name, c := range map[string]struct {
		args    []string
		act     stream.Act
		allowed bool
	}{
		"play":            {[]string{"live/s"}, stream.Play, true},
		"play, in words":  {[]string{"-play", "live/s"}, stream.Play, true},
		"play to publish": {[]string{"live/s"}, stream.Publish, false},
		"publish":         {[]string{"-publish", "-secret-file", file, "live/s"}, stream.Publish, true},
		"another stream":  {[]string{"-publish", "live/t"}, stream.Publish, false},
		"over":            {[]string{"-for", "-1m", "live/s"}, stream.Play, false},
		"this address":    {[]string{"-ip", "10.1.2.3", "live/s"}, stream.Play, true},
		"another":         {[]string{"-ip", "10.1.2.4", "live/s"}, stream.Play, false},
		"another vhost":   {[]string{"-vhost", "a.com", "live/s"}, stream.Play, false},
	} {
		text, err := Command(c.args, []string{"A=b", "WEIR_SECRET=s3cret"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		query, rest, _ := strings.Cut(text, "\n")
		if got := says(g, c.act, request("10.1.2.3", "?"+query)); (got == "") != c.allowed {
			t.Errorf("%s: %q", name, got)
		}
		if !strings.Contains(rest, "rtmp://localhost/live/") || strings.Contains(text, "s3cret") || strings.Contains(rest, ".flv") != (c.args[0] != "-publish") {
			t.Errorf("%s: %s", name, text)
		}
	}
	for name, args := range map[string][]string{
		"nothing": {}, "no app": {"s"}, "two": {"a/b", "c/d"}, "both": {"-play", "-publish", "a/b"}, "no address": {"-ip", "x", "a/b"}, "unknown": {"-x", "a/b"},
		"no file": {"-secret-file", file + ".none", "a/b"}, "no secret": {"a/b"},
	} {
		environ := []string{"WEIR_SECRET=x"}
		if name == "no secret" {
			environ = nil
		}
		if text, err := Command(args, environ); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
	if text, err := Command([]string{"-h"}, nil); err != nil || !strings.Contains(text, "usage: weir sign") {
		t.Error(text, err)
	}
}
