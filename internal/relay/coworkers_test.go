package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/cluster"
	"weir/internal/config"
	"weir/internal/stream"
)

// TestCoworkers asks as other servers do: by POST, without a body, with the parameters in their order and as they are.
// All are asked; the first in the list who knows is believed.
func TestCoworkers(t *testing.T) {
	const known = `{"code":0,"data":{"query":{"ip":"a.test"},"origin":{"ip":"IP","port":1935,"vhost":"__defaultVhost__","api":"10.0.0.1:1985","routers":["10.0.0.1:1985"]}}}`
	answers := func(answer string, asked chan<- string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			asked <- r.Method + " " + r.RequestURI + " " + string(body)
			if answer == "error" {
				w.WriteHeader(http.StatusInternalServerError)
			}
			_, _ = io.WriteString(w, answer)
		}))
		t.Cleanup(s.Close)
		return strings.TrimPrefix(s.URL, "http://")
	}
	w := newCoworkers()
	defer w.close()
	r := &stream.Request{Vhost: "v.test", App: "live/x", Stream: "s&vhost=y é", TCURL: "rtmp://a.test:19/live"}
	for name, c := range map[string]struct {
		answers []string
		want    string
		failed  bool
	}{
		"nobody":        {[]string{`{"code":0,"data":{"query":{},"origin":null}}`}, "", false},
		"no address":    {[]string{strings.ReplaceAll(known, "IP", "")}, "", false},
		"the first":     {[]string{strings.ReplaceAll(known, "IP", "10.0.0.1"), strings.ReplaceAll(known, "IP", "10.0.0.2")}, "10.0.0.1:1935", false},
		"the second":    {[]string{`{"code":0,"data":{"query":{},"origin":null}}`, strings.ReplaceAll(known, "IP", "10.0.0.2")}, "10.0.0.2:1935", false},
		"one is ill":    {[]string{"error", strings.ReplaceAll(known, "IP", "fe80::1")}, "[fe80::1]:1935", false},
		"one is absurd": {[]string{"what?"}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			var list []string
			asked := make(chan string, len(c.answers))
			for _, a := range c.answers {
				list = append(list, answers(a, asked))
			}
			got, err := w.find(t.Context(), list, r)
			if got != c.want || (err != nil) != c.failed {
				t.Errorf("found %q, %v; want %q", got, err, c.want)
			}
			said := <-asked // an answer ends the others' questions
			_, coworker, _ := strings.Cut(said, "&coworker=")
			want := "POST /api/v1/clusters?vhost=v.test&ip=a.test&app=live/x&stream=s%26vhost=y%20é&coworker=" + coworker
			if said != want || !strings.Contains(strings.Join(list, " "), strings.TrimSpace(coworker)) {
				t.Errorf("asked %q, want %q", said, want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.find(ctx, []string{"127.0.0.1:1"}, r); err == nil {
		t.Error("found by nobody")
	}
}

// answerer answers a request as a coworker does.
type answerer func(*http.Request) (*http.Response, error)

func (a answerer) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

// TestCoworkersLate has coworkers that are gone: who knows is heard soon, and the first in the list of those who answer at about the same
// time is believed.
func TestCoworkersLate(t *testing.T) {
	for name, c := range map[string]struct {
		after map[string]time.Duration // for a coworker to say that it knows; the others do not answer
		want  string
		time  time.Duration
	}{
		"the first is gone": {map[string]time.Duration{"b": 0}, "b:1935", coworkerGrace},
		"the first is slow": {map[string]time.Duration{"a": coworkerGrace / 2, "b": 0}, "a:1935", coworkerGrace / 2},
		"too slow":          {map[string]time.Duration{"a": 2 * coworkerGrace, "b": 0}, "b:1935", coworkerGrace},
		"the last is gone":  {map[string]time.Duration{"a": 0, "b": 0}, "a:1935", 0},
		"all are gone":      {nil, "", coworkerTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newCoworkers()
				w.client.Transport = answerer(func(r *http.Request) (*http.Response, error) {
					wait, known := c.after[r.URL.Host]
					if !known {
						wait = time.Hour
					}
					select {
					case <-time.After(wait):
					case <-r.Context().Done():
						return nil, r.Context().Err()
					}
					body := `{"code":0,"data":{"origin":{"ip":"` + r.URL.Host + `","port":1935}}}`
					return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body))}, nil
				})
				began := time.Now()
				got, err := w.find(t.Context(), []string{"a", "b", "c"}, &stream.Request{App: "live", Stream: "s"})
				if d := time.Since(began); got != c.want || (err == nil) != (c.want != "") || d != c.time {
					t.Errorf("%q, %v after %s; want %q after %s", got, err, d, c.want, c.time)
				}
			})
		})
	}
}

// TestCoworkersByName has the coworkers be all addresses of a name.
func TestCoworkersByName(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"code":0,"data":{"origin":{"ip":"10.0.0.1","port":1935}}}`)
	}))
	defer s.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	x := newStage(t, Scheme{})
	defer x.relay.coworkers.close()
	x.relay.resolver.lookup = func(_ context.Context, name string) ([]string, error) {
		if name != "origins.test" {
			return nil, errors.New("no such name")
		}
		return []string{"127.0.0.1"}, nil
	}
	r := &stream.Request{Vhost: config.DefaultVhost, App: "live", Stream: "s"}
	for coworker, want := range map[string]string{"dns://origins.test:" + port: "[10.0.0.1:1935]", "dns://other.test:" + port: "[]"} {
		x.change(func(v *config.Vhost) { v.Cluster = config.Cluster{OriginCluster: true, Coworkers: []string{coworker}} })
		for _, protocol := range []string{"rtmp", "flv", "flvs"} { // RTMP's is the port that they tell
			from, err := x.relay.origins(t.Context(), protocol, r)
			if fmt.Sprint(from.list) != want || (err == nil) != (want != "[]") || err == nil && from.protocol != byRTMP {
				t.Errorf("%s by %s: %v, %v", coworker, protocol, from, err)
			}
		}
	}
}

// TestPlaceOf has nodes of a registry be reached by what they have a port for.
func TestPlaceOf(t *testing.T) {
	n := cluster.Node{ID: "n", Host: "10.0.0.1", RTMP: 1935, HTTP: 8080}
	plain := cluster.Node{ID: "n", Host: "10.0.0.1", RTMP: 1935}
	for _, c := range []struct {
		node     cluster.Node
		protocol string
		want     string
	}{
		{n, "rtmp", "{[10.0.0.1:1935] rtmp}"},
		{n, "flv", "{[10.0.0.1:8080] flv}"},
		{n, "flvs", "{[10.0.0.1:1935] rtmp}"},
		{plain, "flv", "{[10.0.0.1:1935] rtmp}"},
		{cluster.Node{ID: "n", Host: "10.0.0.1"}, "rtmp", "{[] }"},
	} {
		if got := fmt.Sprint(placeOf(c.node, c.protocol)); got != c.want {
			t.Errorf("%+v by %s: %s, want %s", c.node, c.protocol, got, c.want)
		}
	}
}
