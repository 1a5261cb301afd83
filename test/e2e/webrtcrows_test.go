package e2e

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	tscodecs "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/substructs"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"weir/internal/codec/nal"
)

// bridged are the outputs of the suite's vhosts: WebRTC, with the clips' B-frames, and who has gone without a word is not waited
// for long.
func bridged(t *testing.T, remux string) string {
	t.Helper()
	return strings.Replace(bridges, "enabled on;", "enabled on; keep_bframe on; stun_timeout 8;", 1) + flvAndHLS(t, remux)
}

// rtcAddress returns the address of WHIP or WHEP of what has one of RTMP.
func rtcAddress(t *testing.T, raw, way string) string {
	t.Helper()
	f, u := serverOf(t, raw)
	app, name, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	query := u.Query()
	query.Set("app", app)
	query.Set("stream", name)
	_, port, _ := net.SplitHostPort(f.api)
	at := url.URL{Scheme: "http", Host: net.JoinHostPort(u.Hostname(), port), Path: "/rtc/v1/" + way + "/", RawQuery: query.Encode()}
	return at.String()
}

// whipPublisher is ffmpeg, which sends no B-frames over WebRTC, and no sound but Opus. It opens DTLS: where the last of the
// handshake reaches it twice it waits before each packet for the server to send something, and that is seldom so.
func whipPublisher(t *testing.T, raw string, c clip, _ time.Duration) publication {
	t.Helper()
	args := append(strings.Fields("-hide_banner -loglevel error -re -stream_loop -1 -i"), rtcClip(t, c), "-c", "copy", "-f", "whip", "-whip_flags", "dtls_active", rtcAddress(t, raw, "whip"))
	return launch(t, "ffmpeg9", args...)
}

// rtcClip returns the file of a clip as WebRTC carries it, which is made once a run.
func rtcClip(t *testing.T, c clip) string {
	t.Helper()
	clips.mu.Lock()
	defer clips.mu.Unlock()
	name := c.name + "-rtc"
	file := filepath.Join(clips.dir, name+".mkv")
	if !clips.made[name] {
		run(t, "ffmpeg9", slices.Concat(
			strings.Fields("-hide_banner -loglevel error -y -t 12 -i"), []string{c.file},
			strings.Fields(fmt.Sprintf("-c:v libx264 -preset veryfast -profile:v baseline -g %d -keyint_min %d -c:a libopus -ac 2 -ar 48000", gop, gop)), []string{file},
		)...)
		clips.made[name] = true
	}
	return file
}

// rtcStatus is what a refused client of WebRTC is told in place of RTMP's code.
var rtcStatus = map[string]int{"NetConnection.Connect.Rejected": http.StatusNotFound, "NetStream.Publish.BadName": http.StatusConflict}

// whipSays is what ffmpeg shows of a refusal.
func whipSays(code, _ string) string {
	if rtcStatus[code] == http.StatusNotFound {
		return "404"
	}
	return "4XX Client Error"
}

// whepSays is what our client is told.
func whepSays(code, _ string) string { return fmt.Sprint(rtcStatus[code]) }

// whepDenied asks for what is not there or not allowed, and is told why.
func whepDenied(t *testing.T, f *fixture) {
	t.Helper()
	for name, want := range map[string]string{
		"s?vhost=b.test":     "404 the virtual host \\\"b.test\\\" is not served here",
		"s?vhost=off.test":   "403 the virtual host \\\"off.test\\\" is switched off",
		"s?vhost=keyed.test": "401 ",
	} {
		said := whepPlayer(t, f.url(name), "").shown()
		status, reason, _ := strings.Cut(want, " ")
		if !strings.HasPrefix(said, status) || !strings.Contains(said, reason) {
			t.Errorf("%s: the player is told %s, want %s", name, said, want)
		}
		if !strings.Contains(said, `"error":"`) || strings.Contains(said, `"error":""`) {
			t.Errorf("%s: the player is not told why: %s", name, said)
		}
	}
}

// rtcViewer is a library's client that plays over WebRTC.
type rtcViewer struct {
	*rtcPlayer
	refused string
	ended   chan struct{} // nobody answers it any more
}

func whepPlayer(t *testing.T, raw, _ string) viewing {
	t.Helper()
	f, _ := serverOf(t, raw)
	v := &rtcViewer{ended: make(chan struct{})}
	v.rtcPlayer = newRTCPlayer(t, f, func(s *webrtc.SettingEngine) { s.SetICETimeouts(1500*time.Millisecond, patience, 300*time.Millisecond) })
	var once sync.Once
	v.pc.OnICEConnectionStateChange(func(state webrtc.ICEConnectionState) {
		if state >= webrtc.ICEConnectionStateDisconnected {
			once.Do(func() { close(v.ended) })
		}
	})
	if status, said := v.ask(rtcAddress(t, raw, "whep")); status != http.StatusCreated {
		v.refused = fmt.Sprint(status, " ", said)
		once.Do(func() { close(v.ended) })
	}
	return v
}

func (v *rtcViewer) frames() int   { return v.pictures() }
func (v *rtcViewer) freeze(bool)   {} // nobody waits for who does not read UDP
func (v *rtcViewer) shown() string { return v.refused }

func (v *rtcViewer) wait() error {
	select {
	case <-v.ended:
		return errors.New("nobody answers")
	case <-time.After(patience):
		return errors.New("it does not end")
	}
}

func (v *rtcViewer) stop() recording {
	v.t.Helper()
	v.close()
	return recording{file: v.save(v.t), sound: "opus", wall: true}
}

// rtcReport is what the server says of a track's clock.
type rtcReport struct {
	before int // packets that have come
	ntp    uint64
	at     uint32
}

// timed is a packet with its place: its number, and its time on the server's clock.
type timed struct {
	number int64
	at     time.Duration
	packet *rtp.Packet
}

// steady is how far reports may wander that tell of the same clock.
const steady = 100 * time.Millisecond

// place gives packets their places, by the reports between them. What follows one that has never come is left out.
func place(packets []*rtp.Packet, reports []rtcReport, rate int64) (list []timed) {
	var number, ticks int64
	nanos := func(ticks int64) time.Duration { return time.Duration(ticks/rate*1e9 + ticks%rate*1e9/rate) }
	var relation time.Duration
	told := false
	for i, k := range packets {
		if i == 0 {
			number, ticks = int64(k.SequenceNumber), int64(k.Timestamp)
		}
		number += int64(int16(k.SequenceNumber - uint16(number)))
		ticks += int64(int32(k.Timestamp - uint32(ticks)))
		for len(reports) > 0 && (!told || reports[0].before <= i) {
			r := reports[0]
			reports = reports[1:]
			wall := time.Duration(r.ntp>>32&0xFFFFFF)*time.Second + time.Duration(r.ntp&math.MaxUint32*1e9>>32)
			now := wall - nanos(ticks+int64(int32(r.at-uint32(ticks))))
			if !told || (now-relation).Abs() > steady {
				relation, told = now, true
			}
		}
		list = append(list, timed{number, relation + nanos(ticks), k})
	}
	slices.SortStableFunc(list, func(a, b timed) int { return cmp.Compare(a.number, b.number) })
	list = slices.CompactFunc(list, func(a, b timed) bool { return a.number == b.number })
	for i := range list {
		if list[i].number != list[0].number+int64(i) {
			return list[:i]
		}
	}
	return list
}

// unit is a picture, or a packet of sound.
type unit struct {
	pts, dts time.Duration
	nalus    [][]byte // of a picture
	sound    []byte
}

// seen makes pictures of packets, from the first key frame on.
func seen(packets []timed) (list []unit) {
	depack := codecs.H264Packet{IsAVC: true}
	var u unit
	begun := false
	for _, k := range packets {
		payload, err := depack.Unmarshal(k.packet.Payload)
		if err != nil {
			continue
		}
		for n := range nal.All(payload) {
			u.nalus = append(u.nalus, bytes.Clone(n))
			begun = begun || n[0]&31 == 5
		}
		u.pts = k.at
		if k.packet.Marker {
			if begun && len(u.nalus) > 0 {
				list = append(list, u)
			}
			u = unit{}
		}
	}
	// Pictures are decoded in the order in which they come, at the times at which they are shown, less what that takes.
	times := make([]time.Duration, len(list))
	for i := range list {
		times[i] = list[i].pts
	}
	slices.Sort(times)
	var late time.Duration
	for i := range list {
		late = max(late, times[i]-list[i].pts)
	}
	for i := range list {
		list[i].dts = times[i] - late
	}
	return list
}

// longest is for how long a player of packets that pass as they come may hear sound before there is a key frame.
const longest = (gop + 5) * time.Second / rate

// save writes what has come into a file of MPEG-TS.
func (p *rtcPlayer) save(t *testing.T) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.told[0]) == 0 || len(p.told[1]) == 0 {
		t.Errorf("%d reports of the pictures' clock and %d of the sound's", len(p.told[0]), len(p.told[1]))
	}
	units := seen(place(p.packets, p.told[0], 90000))
	if len(units) == 0 {
		t.Fatal("no pictures")
	}
	first := units[0].dts
	for _, k := range place(p.sound, p.told[1], 48000) {
		if early := first - k.at; early > 0 && early < longest {
			continue
		}
		units = append(units, unit{pts: k.at, dts: k.at, sound: k.packet.Payload})
	}
	slices.SortStableFunc(units, func(a, b unit) int { return cmp.Compare(a.dts, b.dts) })
	var b bytes.Buffer
	video, audio := &mpegts.Track{Codec: &tscodecs.H264{}}, &mpegts.Track{Codec: &tscodecs.Opus{Desc: &substructs.OpusAudioDescriptor{ChannelConfigCode: 2}}}
	w := &mpegts.Writer{W: &b, Tracks: []*mpegts.Track{video, audio}}
	if err := w.Initialize(); err != nil {
		t.Fatal(err)
	}
	for _, u := range units {
		ticks := func(at time.Duration) int64 { return int64((at-units[0].dts+time.Second)/1000) * 9 / 100 }
		var err error
		if u.sound != nil {
			err = w.WriteOpus(audio, ticks(u.pts), [][]byte{u.sound})
		} else {
			err = w.WriteH264(video, ticks(u.pts), ticks(u.dts), u.nalus)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "whep.ts")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
