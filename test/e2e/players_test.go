package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/internal/format/flv"
	"weir/internal/protocol/rtmp"
)

// player is a row of the suite: something that plays a stream and keeps what it gets.
type player struct {
	name   string
	start  func(t *testing.T, url, codec string) viewing
	says   func(code, text string) string        // what a user sees of a refusal
	brief  bool                                  // it ends by itself after two seconds of media
	light  bool                                  // it spares the machine the heavy clips
	web    func(t *testing.T, url string) string // the address that it asks for, if that is over HTTP
	late   bool                                  // it cannot come before there is something to play
	leaves bool                                  // it ends when the publisher does
	lacks  []string                              // codecs that it cannot carry
	dear   bool                                  // it costs much: sound is made Opus for it
	denied func(t *testing.T, f *fixture)        // asks for what it cannot have, and checks what it is told
}

// viewing is a player at work.
type viewing interface {
	frames() int    // of video, so far
	freeze(on bool) // stops it from reading
	stop() recording
	wait() error // until it ends because the server does not want it any more
	shown() string
}

// recording is what a player got: a file, some that follow each other, or what ffprobe told.
type recording struct {
	file     string
	files    []string
	probe    []byte
	messages []rtmp.Message
	sound    string // its codec, if that is not AAC
	wall     bool   // its times go on while there is no publisher
	peeks    bool   // what came in the first half second was looked at, and thrown away
}

// list returns the files of a recording.
func (r recording) list() []string {
	if r.file != "" {
		return []string{r.file}
	}
	return r.files
}

// players are all rows. A new protocol adds some.
var players = []player{
	{name: "ffmpeg", start: ffmpegPlayer, says: ffmpegSays},
	{name: "ffprobe", start: ffprobePlayer, says: ffmpegSays, brief: true},
	{name: "rtmpdump", start: rtmpdumpPlayer, says: rtmpdumpSays},
	{name: "gstreamer", start: gstPlayer, says: gstSays},
	{name: "client", start: clientPlayer, says: clientSays},
	{name: "ffmpeg-rtmps", start: watchTLS(ffmpegPlayer), says: ffmpegSays, light: true},
	{name: "client-rtmps", start: watchTLS(clientPlayer), says: clientSays},
	{name: "http-flv", start: watchWeb(httpFLV, ffmpegPlayer), says: webSays, web: httpFLV, leaves: true},
	{name: "https-flv", start: watchWeb(httpsFLV, ffmpegPlayer), says: webSays, web: httpsFLV, leaves: true, light: true},
	{name: "h2-flv", start: watchWeb(httpsFLV, h2Player), says: webSays, web: httpsFLV, leaves: true, light: true},
	{name: "ws-flv", start: watchWeb(wsFLV, socketPlayer), says: webSays, web: httpFLV, leaves: true},
	{name: "srt", start: srtPlayer(""), says: srtSays, leaves: true, lacks: []string{"av1"}},
	{name: "hls", start: hlsPlayer, web: httpHLS, late: true, light: true, lacks: []string{"av1"}},
}

// tsPlayers are the rows of what http_remux sends instead of FLV, which is another setting.
var tsPlayers = []player{
	{name: "http-ts", start: watchWeb(httpTS, ffmpegPlayer), says: webSays, web: httpTS, leaves: true, lacks: []string{"av1"}},
}

// rtcPlayers are the rows beside WebRTC: each publisher's packets and frames become something else for one of them.
var rtcPlayers = []player{
	{name: "whep", start: whepPlayer, says: whepSays, denied: whepDenied, dear: true, light: true, lacks: []string{"hevc", "av1"}},
	{name: "client", start: clientPlayer, says: clientSays},
	{name: "http-flv", start: watchWeb(httpFLV, ffmpegPlayer), says: webSays, web: httpFLV, leaves: true},
}

func rtmpdumpSays(code, _ string) string { return code }

// modern returns the version of a program of ffmpeg that reads a codec in FLV.
func modern(program, codec string) string {
	if codec == "h264" {
		return program
	}
	return program + "7"
}

// fileViewer is a program that writes what it plays into an FLV file.
type fileViewer struct {
	*process
	file string

	peeks bool  // see recording
	at    int64 // what has been counted of the file
	count int
}

func view(t *testing.T, file, program string, args ...string) *fileViewer {
	t.Helper()
	return &fileViewer{process: launch(t, program, args...), file: file}
}

func (v *fileViewer) frames() int {
	file, err := os.Open(v.file)
	if err != nil {
		return 0
	}
	defer file.Close()
	if v.at == 0 {
		v.at = 13 // the file's header
	}
	for {
		var head [12]byte // one byte of the body too
		if _, err := file.ReadAt(head[:], v.at); err != nil {
			return v.count
		}
		size := int64(binary.BigEndian.Uint32(head[:]) & 0xFFFFFF)
		if info, err := file.Stat(); err != nil || info.Size() < v.at+11+size+4 {
			return v.count
		}
		if head[0] == byte(flv.TagVideo) {
			v.count++
		}
		v.at += 11 + size + 4
	}
}

func (v *fileViewer) freeze(on bool) {
	if on {
		v.signal(syscall.SIGSTOP)
	} else {
		v.signal(syscall.SIGCONT)
	}
}

func (v *fileViewer) stop() recording {
	v.t.Helper()
	v.interrupt()
	if v.frames() > 0 { // a program that is interrupted while it writes leaves its last tag cut
		if err := os.Truncate(v.file, v.at); err != nil {
			v.t.Error(err)
		}
	}
	return recording{file: v.file, peeks: v.peeks}
}

func ffmpegPlayer(t *testing.T, url, codec string) viewing {
	t.Helper()
	return ffmpegViewer()(t, url, codec)
}

// ffmpegViewer is ffmpeg with more options for its input.
func ffmpegViewer(options ...string) func(*testing.T, string, string) viewing {
	return func(t *testing.T, url, codec string) viewing {
		t.Helper()
		file := filepath.Join(t.TempDir(), "ffmpeg.flv")
		args := strings.Fields("-hide_banner -loglevel error -nostdin -fflags nobuffer -analyzeduration 500000")
		args = slices.Concat(args, options, []string{"-i", url}, strings.Fields("-c copy -flush_packets 1 -f flv"), []string{file})
		v := view(t, file, modern("ffmpeg", codec), args...)
		v.peeks = true // where a publisher gives no description of its stream
		return v
	}
}

func rtmpdumpPlayer(t *testing.T, raw, _ string) viewing {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rtmpdump.flv")
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	app, name, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if u.RawQuery != "" {
		name += "?" + u.RawQuery
	}
	tcURL := u.Scheme + "://" + u.Host + "/" + app
	return view(t, file, "rtmpdump", "--verbose", "--live", "--timeout", "60", "--rtmp", tcURL, "--tcUrl", tcURL,
		"--app", app, "--playpath", name, "--flv", file)
}

func gstPlayer(t *testing.T, url, codec string) viewing {
	t.Helper()
	return gstViewer()(t, url, codec)
}

// gstViewer is GStreamer with more properties of its source.
func gstViewer(properties ...string) func(*testing.T, string, string) viewing {
	return func(t *testing.T, url, _ string) viewing {
		t.Helper()
		file := filepath.Join(t.TempDir(), "gstreamer.flv")
		args := append([]string{"-q", "rtmp2src", "location=" + url, "timeout=60"}, properties...)
		return view(t, file, "gst-launch-1.0", append(args, "!", "filesink", "buffer-mode=unbuffered", "location="+file)...)
	}
}

// probeViewer is an ffprobe that looks at a stream for two seconds.
type probeViewer struct {
	*process
}

// probeEntries is what a check wants to know.
const probeEntries = "stream=codec_type,codec_name,width,height:packet=codec_type,dts_time,pts_time,flags"

func ffprobePlayer(t *testing.T, url, codec string) viewing {
	t.Helper()
	p := launch(t, modern("ffprobe", codec), "-loglevel", "error", "-analyzeduration", "500000", "-read_intervals", "%+2",
		"-show_entries", probeEntries, "-of", "json", url)
	return &probeViewer{process: p}
}

// enough is more than anybody waits for: a player that ends by itself has seen what it wants.
const enough = 1 << 20

func (v *probeViewer) frames() int {
	if v.running() {
		return 0
	}
	return enough
}

func (v *probeViewer) freeze(bool) {}

func (v *probeViewer) stop() recording {
	v.t.Helper()
	if err := v.wait(); err != nil {
		v.t.Errorf("ffprobe: %v\n%s", err, v.shown())
	}
	return recording{probe: []byte(v.shown())}
}

// taken keeps the messages that a client of ours gets.
type taken struct {
	frozen sync.Mutex

	mu      sync.Mutex
	got     []rtmp.Message
	arrived []time.Time // of got
	count   int
	failure error
}

// clientViewer is our own client of RTMP.
type clientViewer struct {
	t      *testing.T
	client *rtmp.Client
	done   sync.WaitGroup
	taken
}

func clientPlayer(t *testing.T, url, _ string) viewing {
	t.Helper()
	return playClient(t, url)
}

func playClient(t *testing.T, url string) *clientViewer {
	t.Helper()
	return playTLS(t, url, ourIdentity().trusts())
}

// dialNarrow leaves little room for what is not read, so that a player is soon slow.
func dialNarrow(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return conn, conn.(*net.TCPConn).SetReadBuffer(256 << 10)
}

// playTLS is playClient with settings for rtmps.
func playTLS(t *testing.T, url string, secure *tls.Config) *clientViewer {
	t.Helper()
	v := &clientViewer{t: t}
	c, err := rtmp.Dial(t.Context(), url, rtmp.DialOptions{ReplyTimeout: patience, TLS: secure, Dial: dialNarrow})
	if err != nil {
		t.Fatal(err)
	}
	v.client = c
	t.Cleanup(func() { v.client.Close(); v.done.Wait() })
	if err := c.Play(t.Context()); err != nil {
		v.failure = err
		return v
	}
	v.done.Go(v.read)
	return v
}

func (v *clientViewer) read() {
	for {
		m, err := v.client.ReadMessage()
		if !v.keep(m, err) {
			return
		}
	}
}

// keep notes what has come; it waits while the viewer is frozen.
func (v *taken) keep(m rtmp.Message, err error) bool {
	v.frozen.Lock()
	defer v.frozen.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil {
		v.failure = err
		return false
	}
	v.got, v.arrived = append(v.got, m), append(v.arrived, time.Now())
	if m.Kind == uint8(flv.TagVideo) {
		v.count++
	}
	return true
}

func (v *taken) frames() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.count
}

func (v *taken) freeze(on bool) {
	if on {
		v.frozen.Lock()
	} else {
		v.frozen.Unlock()
	}
}

// messages returns the media and data messages so far.
func (v *taken) messages() []rtmp.Message {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(v.got), func(m rtmp.Message) bool {
		return m.Kind != 8 && m.Kind != 9 && m.Kind != 18 || bytes.HasPrefix(m.Body, []byte("\x02\x00\x11|RtmpSampleAccess"))
	})
}

// all returns every message so far, and when each came.
func (v *taken) all() ([]rtmp.Message, []time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.got), slices.Clone(v.arrived)
}

func (v *clientViewer) stop() recording {
	v.t.Helper()
	v.client.Close()
	v.done.Wait()
	return recording{file: saveMessages(v.t, v.messages()), messages: v.messages()}
}

// saveMessages writes messages into an FLV file.
func saveMessages(t *testing.T, list []rtmp.Message) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "client.flv")
	b := flv.AppendFileHeader(nil, true, true)
	for _, m := range list {
		tag := flv.Tag{Type: flv.TagType(m.Kind), Time: time.Duration(m.Time) * time.Millisecond, Body: m.Body}
		b, _ = flv.AppendTag(b, tag) // what came in a message fits a tag
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func (v *taken) wait() error {
	if !poll(func() bool { return v.shown() != "" }) {
		return errors.New("it does not end")
	}
	return v.failure
}

func (v *taken) shown() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.failure == nil {
		return ""
	}
	return v.failure.Error()
}

// unmarshal reads what ffprobe prints.
func unmarshal(t *testing.T, raw []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Errorf("%v in:\n%s", err, raw)
	}
}
