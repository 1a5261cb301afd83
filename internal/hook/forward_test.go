package hook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
)

// TestForward has what backends answer: addresses, a no, and what is neither.
func TestForward(t *testing.T) {
	many := `"rtmp://h/a/b"` + strings.Repeat(`,"rtmp://h/a/b"`, maxTargets)
	for name, c := range map[string]struct {
		answer func(heard) (int, string, error)
		urls   []string
		no     bool
		says   string // empty is an answer
	}{
		"two":          {after(0, 200, `{"code":0,"data":{"urls":["rtmp://h/a/b?c","srt://x:1"]}}`), []string{"rtmp://h/a/b?c", "srt://x:1"}, false, ""},
		"none":         {after(0, 201, `{"code":0,"data":{"urls":[]}}`), []string{}, false, ""},
		"most":         {after(0, 200, `{"code":0,"data":{"urls":[`+strings.Replace(many, `"rtmp://h/a/b",`, "", 1)+`]}}`), slices.Repeat([]string{"rtmp://h/a/b"}, maxTargets), false, ""},
		"too many":     {after(0, 200, `{"code":0,"data":{"urls":[`+many+`]}}`), nil, false, "names 65 addresses, and 64 is the most"},
		"no":           {after(0, 200, `{"code":7,"msg":"not today"}`), nil, true, "on_forward: the receiver says no, with code 7: not today"},
		"a bare no":    {after(0, 200, `7`), nil, true, "with code 7"},
		"a bare yes":   {after(0, 200, `0`), nil, false, "no list of addresses"},
		"no data":      {after(0, 200, `{"code":0}`), nil, false, "no list of addresses"},
		"null":         {after(0, 200, `{"code":0,"data":{"urls":null}}`), nil, false, "no list of addresses"},
		"numbers":      {after(0, 200, `{"code":0,"data":{"urls":[1]}}`), nil, false, "no list of addresses"},
		"a page":       {after(0, 200, `<html>`), nil, false, "neither 0 nor a JSON object"},
		"not found":    {after(0, 404, `{"code":7}`), nil, false, "HTTP status 404"},
		"broken":       {after(0, 500, `{"code":0}`), nil, false, "HTTP status 500"},
		"nobody":       {silence, nil, false, "has not answered"},
		"too long":     {after(0, 200, `{"code":0,"data":{"urls":["`+strings.Repeat("x", maxAnswer)+`"]}}`), nil, false, "longer than"},
		"a long while": {after(100*time.Millisecond, 200, `{"code":0,"data":{"urls":["rtmp://h/a/b"]}}`), []string{"rtmp://h/a/b"}, false, ""},
	} {
		s := newStage(t, func(h *config.HTTPHooks) { h.Enabled = false })
		s.says(c.answer)
		urls, err := s.Forward(t.Context(), at, request("a", "s"))
		switch denied := new(stream.Denied); {
		case c.says == "":
			if err != nil || !slices.Equal(urls, c.urls) {
				t.Errorf("%s: %q, %v", name, urls, err)
			}
		case err == nil || !strings.Contains(err.Error(), c.says) || errors.As(err, &denied) != c.no:
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "business") {
			t.Errorf("%s tells where the backend is: %v", name, err)
		}
		s.stop()
	}
}

// TestForwardBody has what a backend is sent, and by whom it says it is.
func TestForwardBody(t *testing.T) {
	for _, secret := range []string{"", "s3cret"} {
		s := newStage(t, func(h *config.HTTPHooks) { h.Enabled, h.Secret = false, secret })
		s.says(after(0, 200, `{"code":0,"data":{"urls":[]}}`))
		if _, err := s.Forward(t.Context(), at, request("a", "s")); err != nil {
			t.Fatal(err)
		}
		got := s.list()[0]
		const want = `{"action":"on_forward","server_id":"vid-sample","service_id":"51xq2938","client_id":"a","ip":"127.0.0.1",` +
			`"vhost":"__defaultVhost__","app":"live","tcUrl":"rtmp://127.0.0.1:1935/live","stream":"s","param":"?token=abc&id=1"}`
		if got.body != want || got.method != "POST" || got.url != at {
			t.Errorf("%s %s %s", got.method, got.url, got.body)
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(got.header.Get("X-Weir-Timestamp") + "." + want))
		signature := "sha256=" + hex.EncodeToString(mac.Sum(nil))
		if secret == "" {
			signature = ""
		}
		if got.header.Get("X-Weir-Signature") != signature {
			t.Errorf("signed %q; want %q", got.header.Get("X-Weir-Signature"), signature)
		}
		for _, a := range s.Stats().Actions {
			if want := map[string]uint64{onForward: 1}[a.Action]; a.Times.Count != want {
				t.Errorf("%s was called %d times", a.Action, a.Times.Count)
			}
		}
		s.stop()
	}
}
