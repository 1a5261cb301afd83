package e2e

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/format/flv"
	"weir/internal/protocol/rtmp"
)

// publisher is a row of the suite: something that sends a clip, in real time, again and again.
type publisher struct {
	name  string
	codec string // of its video
	// start begins to publish the clip at url, with the clip's time zero at the given time.
	start func(t *testing.T, url string, c clip, at time.Duration) publication
	// says is what a user sees of a refusal.
	says func(code, text string) string
	// fixed says that it cannot start its clock anywhere.
	fixed bool
	// alone says that it takes part only in stages that name it.
	alone bool
	// light spares the machine the heavy clips, which another row sends.
	light bool
	// twin says that what players get of it is the same as of another row's.
	twin bool
	// names is by what it publishes a stream without a name; empty: it is refused.
	names string
	// deaf says that it sends on though nobody wants it any more.
	deaf bool
}

// publication is a publisher at work.
type publication interface {
	stop()         // as its user would
	wait() error   // until it ends because the server does not want it any more
	shown() string // what it has told its user
}

// publishers are all rows. A new protocol adds some.
var publishers = []publisher{
	{name: "ffmpeg", codec: "h264", start: ffmpegPublisher("ffmpeg"), says: ffmpegSays},
	{name: "ffmpeg7-hvc1", codec: "hevc", start: ffmpegPublisher("ffmpeg7", "-rtmp_enhanced_codecs", "hvc1"), says: ffmpegSays},
	{name: "ffmpeg7-av01", codec: "av1", start: ffmpegPublisher("ffmpeg7", "-rtmp_enhanced_codecs", "av01"), says: ffmpegSays},
	{name: "gstreamer", codec: "h264", start: gstPublisher, says: gstSays, fixed: true},
	{name: "client", codec: "h264", start: startClientPublisher, says: clientSays},
	{name: "ffmpeg-rtmps", codec: "h264", start: sendTLS(ffmpegPublisher("ffmpeg")), says: ffmpegSays, light: true, twin: true},
	{name: "client-rtmps", codec: "h264", start: sendTLS(startClientPublisher), says: clientSays, light: true, twin: true},
	{name: "ffmpeg-srt", codec: "h264", start: srtPublisher(""), says: srtSays, light: true},
	{name: "ffmpeg-flv-post", codec: "h264", start: postPublisher(), says: postSays, light: true, twin: true},
	{name: "whip", codec: "h264", start: whipPublisher, says: whipSays, fixed: true, light: true, names: "livestream", deaf: true, alone: true},
}

func ffmpegSays(_, text string) string { return "Server error: " + text }
func gstSays(_, text string) string    { return strings.ReplaceAll(text, `"`, `\"`) }
func clientSays(code, text string) string {
	return fmt.Sprintf("rtmp: server says %q: %s", code, text)
}

func (p *process) stop()         { p.t.Helper(); p.interrupt() }
func (p *process) shown() string { return p.out.String() }

func ffmpegPublisher(program string, options ...string) func(*testing.T, string, clip, time.Duration) publication {
	return func(t *testing.T, url string, c clip, at time.Duration) publication {
		t.Helper()
		args := slices.Concat(
			strings.Fields("-hide_banner -loglevel error -re -stream_loop -1 -i"), []string{c.file},
			strings.Fields("-c copy -flvflags no_duration_filesize -output_ts_offset"),
			[]string{strconv.FormatFloat(at.Seconds(), 'f', 3, 64)}, []string{"-f", "flv"}, options, []string{url},
		)
		return launch(t, program, args...)
	}
}

func gstPublisher(t *testing.T, url string, c clip, at time.Duration) publication {
	t.Helper()
	return gstSender()(t, url, c, at)
}

// gstSender is GStreamer with more properties of its sink.
func gstSender(properties ...string) func(*testing.T, string, clip, time.Duration) publication {
	return func(t *testing.T, url string, c clip, _ time.Duration) publication {
		t.Helper()
		return launch(t, "gst-launch-1.0", append([]string{
			"-q", "-e",
			"filesrc", "location=" + c.file, "!", "flvdemux", "name=d",
			"d.video", "!", "queue", "!", "h264parse", "!", "identity", "sync=true", "!", "mux.",
			"d.audio", "!", "queue", "!", "aacparse", "!", "mux.",
			"flvmux", "name=mux", "streamable=true", "!", "rtmp2sink", "location=" + url,
		}, properties...)...)
	}
}

// clientPublisher is our own client: it knows what it has sent.
type clientPublisher struct {
	t      *testing.T
	client *rtmp.Client
	done   sync.WaitGroup
	quit   chan struct{}

	mu      sync.Mutex
	sent    []rtmp.Message
	next    []flv.Tag // what goes out instead, from the next loop on
	ending  bool
	failure error
}

func startClientPublisher(t *testing.T, url string, c clip, at time.Duration) publication {
	t.Helper()
	return publishTags(t, url, readClip(t, c), at)
}

// publishTags publishes the tags of a file in real time, and again from the start.
func publishTags(t *testing.T, url string, tags []flv.Tag, at time.Duration) *clientPublisher {
	t.Helper()
	p := &clientPublisher{t: t, quit: make(chan struct{})}
	p.client, p.failure = dialPublish(t, url, rtmp.DialOptions{})
	t.Cleanup(p.stop)
	if p.failure != nil {
		return p
	}
	p.done.Go(p.read)
	p.done.Go(func() { p.write(tags, at) })
	return p
}

func dialPublish(t *testing.T, url string, o rtmp.DialOptions) (*rtmp.Client, error) {
	t.Helper()
	o.ReplyTimeout = patience
	if o.TLS == nil {
		o.TLS = ourIdentity().trusts()
	}
	c, err := rtmp.Dial(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	return c, c.Publish(t.Context())
}

// read takes what the server says, which is nothing or the reason of the end.
func (p *clientPublisher) read() {
	for {
		if _, err := p.client.ReadMessage(); err != nil {
			p.fail(err)
			return
		}
	}
}

func (p *clientPublisher) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var status *rtmp.StatusError
	if p.failure == nil || errors.As(err, &status) {
		p.failure = err
	}
}

func (p *clientPublisher) write(tags []flv.Tag, at time.Duration) {
	start := time.Now()
	var base time.Duration // media time of the loop's first tag
	for {
		var last time.Duration
		for i, tag := range tags {
			last = max(last, tag.Time)
			select {
			case <-time.After(time.Until(start.Add(base + tag.Time))):
			case <-p.quit:
				return
			}
			if base > 0 && i < 3 && tag.Type != flv.TagVideo && tag.Type != flv.TagAudio {
				continue // one description is enough
			}
			if err := p.send(tag, at+base+tag.Time); err != nil {
				p.fail(err)
				return
			}
			if tag.Type != flv.TagVideo {
				continue
			}
			if next := p.switched(); next != nil {
				tags = next
				break
			}
		}
		base += last + time.Second/rate
	}
}

func (p *clientPublisher) send(tag flv.Tag, at time.Duration) error {
	m := rtmp.Message{Kind: uint8(tag.Type), Chunk: 4, Stream: p.client.Stream(), Time: uint32(at.Milliseconds()), Body: tag.Body}
	p.mu.Lock()
	p.sent = append(p.sent, m)
	p.mu.Unlock()
	return p.client.WriteMessage(m)
}

// change makes the publisher send other tags from now on, headers first.
func (p *clientPublisher) change(tags []flv.Tag) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = tags
}

func (p *clientPublisher) switched() []flv.Tag {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := p.next
	p.next = nil
	return next
}

func (p *clientPublisher) stop() {
	p.mu.Lock()
	if !p.ending {
		p.ending = true
		close(p.quit)
	}
	p.mu.Unlock()
	p.client.Close()
	p.done.Wait()
}

func (p *clientPublisher) wait() error {
	if !poll(func() bool { return p.shown() != "" }) {
		return errors.New("it does not end")
	}
	return p.failure
}

func (p *clientPublisher) shown() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failure == nil {
		return ""
	}
	return p.failure.Error()
}

// messages returns what has been sent so far.
func (p *clientPublisher) messages() []rtmp.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sent)
}

// readClip returns the tags of a clip that is an FLV file.
func readClip(t *testing.T, c clip) []flv.Tag {
	t.Helper()
	file, err := os.Open(c.file)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r := flv.NewReader(file)
	if _, _, err := r.ReadHeader(); err != nil {
		t.Fatal(err)
	}
	var tags []flv.Tag
	for {
		tag, err := r.ReadTag()
		if errors.Is(err, io.EOF) {
			return tags
		}
		if err != nil {
			t.Fatal(err)
		}
		tags = append(tags, tag)
	}
}
