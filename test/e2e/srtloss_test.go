package e2e

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	weather "weir/internal/testkit/relay"
)

// lossy publishes by SRT through weather, and plays by RTMP without: what is wrong in the recording has come so.
type lossy struct {
	*fixture
	relay *weather.Relay
	file  string
	view  *fileViewer
}

// latencyOverLoss is the time in which lost packets can be sent again.
const latencyOverLoss = 200 * time.Millisecond

func throughWeather(t *testing.T, settings string, up weather.Weather) *lossy {
	t.Helper()
	l := &lossy{fixture: serve(t, conf{srt: fmt.Sprintf("latency %d;", latencyOverLoss.Milliseconds()), vhost: "srt { enabled on; " + settings + " }"})}
	l.relay = weather.New(t, l.rtmp, weather.Weather{}, weather.Weather{})
	c := newClip(t, "h264", "small")
	_, id := srtID(t, l.url("s"), "publish")
	launch(t, "ffmpeg", slices.Concat(strings.Fields("-hide_banner -loglevel error -re -stream_loop -1 -i"), []string{c.file},
		strings.Fields("-c copy -muxdelay 0 -muxpreload 0 -pes_payload_size 0 -f mpegts"),
		[]string{fmt.Sprintf("srt://%s?pkt_size=1316&latency=%d&streamid=%s", l.relay.Addr(), latencyOverLoss.Microseconds(), id)})...)
	published(t, l.fixture)
	l.file = filepath.Join(t.TempDir(), "lossy.flv")
	l.view = view(t, l.file, "ffmpeg", strings.Fields("-hide_banner -loglevel error -nostdin -i "+l.url("s")+" -c copy -flush_packets 1 -f flv "+l.file)...)
	waitFor(t, "the player", func() bool { return l.view.frames() > 10 })
	l.relay.Set(up, weather.Weather{Loss: up.Loss, Seed: up.Seed})
	return l
}

// damage is what the API says of the stream.
func (l *lossy) damage(t *testing.T) (d struct{ Gaps, Lost, Damaged, Dropped int }) {
	t.Helper()
	var list struct {
		Streams []struct {
			ID string `json:"id"`
		} `json:"streams"`
	}
	raw, err := l.call("GET", "/api/v1/streams/")
	if err != nil || json.Unmarshal(raw, &list) != nil || len(list.Streams) != 1 {
		t.Fatalf("%s, %v", raw, err)
	}
	raw, err = l.call("GET", "/api/v1/streams/"+list.Streams[0].ID)
	var one struct {
		Stream struct {
			Health struct {
				Damage *struct{ Gaps, Lost, Damaged, Dropped int } `json:"damage"`
			} `json:"health"`
		} `json:"stream"`
	}
	if err != nil || json.Unmarshal(raw, &one) != nil || one.Stream.Health.Damage == nil {
		t.Fatalf("%s, %v", raw, err)
	}
	return *one.Stream.Health.Damage
}

// TestSRTLoss loses 5 % of the packets, both ways: what is played is whole.
func TestSRTLoss(t *testing.T) {
	t.Parallel()
	srtLoss(t, weather.Weather{Loss: 0.05, Delay: 10 * time.Millisecond, Seed: 2}, 200)
}

// srtLoss plays so many pictures whole, through a weather.
func srtLoss(t *testing.T, w weather.Weather, frames int) {
	t.Helper()
	l := throughWeather(t, "", w)
	from := l.view.frames()
	waitFor(t, "more pictures", func() bool { return l.view.frames() > from+frames })
	d := l.damage(t)
	if up, _ := l.relay.Counts(); up.Lost.Packets+up.Reordered.Packets == 0 {
		t.Errorf("the weather was fine: %+v", up)
	}
	l.view.stop()
	if d.Gaps+d.Lost+d.Damaged+d.Dropped > 0 {
		t.Errorf("the stream has damage: %+v", d)
	}
	check(t, recording{file: l.file}, expectation{clip: newClip(t, "h264", "small"), frames: frames, gap: 0.1})
}

// TestSRTDamage loses so much that not all of it can be sent again in time. With drop_damaged on what is played is whole
// pictures with others missing, which decode without a word; without, damage follows what is missing.
func TestSRTDamage(t *testing.T) {
	t.Parallel()
	for _, settings := range []string{"drop_damaged on;", "drop_damaged off;"} {
		t.Run(settings, func(t *testing.T) {
			t.Parallel()
			l := throughWeather(t, settings, weather.Weather{})
			l.relay.Filter(func(up bool, packet []byte) bool { // three data packets of 90, as often as they are sent
				return !up || packet[0]&0x80 != 0 || binary.BigEndian.Uint32(packet)%90 > 2
			})
			from := l.view.frames()
			waitFor(t, "more pictures", func() bool { return l.view.frames() > from+150 })
			d := l.damage(t)
			l.view.stop()
			if d.Lost == 0 || d.Gaps == 0 || (d.Dropped > 0) != (settings == "drop_damaged on;") {
				t.Errorf("damage %+v", d)
			}
			_, said := run(t, "ffmpeg7", "-hide_banner", "-loglevel", "warning", "-i", l.file, "-f", "null", "-")
			if clean := said == ""; clean != (settings == "drop_damaged on;") {
				t.Errorf("decoding says %q", said)
			}
		})
	}
}

// TestSRTGarbage throws at the port what is no SRT, and handshakes that come to nothing: a stream beside it has no damage.
func TestSRTGarbage(t *testing.T) {
	t.Parallel()
	l := throughWeather(t, "", weather.Weather{})
	flood(t, l.rtmp, 5*time.Second, 10_000)
	from := l.view.frames()
	waitFor(t, "more pictures", func() bool { return l.view.frames() > from+50 })
	l.view.stop()
	if d := l.damage(t); d.Lost > 0 {
		t.Errorf("damage %+v", d)
	}
	check(t, recording{file: l.file}, expectation{clip: newClip(t, "h264", "small"), frames: 100, gap: 0.1})
}

// flood sends packets for a time, and so many at the least: noise, handshakes that begin and such that pretend to go on.
func flood(t *testing.T, addr string, least time.Duration, packets int) {
	t.Helper()
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	luck := rand.New(rand.NewPCG(1, 2))
	end := time.Now().Add(least)
	for sent := 0; sent < packets || time.Now().Before(end); sent++ {
		b := make([]byte, 16+luck.IntN(1400))
		for i := range b {
			b[i] = byte(luck.Uint32())
		}
		if sent%3 > 0 { // a handshake: control packet 0, to nobody, of version 4 or 5
			b = slices.Grow(b, 64)[:64]
			copy(b, []byte{0x80, 0, 0, 0})
			copy(b[12:], []byte{0, 0, 0, 0, 0, 0, 0, byte(4 + sent%2)})
			copy(b[36:], [][]byte{{0, 0, 0, 1}, {0xff, 0xff, 0xff, 0xff}}[sent%2])
		}
		_, _ = conn.Write(b) // nobody minds if it does not arrive
		if sent%10 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}
