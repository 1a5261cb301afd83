package shelf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/stream"
	"weir/internal/testkit/logbook"
)

// doorman is a gate that may take its time, and refuses whom it does not know.
type doorman struct {
	asked atomic.Int64
	slow  time.Duration
}

func (d *doorman) Check(ctx context.Context, q stream.Ask) error {
	d.asked.Add(1)
	time.Sleep(d.slow)
	if strings.Contains(q.Request.Param, "bad") {
		return &stream.Denied{Gate: "test", Reason: "bad"}
	}
	return ctx.Err()
}

// lobby is sessions in a bubble.
type lobby struct {
	*Sessions
	t        *testing.T
	registry *stream.Registry
	gate     *doorman
	limit    int
	log      logbook.Book
}

func (l *lobby) logged(words string) int { return strings.Count(l.log.String(), words) }

var name = Name{"v", "live", "a"}

func inLobby(t *testing.T, test func(t *testing.T, l *lobby)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lobby{t: t, gate: &doorman{}, limit: 100}
		log := slog.New(slog.NewTextHandler(&l.log, nil))
		l.registry = stream.NewRegistry(stream.Options{Gates: []stream.Gate{l.gate}})
		l.Sessions = NewSessions(Options{
			Kind: "test-play", Param: "ctx", Registry: func() *stream.Registry { return l.registry },
			Limit: func() int { return l.limit }, Log: log,
		})
		test(t, l)
		l.Stop()
		if n := len(l.registry.Sessions()); n != 0 || l.Len() != 0 || len(l.plain) != 0 {
			t.Errorf("left: %d in the registry, %d here, %d plain", n, l.Len(), len(l.plain))
		}
	})
}

func ask(query, agent string) *http.Request {
	q := httptest.NewRequest(http.MethodGet, "http://host/live/a.mpd?"+query, nil)
	q.Header.Set("User-Agent", agent)
	return q
}

func (l *lobby) admit(q *http.Request, id string) *Session {
	l.t.Helper()
	x, err := l.Admit(q, name, "live/a.mpd", id, 10*time.Second, "_D_")
	if err != nil {
		l.t.Fatal(err)
	}
	return x
}

// found reports what Find has of an id.
func (l *lobby) found(what, id string, there, over bool) {
	l.t.Helper()
	if x, ended := l.Find(id); (x != nil) != there || ended != over {
		l.t.Errorf("%s: %v, ended %t; want %t, %t", what, x, ended, there, over)
	}
}

func TestAdmit(t *testing.T) {
	inLobby(t, func(t *testing.T, l *lobby) {
		x := l.admit(ask("token=1&_D_time=5&ctx=old", "p"), "")
		q := x.Request
		if !Ours(x.ID) || q.ID != x.ID || x.Name != name || q.Kind != "test-play" || q.Name != "a.mpd" || q.Param != "?token=1" ||
			q.TCURL != "http://host/live" || !q.Viewer || !q.Indirect || q.Vhost != "v" || q.App != "live" || q.Stream != "a" {
			t.Errorf("%s: %+v", x.ID, q)
		}
		if _, ok := l.registry.Session(x.ID); !ok || l.Len() != 1 || l.Patience(x) != 10*time.Second {
			t.Errorf("%d sessions, listed: %t", l.Len(), ok)
		}
		l.found("it", x.ID, true, false)
		l.found("another", "other", false, false)
		l.found("none", "", false, false)
		w, done := x.Count(httptest.NewRecorder())
		_, _ = w.Write([]byte("12345"))
		done()
		if n := q.Traffic.Sent.Load(); n != 5 {
			t.Errorf("%d bytes are counted", n)
		}
	})
}

func TestIDs(t *testing.T) {
	inLobby(t, func(t *testing.T, l *lobby) {
		for id, own := range map[string]bool{
			"customer-17_A": true, strings.Repeat("x", maxID): true,
			"": false, strings.Repeat("x", maxID+1): false, "a b": false, "a%b": false, "a\nb": false, "ä": false, "a/b": false,
		} {
			if x := l.admit(ask("", "p"), id); (x.ID == id) != own || !own && !Ours(x.ID) {
				t.Errorf("%q became %q", id, x.ID)
			}
		}
		if x := l.admit(ask("", "p"), "customer-17_A"); x.ID == "customer-17_A" {
			t.Error("two have the same id")
		}
	})
	for query, want := range map[string]string{"": "", "ctx=a": "a", "a=b&ctx=c&d": "c", "xctx=a": "", "ctx=": "", "ctx": ""} {
		if got := NewSessions(Options{Param: "ctx"}).ID(query); got != want {
			t.Errorf("ID(%s) = %s", query, got)
		}
	}
	for id, want := range map[string]bool{"a1b2c3d4": true, "a1b2c3d": false, "a1b2c3d45": false, "A1b2c3d4": false, "a1b2-3d4": false} {
		if Ours(id) != want {
			t.Errorf("Ours(%s) = %t", id, !want)
		}
	}
}

func TestRefuse(t *testing.T) {
	inLobby(t, func(t *testing.T, l *lobby) {
		_, err := l.Admit(ask("bad", "p"), name, "a.mpd", "", time.Second)
		var denied *stream.Denied
		if !errors.As(err, &denied) || l.Len() != 0 || l.logged("play refused") != 1 {
			t.Errorf("%v; %d sessions", err, l.Len())
		}
		l.limit = 1
		for range PerConnection {
			l.admit(ask("", "p"), "")
		}
		if _, err := l.Admit(ask("", "p"), name, "a.mpd", "", time.Second); !errors.Is(err, ErrFull) || l.gate.asked.Load() != PerConnection+1 {
			t.Errorf("one too many: %v", err)
		}
	})
	for _, c := range []struct {
		err  error
		code int
	}{
		{&stream.Denied{Gate: "g", Reason: "r"}, http.StatusForbidden}, {errors.New("a fault"), http.StatusForbidden},
		{&stream.Moved{URL: "http://x/a"}, http.StatusFound}, {&stream.Moved{URL: "rtmp://x/a"}, http.StatusForbidden},
		{fmt.Errorf("so: %w", ErrFull), http.StatusServiceUnavailable}, {ErrStopped, http.StatusServiceUnavailable},
	} {
		w := httptest.NewRecorder()
		if Refuse(w, ask("", "p"), c.err); w.Code != c.code {
			t.Errorf("%v: %d", c.err, w.Code)
		}
	}
}

// TestRecall has players come back that do not say who they are.
func TestRecall(t *testing.T) {
	inLobby(t, func(t *testing.T, l *lobby) {
		plain := ask("token=1", "vlc")
		if x, _ := l.Recall(plain, name); x != nil {
			t.Error("one that has never come is known")
		}
		x := l.admit(plain, "")
		for what, c := range map[string]struct {
			q    *http.Request
			n    Name
			same bool
		}{
			"again":          {ask("token=1", "vlc"), name, true},
			"other program":  {ask("token=1", "mpv"), name, false},
			"other query":    {ask("token=2", "vlc"), name, false},
			"other stream":   {ask("token=1", "vlc"), Name{"v", "live", "b"}, false},
			"other vhost":    {ask("token=1", "vlc"), Name{"w", "live", "a"}, false},
			"another token":  {with(ask("token=1", "vlc"), "Authorization"), name, false},
			"another page":   {with(ask("token=1", "vlc"), "Referer"), name, false},
			"another client": {from(ask("token=1", "vlc"), "198.51.100.7:99"), name, false},
		} {
			if got, ended := l.Recall(c.q, c.n); (got == x) != c.same || ended {
				t.Errorf("%s: %v, %t", what, got, ended)
			}
		}
		if got, _ := l.Recall(from(plain, "192.0.2.1:9"), name); got != x {
			t.Error("from another port")
		}
		l.Hear(x, time.Minute, false)
		if got, _ := l.Recall(plain, name); got != x || l.Patience(x) != time.Minute {
			t.Error("one that has not told its id is forgotten")
		}
		l.Hear(x, time.Minute, true)
		if got, _ := l.Recall(plain, name); got != nil {
			t.Error("one that tells its id is taken for another")
		}
		l.found("by its id", x.ID, true, false)

		one, two := l.admit(plain, ""), l.admit(plain, "")
		l.Hear(one, time.Minute, true)
		if got, _ := l.Recall(plain, name); got != two {
			t.Error("of two alike, the one that has told its id is gone, and the other too")
		}
	})
}

func with(q *http.Request, header string) *http.Request {
	q.Header.Set(header, "Bearer x")
	return q
}

func from(q *http.Request, addr string) *http.Request {
	q = q.Clone(q.Context())
	q.RemoteAddr = addr
	return q
}

func TestExpire(t *testing.T) {
	inLobby(t, func(t *testing.T, l *lobby) {
		silent, heard := l.admit(ask("a", "p"), ""), l.admit(ask("b", "p"), "")
		time.Sleep(10 * time.Second)
		l.Expire(time.Now())
		l.found("at its limit", silent.ID, true, false)
		l.Hear(heard, 20*time.Second, true)
		time.Sleep(time.Millisecond)
		l.Expire(time.Now())
		l.found("behind it", silent.ID, false, false)
		l.found("one that has been heard", heard.ID, true, false)
		if x, _ := l.Recall(ask("a", "p"), name); x != nil {
			t.Error("one that is over is known")
		}
		if l.logged("client left") != 1 || len(l.registry.Sessions()) != 1 {
			t.Errorf("%d have left, %d stay", l.logged("client left"), len(l.registry.Sessions()))
		}
	})
}

// TestKick has a player hear that it has been ended, for as long as it may be silent.
func TestKick(t *testing.T) {
	inLobby(t, func(t *testing.T, l *lobby) {
		x := l.admit(ask("", "p"), "")
		for _, want := range []error{nil, stream.ErrNoSession} {
			if err := l.registry.Kick(x.ID, stream.ErrKicked); !errors.Is(err, want) {
				t.Errorf("%v; want %v", err, want)
			}
		}
		l.found("kicked", x.ID, true, true)
		if got, ended := l.Recall(ask("", "p"), name); got != x || !ended {
			t.Errorf("kicked: %v, %t", got, ended)
		}
		if other := l.admit(ask("other", "p"), x.ID); other.ID == x.ID {
			t.Error("the id of one that has been ended is given away")
		}
		time.Sleep(11 * time.Second)
		l.Expire(time.Now())
		l.found("later", x.ID, false, false)
		if n := l.logged("kicked by the API"); n != 1 {
			t.Errorf("%d lines", n)
		}
	})
}

// TestWhileAsked has things happen while the gates think.
func TestWhileAsked(t *testing.T) {
	for what, do := range map[string]func(l *lobby, cancel func()){
		"the server stops": func(l *lobby, _ func()) { l.Stop() },
		"the client goes":  func(_ *lobby, cancel func()) { cancel() },
		"kicked": func(l *lobby, _ func()) {
			for _, x := range l.all {
				l.kick(x, stream.ErrKicked)
			}
		},
		"time passes": func(l *lobby, _ func()) { l.Expire(time.Now().Add(time.Hour)) },
	} {
		inLobby(t, func(t *testing.T, l *lobby) {
			l.gate.slow = time.Minute
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var x *Session
			var err error
			var work sync.WaitGroup
			work.Go(func() { x, err = l.Admit(ask("", "p").WithContext(ctx), name, "a.mpd", "mine", time.Second) })
			synctest.Wait()
			l.found(what+", asked for", "mine", false, false)
			if got, _ := l.Recall(ask("", "p"), name); got != nil || l.Len() != 1 {
				t.Errorf("%s: %v, %d", what, got, l.Len())
			}
			do(l, cancel)
			work.Wait()
			synctest.Wait()
			switch what {
			case "the server stops":
				l.found(what, "mine", false, false)
				if _, err := l.Admit(ask("", "p"), name, "a.mpd", "", time.Second); !errors.Is(err, ErrStopped) {
					t.Errorf("behind the stop: %v", err)
				}
			case "the client goes":
				if !errors.Is(err, context.Canceled) || l.Len() != 0 || l.logged("client left") != 1 {
					t.Errorf("%s: %v, %d", what, err, l.Len())
				}
			case "kicked":
				l.found(what, "mine", true, true)
				if n := len(l.registry.Sessions()); n != 0 {
					t.Errorf("%s: %d in the registry", what, n)
				}
			case "time passes":
				if l.found(what, "mine", true, false); x == nil || err != nil {
					t.Errorf("%s: %v, %v", what, x, err)
				}
			}
		})
	}
}

// TestCrowd has many come and go at once.
func TestCrowd(t *testing.T) {
	inLobby(t, func(t *testing.T, l *lobby) {
		var work sync.WaitGroup
		for i := range 20 {
			work.Go(func() {
				for n := range 20 {
					x, err := l.Admit(ask(fmt.Sprint(n%3), "p"), name, "a.mpd", fmt.Sprint(n), time.Second)
					if err != nil {
						t.Error(err)
						return
					}
					l.Hear(x, time.Second, i%2 == 0)
					_, _ = l.Recall(ask("0", "p"), name)
					if n%4 == 0 {
						_ = l.registry.Kick(x.ID, stream.ErrKicked)
					}
					time.Sleep(time.Duration(i) * 100 * time.Millisecond)
					l.Expire(time.Now())
				}
			})
		}
		work.Wait()
	})
}
