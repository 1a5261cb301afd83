package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"weir/internal/codec/nal"
	"weir/internal/format/flv"
)

// rtcPeer is a WebRTC client of a library's.
type rtcPeer struct {
	t        *testing.T
	pc       *webrtc.PeerConnection
	f        *fixture
	location string
	only     string                    // the one candidate that it takes of an answer's, an address; empty is all
	says     func(offer string) string // what it says in place of its offer; nil is the same
	tag      string                    // of the session, for If-Match
	answer   string
	up       chan struct{}
}

func newRTCPeer(t *testing.T, f *fixture, edit ...func(*webrtc.SettingEngine)) *rtcPeer {
	t.Helper()
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	for _, e := range edit {
		e(&s)
	}
	var m webrtc.MediaEngine
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(&m)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	p := &rtcPeer{t: t, pc: pc, f: f, up: make(chan struct{})}
	var once sync.Once
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(p.up) })
		}
	})
	t.Cleanup(func() { pc.Close() })
	return p
}

// post offers, takes the answer, and waits for the connection.
func (p *rtcPeer) post(path string) {
	p.t.Helper()
	body := p.offer(path)
	select {
	case <-p.up:
	case <-time.After(patience):
		p.t.Fatalf("no connection\n%s", body)
	}
}

// offer offers, and takes the answer.
func (p *rtcPeer) offer(path string) (answer string) {
	p.t.Helper()
	status, body := p.ask(path)
	if status != http.StatusCreated {
		p.t.Fatalf("%s: %d %s", path, status, body)
	}
	return body
}

// ask offers, and takes the answer if that is one.
func (p *rtcPeer) ask(path string) (status int, answer string) {
	p.t.Helper()
	offer, err := p.pc.CreateOffer(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(offer); err != nil {
		p.t.Fatal(err)
	}
	<-gathered
	said := p.pc.LocalDescription().SDP
	if p.says != nil {
		said = p.says(said)
	}
	status, header, body := p.f.offer(path, "application/sdp", said)
	if status != http.StatusCreated {
		return status, body
	}
	p.location, p.tag, p.answer = header.Get("Location"), header.Get("ETag"), body
	body = p.choose(body)
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: body}); err != nil {
		p.t.Fatalf("%v\n%s", err, body)
	}
	return status, body
}

// choose leaves of an answer's candidates the one that it is to take.
func (p *rtcPeer) choose(answer string) string {
	if p.only == "" {
		return answer
	}
	var b strings.Builder
	for line := range strings.Lines(answer) {
		if !strings.HasPrefix(line, "a=candidate:") || strings.Contains(line, " "+strings.Replace(p.only, ":", " ", 1)+" ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// offer posts a body to the API, at a path or an address.
func (f *fixture) offer(path, kind, body string) (status int, h http.Header, answer string) {
	f.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = "http://" + f.api + path
	}
	r, err := http.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	a, err := apiClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return a.StatusCode, a.Header, string(b)
}

// rtcPublisher publishes the pictures of a clip, over and over, and counts the key frames that it is asked for.
type rtcPublisher struct {
	*rtcPeer
	asked atomic.Int64
	sent  atomic.Int64
	quit  chan struct{}
	done  sync.WaitGroup
}

func rtcPublish(t *testing.T, f *fixture, query string, c clip, more ...clip) *rtcPublisher {
	t.Helper()
	p := &rtcPublisher{rtcPeer: newRTCPeer(t, f), quit: make(chan struct{})}
	video := p.add("video")
	var others []*webrtc.TrackLocalStaticRTP
	for i := range more {
		others = append(others, p.add(fmt.Sprint("more", i)))
	}
	p.post("/rtc/v1/whip/?" + query)
	p.done.Go(func() { p.send(video, readClip(t, c)) })
	t.Cleanup(p.stop)
	for i, c := range more {
		waitFor(t, "the track before", func() bool { return p.sent.Load() > 0 })
		p.done.Go(func() { p.send(others[i], readClip(t, c)) })
	}
	return p
}

// add adds a track of pictures.
func (p *rtcPublisher) add(id string) *webrtc.TrackLocalStaticRTP {
	t := p.t
	t.Helper()
	video, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000}, id, "x")
	if err != nil {
		t.Fatal(err)
	}
	sender, err := p.pc.AddTrack(video)
	if err != nil {
		t.Fatal(err)
	}
	p.done.Go(func() {
		for {
			list, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			for _, k := range list {
				if _, ok := k.(*rtcp.PictureLossIndication); ok {
					p.asked.Add(1)
				}
			}
		}
	})
	return video
}

func (p *rtcPublisher) stop() {
	select {
	case <-p.quit:
		return
	default:
	}
	close(p.quit)
	p.pc.Close()
	p.done.Wait()
}

// send packs pictures and sends them in their rhythm, with the times at which they are shown.
func (p *rtcPublisher) send(video *webrtc.TrackLocalStaticRTP, tags []flv.Tag) {
	pack := rtp.NewPacketizer(1200, 0, 0, &codecs.H264Payloader{}, rtp.NewRandomSequencer(), 90000)
	var sets []byte
	var sent uint32 // pictures
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, tag := range tags {
			if tag.Type != flv.TagVideo || len(tag.Body) < 5 {
				continue
			}
			if tag.Body[1] == 0 {
				sets = annexB(tag.Body[5:])
				continue
			}
			var picture []byte
			if tag.Body[0]>>4 == 1 {
				picture = append(picture, sets...)
			}
			for unit := range nal.All(tag.Body[5:]) {
				picture = append(append(picture, 0, 0, 0, 1), unit...)
			}
			later := uint32(tag.Body[2])<<16 | uint32(tag.Body[3])<<8 | uint32(tag.Body[4]) // ms from being decoded to being shown
			sent++
			for _, k := range pack.Packetize(picture, 3600) {
				k.Timestamp = sent*3600 + later*90
				if err := video.WriteRTP(k); err != nil {
					return
				}
				p.sent.Add(1)
			}
			select {
			case <-tick.C:
			case <-p.quit:
				return
			}
		}
	}
}

// annexB writes the parameter sets of an AVCDecoderConfigurationRecord with start codes.
func annexB(record []byte) (b []byte) {
	at := 6
	for range record[5] & 31 {
		n := int(record[at])<<8 | int(record[at+1])
		b = append(append(b, 0, 0, 0, 1), record[at+2:at+2+n]...)
		at += 2 + n
	}
	at++
	for range record[at-1] {
		n := int(record[at])<<8 | int(record[at+1])
		b = append(append(b, 0, 0, 0, 1), record[at+2:at+2+n]...)
		at += 2 + n
	}
	return b
}

// rtcPlayer keeps the pictures and the sound that it is sent.
type rtcPlayer struct {
	*rtcPeer
	mu      sync.Mutex
	packets []*rtp.Packet // of pictures
	sound   []*rtp.Packet
	told    [2][]rtcReport // of pictures and of sound
	done    sync.WaitGroup
}

func rtcPlay(t *testing.T, f *fixture, query string, edit ...func(*webrtc.SettingEngine)) *rtcPlayer {
	t.Helper()
	p := newRTCPlayer(t, f, edit...)
	p.post("/rtc/v1/whep/?" + query)
	return p
}

// newRTCPlayer returns one that has not called yet.
func newRTCPlayer(t *testing.T, f *fixture, edit ...func(*webrtc.SettingEngine)) *rtcPlayer {
	t.Helper()
	p := &rtcPlayer{rtcPeer: newRTCPeer(t, f, edit...)}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if _, err := p.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	p.pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		p.done.Go(func() { p.hear(remote.Kind(), receiver) })
		for {
			k, _, err := remote.ReadRTP()
			if err != nil {
				return
			}
			p.mu.Lock()
			if remote.Kind() == webrtc.RTPCodecTypeVideo {
				p.packets = append(p.packets, k)
			} else {
				p.sound = append(p.sound, k)
			}
			p.mu.Unlock()
		}
	})
	t.Cleanup(p.close)
	return p
}

func (p *rtcPlayer) close() {
	p.pc.Close()
	p.done.Wait()
}

// hear keeps what the server says of a track's clock.
func (p *rtcPlayer) hear(kind webrtc.RTPCodecType, receiver *webrtc.RTPReceiver) {
	for {
		list, _, err := receiver.ReadRTCP()
		if err != nil {
			return
		}
		p.mu.Lock()
		for _, each := range list {
			r, ok := each.(*rtcp.SenderReport)
			switch {
			case ok && kind == webrtc.RTPCodecTypeVideo:
				p.told[0] = append(p.told[0], rtcReport{len(p.packets), r.NTPTime, r.RTPTime})
			case ok:
				p.told[1] = append(p.told[1], rtcReport{len(p.sound), r.NTPTime, r.RTPTime})
			}
		}
		p.mu.Unlock()
	}
}

// pictures counts those that are whole.
func (p *rtcPlayer) pictures() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.packets {
		if k.Marker {
			n++
		}
	}
	return n
}

// stream gives the pictures from the first key frame on, with start codes, and how many packets are missing.
func (p *rtcPlayer) stream() (b []byte, gaps int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var d codecs.H264Packet
	begun := false
	for i, k := range p.packets {
		if i > 0 && k.SequenceNumber != p.packets[i-1].SequenceNumber+1 {
			gaps++
		}
		payload, err := d.Unmarshal(k.Payload)
		if err != nil {
			continue
		}
		if begun = begun || bytes.Contains(payload, []byte{0, 0, 1, 0x67}); begun {
			b = append(b, payload...)
		}
	}
	return b, gaps
}

// whole fails unless what the player has is pictures without a gap that decode without a word.
func (p *rtcPlayer) whole(t *testing.T, least int) {
	t.Helper()
	b, gaps := p.stream()
	file := filepath.Join(t.TempDir(), "played.h264")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, said := run(t, "ffmpeg7", "-hide_banner", "-loglevel", "warning", "-f", "h264", "-i", file, "-f", "null", "-")
	if said != "" || gaps > 0 {
		t.Errorf("%d gaps; decoding says %q", gaps, said)
	}
	list, _ := run(t, "ffprobe7", "-loglevel", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", file)
	if n, _ := strconv.Atoi(strings.TrimSpace(string(list))); n < least {
		t.Errorf("%d pictures of %d", n, least)
	}
}

// TestRTC passes pictures from a WebRTC publisher to players, one of whom comes late.
func TestRTC(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{rtc: " ", vhost: "rtc { enabled on; }\nhls { enabled on; hls_path " + t.TempDir() + "; }\ndash { enabled on; dash_path " + t.TempDir() + "; }\nhttp_remux { enabled on; }"})
	p := rtcPublish(t, f, "app=live&stream=s", newClip(t, "h264", "small"))
	published(t, f)
	other := playClient(t, f.url("s")) // who is sent nothing, and disturbs nobody
	first := rtcPlay(t, f, "app=live&stream=s")
	waitFor(t, "pictures", func() bool { return first.pictures() > 30 })
	late := rtcPlay(t, f, "app=live&stream=s")
	waitFor(t, "pictures", func() bool { return late.pictures() > 60 })
	if p.asked.Load() == 0 {
		t.Error("the publisher was not asked for a key frame")
	}
	first.whole(t, 60)
	late.whole(t, 20)
	if got := f.publishers()[0]; got.Type != "rtc-publish" || got.URL != "/live/s" {
		t.Errorf("the API lists %+v", got)
	}
	other.stop()
	waitFor(t, "the RTMP player to be gone", func() bool { return len(f.players()) == 2 })
	f.kick(f.players()[0].ID)
	waitFor(t, "the kicked player to be gone", func() bool { return len(f.players()) == 1 })
	for _, at := range []string{late.location, first.location} {
		r, _ := http.NewRequest(http.MethodDelete, "http://"+f.api+at, nil)
		a, err := apiClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != http.StatusOK {
			t.Errorf("delete: %s", a.Status)
		}
	}
	waitFor(t, "the players to be gone", func() bool { return len(f.players()) == 0 })
	p.stop()
	unpublished(t, f)
}

// TestRTCRepublish has players go on with the next publisher, by numbers that go on.
func TestRTCRepublish(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{rtc: " ", vhost: "rtc { enabled on; }"})
	c := newClip(t, "h264", "small")
	p := rtcPublish(t, f, "app=live&stream=s", c)
	published(t, f)
	v := rtcPlay(t, f, "app=live&stream=s")
	waitFor(t, "pictures", func() bool { return v.pictures() > 30 })
	p.stop()
	unpublished(t, f)
	was := v.pictures()
	rtcPublish(t, f, "app=live&stream=s", c)
	waitFor(t, "more pictures", func() bool { return v.pictures() > was+40 })
	v.whole(t, 40)
}

// TestRTCRefusals holds what clients are told who are not let in.
func TestRTCRefusals(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{rtc: " ", vhost: "rtc { enabled on; }", more: "vhost bare.test { }\nvhost off.test { enabled off; rtc { enabled on; } }\n" +
		"vhost shut.test { rtc { enabled on; } security { enabled on; deny publish all; } }"})
	rtcPublish(t, f, "app=live&stream=busy", newClip(t, "h264", "small"))
	published(t, f)
	offer := newRTCPeer(t, f)
	if _, err := offer.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	o, err := offer.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]struct {
		status int
		says   string
	}{
		"stream=busy":              {http.StatusConflict, "busy"},
		"stream=s&vhost=bare.test": {http.StatusForbidden, "rtc { enabled on; }"},
		"stream=s&vhost=off.test":  {http.StatusForbidden, "switched off"},
		"stream=s&vhost=shut.test": {http.StatusForbidden, "security"},
	} {
		status, _, said := f.offer("/rtc/v1/whip/?"+query, "application/sdp", o.SDP)
		if status != want.status || !strings.Contains(said, want.says) {
			t.Errorf("%s: %d %s", query, status, said)
		}
	}
	status, _, said := f.offer("/rtc/v1/publish/", "application/json", fmt.Sprintf(`{"streamurl":"webrtc://127.0.0.1/live/called","sdp":%q}`, o.SDP))
	if status != http.StatusOK || !strings.Contains(said, `"code":0,`) || !strings.Contains(said, `"sessionid":"`) || !strings.Contains(said, "a=ice-lite") {
		t.Errorf("a call of the older kind: %d %s", status, said)
	}
	for _, call := range []string{"{}", `{"streamurl":"rtmp://a/b/c","sdp":"x"}`, `{"streamurl":"webrtc://a/live/busy","sdp":"x"}`} {
		if status, _, said := f.offer("/rtc/v1/publish/", "application/json", call); status != http.StatusOK || !strings.Contains(said, `"code":400`) {
			t.Errorf("%s: %d %s", call, status, said)
		}
	}
	for _, p := range f.publishers() { // who has been answered and never comes
		if strings.HasSuffix(p.URL, "/called") {
			f.kick(p.ID)
		}
	}
	for _, body := range []string{"", "v=0", "rubbish"} {
		if status, _, said := f.offer("/rtc/v1/whip/?stream=s", "application/sdp", body); status != http.StatusBadRequest {
			t.Errorf("%q: %d %s", body, status, said)
		}
	}
	waitFor(t, "nobody else to be listed", func() bool { return len(f.sessions()) == 1 })
}
