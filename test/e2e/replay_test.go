package e2e

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/internal/format/amf0"
	"weir/internal/protocol/rtmp"
)

var (
	update  = flag.Bool("update", false, "write the sessions made by hand, and the server's replies, to testdata/replay")
	capture = flag.Bool("capture", false, "record the sessions of real programs into testdata/replay")
)

const replays = "testdata/replay"

// replay sends a client's side of a session and returns the server's messages.
func replay(t *testing.T, f *fixture, session []byte) (got []rtmp.Message, from string) {
	t.Helper()
	conn, err := net.Dial("tcp", f.rtmp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		_, _ = conn.Write(session) // the server may have enough of it before the end
		_ = conn.(*net.TCPConn).CloseWrite()
	})
	r := wireReader{conn, 128}
	if _, err := r.read(1 + 2*1536); err != nil {
		return nil, conn.LocalAddr().String()
	}
	for {
		m, err := r.message()
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the server's side ends with %v", err)
			}
			return got, conn.LocalAddr().String()
		}
		got = append(got, m)
	}
}

// TestReplay replays the sessions of well-behaved clients: what real programs have sent, and
// what older ones are known to send. The replies are compared message by message.
func TestReplay(t *testing.T) {
	if *update {
		for name, wire := range byHand(t) {
			save(t, name+".bin", wire)
		}
	}
	files, _ := filepath.Glob(filepath.Join(replays, "good-*.bin"))
	if len(files) < 12 {
		t.Errorf("only %d sessions", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".bin")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{vhost: quick})
			got, _ := replay(t, f, load(t, name+".bin"))
			var b strings.Builder
			for _, m := range got {
				b.WriteString(describe(&m) + "\n")
			}
			waitFor(t, "the session's end in the log", func() bool { return f.log.Count(" ended") == 1 })
			kind := regexp.MustCompile(`(\S+) ended`).FindStringSubmatch(f.log.Lines(" ended")[0])[1]
			b.WriteString("it was: " + strings.Trim(kind, `msg="`) + "\n")
			if *update {
				save(t, name+".txt", []byte(b.String()))
			}
			if want := string(load(t, name+".txt")); b.String() != want {
				t.Errorf("the replies are\n%s\nwant\n%s", b.String(), want)
			}
		})
	}
}

// TestReplayBad replays the sessions of broken clients. Each ends alone, the log says why in one
// line, a publisher and a player beside notice nothing, and the memory comes back.
func TestReplayBad(t *testing.T) {
	f := serve(t, conf{vhost: quick})
	view := playClient(t, f.url("neighbour"))
	pub := publishTags(t, f.url("neighbour"), readClip(t, newClip(t, "h264", "small")), 0)
	watched(t, map[string]viewing{"neighbour": view}, 5)
	before := heap()
	files, _ := filepath.Glob(filepath.Join(replays, "bad-*.bin"))
	if len(files) < 12 {
		t.Errorf("only %d sessions", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".bin")
		t.Run(name, func(t *testing.T) {
			ended := f.log.Count(" ended")
			_, from := replay(t, f, load(t, name+".bin"))
			waitFor(t, "the session's end in the log", func() bool { return f.log.Count(" ended") > ended })
			lines := f.log.Lines(" ended")[ended:]
			want := strings.TrimSpace(string(load(t, name+".txt")))
			if len(lines) != 1 || !strings.Contains(lines[0], want) {
				t.Errorf("the log says of the client at %s\n%s\nwant: %s", from, strings.Join(lines, "\n"), want)
			}
		})
	}
	watched(t, map[string]viewing{"neighbour": view}, 5)
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("%d KB of memory have not come back", grown>>10)
	}
	pub.stop()
	var sent []rtmp.Message
	for _, m := range pub.messages() {
		if m.Kind != 18 {
			sent = append(sent, m)
		}
	}
	compareBodies(t, view, sent)
	view.client.Close()
}

// TestHalfSent has a publisher begin many long messages and finish none, until it is too much.
func TestHalfSent(t *testing.T) {
	f := serve(t, conf{vhost: quick})
	before := heap()
	s := converse(t, f, "publish", "s")
	const size = 1 << 20
	s.send(rtmp.Message{Kind: 1, Chunk: 2, Body: []byte{0, 16, 0, 0}})
	piece := make([]byte, size)
	for id := range byte(64) {
		_, err := s.conn.Write(append([]byte{0, id, 0, 0, 0, 0xFF, 0xFF, 0xFF, 9, 1, 0, 0, 0}, piece...))
		if err != nil {
			break // it had enough
		}
	}
	waitFor(t, "the log to say why", func() bool { return f.log.Count("flash-publish ended", "rtmp: too much unfinished") == 1 })
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("%d KB of memory have not come back", grown>>10)
	}
}

// compareBodies checks that the player has got all that was sent, in order.
func compareBodies(t *testing.T, v *clientViewer, sent []rtmp.Message) {
	t.Helper()
	media := func() (list []rtmp.Message) {
		for _, m := range v.messages() {
			if m.Kind != 18 {
				list = append(list, m)
			}
		}
		return list
	}
	poll(func() bool { return len(media()) >= len(sent)-1 })
	at := 0
	for i := range sent {
		if isHeader(&sent[i]) {
			continue
		}
		for at < len(media()) && isHeader(&media()[at]) {
			at++
		}
		got := media()
		if at >= len(got) {
			if i < len(sent)-1 { // the last one may have been cut off
				t.Errorf("%d of %d messages came", i, len(sent))
			}
			return
		}
		if !bytes.Equal(got[at].Body, sent[i].Body) {
			t.Fatalf("message %d of the neighbour is not what was sent", i)
		}
		at++
	}
}

// heap returns the memory in use, after the garbage has gone.
func heap() int64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// describe writes a message as a line: where it goes, and what it says.
func describe(m *rtmp.Message) string {
	head := fmt.Sprintf("chunk stream %d, stream %d: ", m.Chunk, m.Stream)
	switch m.Kind {
	case 1:
		return head + fmt.Sprint("set chunk size ", be32(m.Body))
	case 3:
		return head + fmt.Sprint("acknowledgement of ", be32(m.Body))
	case 4:
		return head + fmt.Sprintf("user control %d, % x", int(m.Body[0])<<8|int(m.Body[1]), m.Body[2:])
	case 5:
		return head + fmt.Sprint("window acknowledgement size ", be32(m.Body))
	case 6:
		return head + fmt.Sprintf("set peer bandwidth %d, type %d", be32(m.Body), m.Body[4])
	case 18, 20:
		values, err := amf0.ParseAll(m.Body)
		if err != nil {
			return head + err.Error()
		}
		var words []string
		for _, v := range values {
			words = append(words, show(v))
		}
		return head + strings.Join(words, " ")
	}
	return head + fmt.Sprintf("type %d, %d bytes, % x", m.Kind, len(m.Body), m.Body[:min(8, len(m.Body))])
}

// show writes a value. What differs from run to run is left out.
func show(v any) string {
	list := func(props []amf0.Property) string {
		var words []string
		for _, p := range props {
			value := show(p.Value)
			switch p.Name {
			case "srs_id", "srs_pid", "weir":
				value = "…"
			}
			words = append(words, p.Name+": "+value)
		}
		return strings.Join(words, ", ")
	}
	switch v := v.(type) {
	case amf0.Object:
		return "{" + list(v) + "}"
	case amf0.ECMAArray:
		return "[" + list(v) + "]"
	case amf0.Undefined:
		return "undefined"
	case string:
		return fmt.Sprintf("%q", v)
	case nil:
		return "null"
	}
	return fmt.Sprint(v)
}

func load(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(replays, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func save(t *testing.T, name string, b []byte) {
	t.Helper()
	if len(b) > 200<<10 {
		t.Errorf("%s would have %d bytes", name, len(b))
	}
	if err := os.WriteFile(filepath.Join(replays, name), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestCapture records what real programs send. It runs with -capture only, and TestReplay with
// -update afterwards.
func TestCapture(t *testing.T) {
	if !*capture {
		t.Skip("nothing is recorded without -capture")
	}
	c := newClip(t, "h264", "small")
	for name, start := range map[string]func(url string) interface{ interrupt() }{
		"good-ffmpeg-publish": func(url string) interface{ interrupt() } {
			return ffmpegPublisher("ffmpeg")(t, url, c, 0).(*process)
		},
		"good-ffmpeg7-publish": func(url string) interface{ interrupt() } {
			return ffmpegPublisher("ffmpeg7", "-rtmp_enhanced_codecs", "hvc1")(t, url, newClip(t, "hevc", "small"), 0).(*process)
		},
		"good-gstreamer-publish": func(url string) interface{ interrupt() } { return gstPublisher(t, url, c, 0).(*process) },
		"good-ffmpeg-play":       func(url string) interface{ interrupt() } { return ffmpegPlayer(t, url, "h264").(*fileViewer) },
		"good-gstreamer-play":    func(url string) interface{ interrupt() } { return gstPlayer(t, url, "h264").(*fileViewer) },
		"good-rtmpdump-play":     func(url string) interface{ interrupt() } { return rtmpdumpPlayer(t, url, "h264").(*fileViewer) },
	} {
		t.Run(name, func(t *testing.T) {
			f := serve(t, conf{})
			if strings.HasSuffix(name, "play") {
				publishTags(t, f.url("s"), readClip(t, c), 0)
			}
			r := openRelay(t, f)
			p := start("rtmp://" + r.ln.Addr().String() + "/live/s")
			waitFor(t, "the session", func() bool { return len(r.bytes()) > 3200 })
			time.Sleep(1500 * time.Millisecond)
			p.interrupt()
			r.ln.Close()
			r.done.Wait()
			save(t, name+".bin", r.bytes())
		})
	}
}

// relay stands between a client and the server and keeps what the client sends.
type relay struct {
	ln   net.Listener
	done sync.WaitGroup

	mu   sync.Mutex
	wire []byte
}

func openRelay(t *testing.T, f *fixture) *relay {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	r := &relay{ln: ln}
	r.done.Go(func() {
		client, err := ln.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		server, err := net.Dial("tcp", f.rtmp)
		if err != nil {
			t.Error(err)
			return
		}
		r.done.Go(func() {
			defer client.Close()
			_, _ = io.Copy(client, server) // one side ends it
		})
		defer server.Close()
		_, _ = io.Copy(io.MultiWriter(server, r), client)
	})
	return r
}

func (r *relay) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wire = append(r.wire, p...)
	return len(p), nil
}

func (r *relay) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.wire)
}
