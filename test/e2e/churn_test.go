package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/internal/protocol/rtmp"
)

const (
	churnConnects = 2000
	churnAtOnce   = 16
)

// TestChurn has two thousand clients of all sorts come and go, some of whom are refused: afterwards the
// API counts nobody.
func TestChurn(t *testing.T) {
	f := serve(t, conf{
		global: "max_connections 5000;", http: "", vhost: "http_remux { enabled on; wait_timeout 0.05; } hls { enabled on; hls_path " + t.TempDir() + "; }",
		more: "vhost closed.example.com { security { enabled on; deny play all; deny publish all; } http_remux { enabled on; } }",
	})
	var next atomic.Int64
	var came, refused atomic.Int64
	var all sync.WaitGroup
	for range churnAtOnce {
		all.Go(func() {
			for {
				n := next.Add(1)
				if n > churnConnects {
					return
				}
				if f.churn(int(n)) {
					came.Add(1)
				} else {
					refused.Add(1)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d were served, %d refused", came.Load(), refused.Load())
	if came.Load() < churnConnects/2 || refused.Load() < churnConnects/8 {
		t.Error("the crowd is not as it should be")
	}
	waitFor(t, "all to be gone", func() bool {
		return len(f.sessions()) == 0 && f.count("/api/v1/streams/?count=100", "streams") == 0 && f.vhostsAreEmpty()
	})
}

// churn is one client; it reports whether it was served.
func (f *fixture) churn(n int) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	url := f.url(fmt.Sprintf("churn%d", n%50))
	switch n % 8 {
	case 0, 1, 2: // some find the name taken
		return f.churnRTMP(ctx, url, (*rtmp.Client).Publish)
	case 3, 4:
		return f.churnRTMP(ctx, url, (*rtmp.Client).Play)
	case 5:
		return f.churnRTMP(ctx, url+"?vhost=closed.example.com", (*rtmp.Client).Play)
	case 6:
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/live/churn%d.flv", f.http, n%50), http.NoBody)
		if err != nil {
			f.t.Error(err)
			return false
		}
		answer, err := apiClient.Do(request)
		if err != nil {
			f.t.Error(err)
			return false
		}
		defer answer.Body.Close()
		_, _ = io.CopyN(io.Discard, answer.Body, 13)
		return answer.StatusCode == http.StatusOK
	default: // a client that says nothing, and one that hangs up in the middle
		c, err := rtmp.Dial(ctx, url, rtmp.DialOptions{})
		if err != nil {
			f.t.Error(err)
			return false
		}
		c.Close()
		return true
	}
}

func (f *fixture) churnRTMP(ctx context.Context, url string, act func(*rtmp.Client, context.Context) error) bool {
	c, err := rtmp.Dial(ctx, url, rtmp.DialOptions{})
	if err != nil {
		f.t.Error(err)
		return false
	}
	defer c.Close()
	return act(c, ctx) == nil
}

// count is the length of a list of the API.
func (f *fixture) count(path, list string) int {
	raw, err := f.call("GET", path)
	var answer map[string]json.RawMessage
	var items []json.RawMessage
	if err != nil || json.Unmarshal(raw, &answer) != nil || json.Unmarshal(answer[list], &items) != nil {
		f.t.Errorf("%s: %s, %v", path, raw, err)
		return -1
	}
	return len(items)
}

func (f *fixture) vhostsAreEmpty() bool {
	raw, err := f.call("GET", "/api/v1/vhosts/")
	if err != nil {
		f.t.Error(err)
	}
	text := strings.ReplaceAll(string(raw), `"clients":0,"streams":0`, "")
	return !strings.Contains(text, `"streams":`)
}

// TestListedAtOnce measures how soon the API lists a publisher, and how soon it does not any more.
func TestListedAtOnce(t *testing.T) {
	f := serve(t, conf{})
	listed := func() bool {
		raw, err := f.call("GET", "/api/v1/streams/")
		if err != nil {
			t.Error(err)
		}
		return strings.Contains(string(raw), `"active":true`)
	}
	var came, went []time.Duration
	for range 9 {
		c, err := dialPublish(t, f.url("s"), rtmp.DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		waitFor(t, "the stream in the list", listed)
		came = append(came, time.Since(began))
		c.Close()
		began = time.Now()
		waitFor(t, "the stream's leaving it", func() bool { return !listed() })
		went = append(went, time.Since(began))
	}
	slices.Sort(came)
	slices.Sort(went)
	t.Logf("listed after %s, gone after %s (medians)", came[4], went[4])
	if limit := 100 * time.Millisecond; came[4] > limit || went[4] > limit {
		t.Errorf("listed after %s, gone after %s; both should be within %s", came[4], went[4], limit)
	}
}
