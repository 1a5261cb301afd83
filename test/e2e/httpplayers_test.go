package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"weir/internal/format/flv"
	"weir/internal/protocol/rtmp"
	"weir/internal/stream"
)

// flvAndHLS and tsAlone are the outputs of the suite's vhosts: a vhost has one mount, and that of
// TS would have the names of segments.
func flvAndHLS(t *testing.T, remux string) string {
	t.Helper()
	return "srt { enabled on; }\nhttp_remux { enabled on; mount [vhost]/[app]/[stream].flv; " + remux + " }\n" +
		"hls { enabled on; hls_fragment 1; hls_window 20; hls_path " + t.TempDir() + "; }"
}

func tsAlone(_ *testing.T, remux string) string {
	return "http_remux { enabled on; mount [vhost]/[app]/[stream].ts; " + remux + " }"
}

// fixtures are the servers by their RTMP ports.
var fixtures sync.Map

// serverOf returns the server of an RTMP address.
func serverOf(t *testing.T, raw string) (*fixture, *url.URL) {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	f, ok := fixtures.Load(u.Port())
	if !ok {
		t.Fatalf("no server at %s", raw)
	}
	return f.(*fixture), u
}

// onWeb returns the address over HTTP at which the stream of an RTMP address is played.
func onWeb(t *testing.T, raw, scheme, ending string) string {
	t.Helper()
	f, u := serverOf(t, raw)
	address := f.http
	if scheme == "https" {
		address = f.https
	}
	_, port, _ := net.SplitHostPort(address)
	u.Scheme, u.Host = scheme, net.JoinHostPort(u.Hostname(), port)
	u.Path += ending
	return u.String()
}

func httpFLV(t *testing.T, raw string) string  { t.Helper(); return onWeb(t, raw, "http", ".flv") }
func httpsFLV(t *testing.T, raw string) string { t.Helper(); return onWeb(t, raw, "https", ".flv") }
func wsFLV(t *testing.T, raw string) string    { t.Helper(); return onWeb(t, raw, "ws", ".flv") }
func httpTS(t *testing.T, raw string) string   { t.Helper(); return onWeb(t, raw, "http", ".ts") }
func httpHLS(t *testing.T, raw string) string  { t.Helper(); return onWeb(t, raw, "http", ".m3u8") }

// watchWeb makes a player one of another address.
func watchWeb(at func(*testing.T, string) string, start func(*testing.T, string, string) viewing) func(*testing.T, string, string) viewing {
	return func(t *testing.T, raw, codec string) viewing {
		t.Helper()
		return start(t, at(t, raw), codec)
	}
}

// webSays is what is seen of a refusal over HTTP, by those that show no more than the status.
func webSays(_, _ string) string { return "404" }

// flvViewer is our own client of FLV that comes in any way: it keeps the tags.
type flvViewer struct {
	t    *testing.T
	quit context.CancelFunc
	done sync.WaitGroup
	taken

	audio, video bool // that the header has promised, once something has come
}

// flvPlayer reads what open returns, which may wait for the stream.
func flvPlayer(t *testing.T, open func(context.Context) (io.ReadCloser, error)) viewing {
	t.Helper()
	v := &flvViewer{t: t}
	ctx, quit := context.WithCancel(context.Background())
	v.quit = quit
	t.Cleanup(v.close)
	v.done.Go(func() { v.read(ctx, open) })
	return v
}

func (v *flvViewer) close() {
	v.quit()
	v.done.Wait()
}

func (v *flvViewer) read(ctx context.Context, open func(context.Context) (io.ReadCloser, error)) {
	body, err := open(ctx)
	if err != nil {
		v.keep(rtmp.Message{}, err)
		return
	}
	defer body.Close()
	r := flv.NewReader(body)
	v.audio, v.video, err = r.ReadHeader()
	for err == nil {
		var tag flv.Tag
		tag, err = r.ReadTag()
		if !v.keep(rtmp.Message{Kind: uint8(tag.Type), Time: uint32(tag.Time.Milliseconds()), Body: tag.Body}, err) {
			return
		}
	}
	v.keep(rtmp.Message{}, err)
}

func (v *flvViewer) stop() recording {
	v.t.Helper()
	v.close()
	if v.frames() > 0 && (!v.audio || !v.video) {
		v.t.Errorf("the header promises audio: %t, video: %t", v.audio, v.video)
	}
	return recording{file: saveMessages(v.t, v.messages()), messages: v.messages()}
}

// h2Player plays FLV over HTTP/2.
func h2Player(t *testing.T, address, _ string) viewing {
	t.Helper()
	way := &http.Transport{TLSClientConfig: ourIdentity().trusts(), ForceAttemptHTTP2: true, DialContext: dialNarrow}
	t.Cleanup(way.CloseIdleConnections)
	return flvPlayer(t, func(ctx context.Context) (io.ReadCloser, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return nil, err
		}
		answer, err := way.RoundTrip(request)
		if err != nil {
			return nil, err
		}
		if answer.ProtoMajor != 2 || answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "video/x-flv" {
			return nil, refusedWith(answer)
		}
		return answer.Body, nil
	})
}

// socketPlayer plays FLV over a WebSocket.
func socketPlayer(t *testing.T, address, _ string) viewing {
	t.Helper()
	way := &http.Transport{DialContext: dialNarrow}
	t.Cleanup(way.CloseIdleConnections)
	return flvPlayer(t, func(ctx context.Context) (io.ReadCloser, error) {
		conn, answer, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: &http.Client{Transport: way}})
		if err != nil {
			if answer != nil {
				err = refusedWith(answer)
			}
			return nil, err
		}
		conn.SetReadLimit(-1)
		return websocket.NetConn(ctx, conn, websocket.MessageBinary), nil
	})
}

// refusedWith tells of an answer that is not the stream.
func refusedWith(answer *http.Response) error {
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	return fmt.Errorf("%s %s: %s %s", answer.Proto, answer.Status, answer.Header.Get("Content-Type"), said)
}

// hlsViewer is ffmpeg that plays HLS as a player with a session of its own.
type hlsViewer struct {
	*fileViewer
	server  *fixture
	id      string // of its session
	address string // of its playlist
}

// hlsPlayer waits for the playlist, since ffmpeg would not. It chooses the session's id, so that the
// session can be ended: else it would be over only when it has been silent for long.
func hlsPlayer(t *testing.T, raw, codec string) viewing {
	t.Helper()
	f, _ := serverOf(t, raw)
	id, address := stream.NewID(), httpHLS(t, raw)
	if strings.Contains(address, "?") {
		address += "&hls_ctx=" + id
	} else {
		address += "?hls_ctx=" + id
	}
	var status int
	var said string
	if !poll(func() bool { status, said = f.get(address); return status == http.StatusOK }) {
		t.Fatalf("no playlist at %s: %d %s", address, status, said)
	}
	return &hlsViewer{ffmpegPlayer(t, address, codec).(*fileViewer), f, id, address}
}

func (v *hlsViewer) stop() recording {
	v.t.Helper()
	r := v.fileViewer.stop()
	v.server.kick(v.id)
	return r
}

// isTold checks what a player hears whose session has been kicked.
func (v *hlsViewer) isTold(t *testing.T) {
	t.Helper()
	status, body := v.server.get(v.address)
	if status != http.StatusNotFound || !strings.Contains(body, "HLS stream "+v.id+" is EOF") {
		t.Errorf("the session is kicked, and its playlist is answered with %d %s", status, body)
	}
}

// deniedWeb asks over HTTP for what is not there or not allowed, and is told why.
func deniedWeb(t *testing.T, f *fixture, v player) {
	t.Helper()
	cases := []struct {
		stream string
		status int
		reason string // empty: none is needed
	}{
		{"none?vhost=b.test", http.StatusNotFound, ""}, // the address means nothing
		{"s?vhost=off.test", http.StatusForbidden, "The virtual host off.test is switched off."},
		{"none?vhost=brief.test", http.StatusNotFound, "Nobody publishes this stream."},
	}
	if v.late { // files: any host may have them, and where there are none there is nothing to tell
		cases = cases[:1]
	}
	for _, c := range cases {
		status, body := f.get(v.web(t, f.url(c.stream)))
		if status != c.status {
			t.Errorf("%s: %s is answered with %d, want %d", v.name, c.stream, status, c.status)
		}
		if c.reason == "" {
			continue
		}
		var said struct {
			Code   int    `json:"code"`
			Reason string `json:"reason"`
		}
		if err := json.Unmarshal([]byte(body), &said); err != nil || said.Code != status {
			t.Errorf("%s: %s is answered with %q: %v", v.name, c.stream, body, err)
		}
		if said.Reason != c.reason {
			t.Errorf("%s: %s: the reason is %q, want %q", v.name, c.stream, said.Reason, c.reason)
		}
	}
}
