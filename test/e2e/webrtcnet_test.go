package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"weir/internal/codec/nal"
	"weir/internal/format/flv"
	weather "weir/internal/testkit/relay"
)

// clientFlight is how long a client waits for an answer in DTLS before it says the same again, as browsers do.
const clientFlight = 100 * time.Millisecond

// clientAsks is how often a client asks for what it misses, and clientPatience how many times.
const (
	clientAsks     = 100 * time.Millisecond
	clientPatience = 40
)

// netPeer returns a client of which the server hears through a relay only. Certificates are made where none are given.
func netPeer(t *testing.T, f *fixture, way *weather.Relay, set func(*webrtc.SettingEngine), certificates ...webrtc.Certificate) *rtcPeer {
	t.Helper()
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	s.SetDTLSRetransmissionInterval(clientFlight)
	s.SetSRTPReplayProtectionWindow(1024)
	if set != nil {
		set(&s)
	}
	var m webrtc.MediaEngine
	var chain interceptor.Registry
	if err := errors.Join(m.RegisterDefaultCodecs(), webrtc.RegisterDefaultInterceptorsWithOptions(&m, &chain,
		webrtc.WithNackGeneratorOptions(nack.GeneratorInterval(clientAsks), nack.GeneratorMaxNacksPerPacket(clientPatience)))); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(&m), webrtc.WithInterceptorRegistry(&chain)).
		NewPeerConnection(webrtc.Configuration{Certificates: certificates})
	if err != nil {
		t.Fatal(err)
	}
	p := &rtcPeer{t: t, pc: pc, f: f, up: make(chan struct{})}
	if way != nil {
		p.only = way.Addr()
	}
	var once sync.Once
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(p.up) })
		}
	})
	t.Cleanup(func() {
		if way != nil {
			way.Set(weather.Weather{}, weather.Weather{}) // the server is to hear that it goes
			way.Filter(nil)
		}
		pc.Close()
		if id := strings.Trim(p.tag, `"`); id != "" { // the session's, as long as ICE has not begun anew
			if !poll(func() bool { return !slices.ContainsFunc(f.sessions(), func(c client) bool { return c.ID == id }) }) {
				t.Errorf("the server has not heard that %s has gone", id)
			}
		}
	})
	return p
}

// through adds to a query that the server is to be reached through a relay.
func through(query string, way *weather.Relay) string {
	if way == nil {
		return query
	}
	return query + "&eip=" + way.Addr()
}

// sentPicture is one of a publisher's.
type sentPicture struct {
	key   bool
	first uint16 // of its packets
	count int
	at    time.Time
}

// netPublisher publishes pictures in small packets, and begins a new group of them when it is asked to.
type netPublisher struct {
	*rtcPeer
	quit chan struct{}
	done sync.WaitGroup

	mu       sync.Mutex // guards what follows
	pictures []sentPicture
	payloads map[string][]uint16 // the numbers of the packets with one
	asked    int                 // for key frames
	nacked   int                 // packets
	wantKey  bool
}

// smallPackets is the size of packets that gives a small clip as many of them as a large picture has.
const smallPackets = 200

func netPublish(t *testing.T, p *rtcPeer, query string) *netPublisher {
	t.Helper()
	n, tags := &netPublisher{rtcPeer: p, quit: make(chan struct{}), payloads: map[string][]uint16{}}, readClip(t, newClip(t, "h264", "small"))
	video, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000}, "video", "x")
	if err != nil {
		t.Fatal(err)
	}
	sender, err := p.pc.AddTrack(video)
	if err != nil {
		t.Fatal(err)
	}
	n.done.Go(func() {
		for {
			list, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			n.hear(list)
		}
	})
	t.Cleanup(n.stop)
	p.post("/rtc/v1/whip/?" + query)
	n.done.Go(func() { n.send(video, tags) })
	return n
}

func (n *netPublisher) hear(list []rtcp.Packet) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, k := range list {
		switch k := k.(type) {
		case *rtcp.PictureLossIndication:
			n.asked++
			n.wantKey = true
		case *rtcp.TransportLayerNack:
			for _, pair := range k.Nacks {
				n.nacked += len(pair.PacketList())
			}
		}
	}
}

func (n *netPublisher) sent() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.pictures)
}

func (n *netPublisher) stop() {
	n.rest()
	n.pc.Close()
	n.done.Wait()
}

// rest sends no more pictures.
func (n *netPublisher) rest() {
	select {
	case <-n.quit:
	default:
		close(n.quit)
	}
}

// send sends pictures in their rhythm.
func (n *netPublisher) send(video *webrtc.TrackLocalStaticRTP, tags []flv.Tag) {
	pack := rtp.NewPacketizer(smallPackets, 0, 0, &codecs.H264Payloader{}, rtp.NewRandomSequencer(), 90000)
	var sets []byte
	tick := time.NewTicker(time.Second / rate)
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
			key := tag.Body[0]>>4 == 1
			if !n.due(key) {
				continue
			}
			var picture []byte
			if key {
				picture = append(picture, sets...)
			}
			for unit := range nal.All(tag.Body[5:]) {
				picture = append(append(picture, 0, 0, 0, 1), unit...)
			}
			packets := pack.Packetize(picture, 90000/rate)
			if len(packets) == 0 {
				continue // the clip's end of a sequence
			}
			n.mu.Lock()
			n.pictures = append(n.pictures, sentPicture{key, packets[0].SequenceNumber, len(packets), time.Now()})
			for _, k := range packets {
				n.payloads[string(k.Payload)] = append(n.payloads[string(k.Payload)], k.SequenceNumber)
			}
			n.mu.Unlock()
			for _, k := range packets {
				if video.WriteRTP(k) != nil {
					return
				}
			}
			select {
			case <-tick.C:
			case <-n.quit:
				return
			}
		}
	}
}

// due reports whether the next picture is to be sent: one that begins a group, where one was asked for.
func (n *netPublisher) due(key bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	due := key || !n.wantKey
	if key {
		n.wantKey = false
	}
	return due
}

// number returns the number of the packet with a payload, if there is just one.
func (n *netPublisher) number(payload []byte) (number uint16, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.payloads[string(payload)]
	if len(list) != 1 {
		return 0, false
	}
	return list[0], true
}

// arrival is a packet that a player has.
type arrival struct {
	at      time.Time
	payload []byte
	again   bool // came by RTX
}

// netPlayer keeps what it is sent, in whichever order, and asks for a key frame when it cannot go on.
type netPlayer struct {
	*rtcPeer
	from *netPublisher

	mu      sync.Mutex         // guards what follows
	packets map[uint16]arrival // by the publisher's numbers, as far as they are known
	moved   uint16             // the player's numbers minus the publisher's
	known   bool
	early   []*rtp.Packet // that came before it was
	begun   uint16        // its first
	resent  int           // by RTX
	twice   int           // came twice or more
	asked   int
	askedAt time.Time
	looked  time.Time // at whether to ask
}

// hurry is for how long a player waits for packets that are missing until it asks for a key frame.
const hurry = 600 * time.Millisecond

func netPlay(t *testing.T, p *rtcPeer, from *netPublisher, query string) *netPlayer {
	t.Helper()
	n := &netPlayer{rtcPeer: p, from: from, packets: map[uint16]arrival{}}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if _, err := p.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	p.pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		go func() { // the library hears of the server's reports while they are read
			for {
				if _, _, err := receiver.ReadRTCP(); err != nil {
					return
				}
			}
		}()
		for {
			k, attributes, err := remote.ReadRTP()
			if err != nil {
				return
			}
			if remote.Kind() == webrtc.RTPCodecTypeVideo {
				n.take(k, attributes.Get(webrtc.AttributeRtxSsrc) != nil)
				if n.stuck() {
					_ = p.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(remote.SSRC())}})
				}
			}
		}
	})
	p.post("/rtc/v1/whep/?" + query)
	return n
}

func (n *netPlayer) take(k *rtp.Packet, again bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.known {
		n.early = append(n.early, k)
		number, ok := n.from.number(k.Payload)
		if !ok {
			return
		}
		n.moved, n.known, n.begun = k.SequenceNumber-number, true, n.early[0].SequenceNumber-(k.SequenceNumber-number)
		for _, k := range n.early {
			n.packets[k.SequenceNumber-n.moved] = arrival{time.Now(), k.Payload, false}
		}
		return
	}
	number := k.SequenceNumber - n.moved
	if again {
		n.resent++
	}
	if _, has := n.packets[number]; has {
		n.twice++
		return
	}
	n.packets[number] = arrival{time.Now(), k.Payload, again}
}

// stuck reports whether it is time to ask for a key frame.
func (n *netPlayer) stuck() bool {
	if time.Since(n.looked) < hurry/4 {
		return false
	}
	n.looked = time.Now()
	w := n.watched(time.Now())
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(w.shown) == 0 || time.Since(w.shown[len(w.shown)-1].at) < hurry || time.Since(n.askedAt) < hurry {
		return false
	}
	n.asked++
	n.askedAt = time.Now()
	return true
}

// shownPicture is one that a player can decode.
type shownPicture struct {
	sentPicture
	at time.Time // when it could be
}

// watched is what a player has seen.
type outcome struct {
	published, whole int // since it came
	missing          int // packets
	shown            []shownPicture
	longest          time.Duration // between two pictures
	frozen           time.Duration // more than 200 ms between two, together
	spoilt           time.Time     // when the last picture was sent that could not be decoded
}

// watched works out what the player could decode, by what was published: a picture that is whole, and follows one that could be.
func (n *netPlayer) watched(until time.Time) (w outcome) {
	n.from.mu.Lock()
	pictures := slices.Clone(n.from.pictures)
	n.from.mu.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.packets) == 0 {
		return w
	}
	chained, begun := false, false
	var last time.Time
	for _, p := range pictures {
		if p.at.After(until) {
			break
		}
		if begun = begun || int16(p.first-n.begun) >= 0 && p.key; !begun {
			continue
		}
		w.published++
		at, missing := n.arrived(p)
		w.missing += missing
		if missing > 0 {
			chained, w.spoilt = false, p.at
			continue
		}
		w.whole++
		if chained = chained || p.key; !chained {
			w.spoilt = p.at
			continue
		}
		if at.Before(last) {
			at = last // it waits for the one in front
		}
		if gap := at.Sub(last); len(w.shown) > 0 {
			w.longest = max(w.longest, gap)
			if gap > 200*time.Millisecond {
				w.frozen += gap
			}
		}
		last = at
		w.shown = append(w.shown, shownPicture{p, at})
	}
	return w
}

// arrived tells when the last packet of a picture came, and how many are missing.
func (n *netPlayer) arrived(p sentPicture) (at time.Time, missing int) {
	for i := range p.count {
		k, has := n.packets[p.first+uint16(i)]
		if !has {
			missing++
		}
		if k.at.After(at) {
			at = k.at
		}
	}
	return at, missing
}

func (n *netPlayer) shown() int { return len(n.watched(time.Now()).shown) }

// tell gives the figures, for the test's log.
func (n *netPlayer) tell(w outcome) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.from.mu.Lock()
	defer n.from.mu.Unlock()
	return fmt.Sprintf("%d published, %d whole, %d decoded, %d packets missing of %d, longest %s, frozen %s, RTX %d, twice %d, PLI %d; the publisher: NACK %d, PLI %d",
		w.published, w.whole, len(w.shown), w.missing, len(n.packets)+w.missing, w.longest.Round(time.Millisecond), w.frozen.Round(time.Millisecond), n.resent, n.twice, n.asked,
		n.from.nacked, n.from.asked)
}

// decodes has a decoder look at what was shown.
func (n *netPlayer) decodes(t *testing.T, w outcome) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "shown.h264")
	var b []byte
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range w.shown {
		var d codecs.H264Packet
		for i := range s.count {
			unit, err := d.Unmarshal(n.packets[s.first+uint16(i)].payload)
			if err != nil {
				t.Fatal(err)
			}
			b = append(b, unit...)
		}
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, said := run(t, "ffmpeg7", strings.Fields("-hide_banner -loglevel warning -f h264 -i "+file+" -f null -")...); said != "" {
		t.Errorf("decoding says %q", said)
	}
}

// again counts packets by what their headers say, of which SRTP hides nothing.
type labels struct {
	mu    sync.Mutex
	types [2]map[uint8]int // by direction: of payload
}

func (h *labels) rule(up bool, packet []byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	way := 0
	if up {
		way = 1
	}
	if h.types[way] == nil {
		h.types[way] = map[uint8]int{}
	}
	if len(packet) > 12 && packet[0]>>6 == 2 && (packet[1] < 192 || packet[1] > 223) {
		h.types[way][packet[1]&0x7f]++
	}
	return true
}

// count tells how many packets of a payload type went up or down.
func (h *labels) count(up bool, payload uint8) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.types[map[bool]int{false: 0, true: 1}[up]][payload]
}

func (h *labels) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return fmt.Sprintf("down %v, up %v", h.types[0], h.types[1])
}

var bad = weather.Weather{Loss: 0.05, Delay: 100 * time.Millisecond, Jitter: 20 * time.Millisecond, Reorder: 0.02, Duplicate: 0.02}

// netWorld is a publisher and a player with weather between.
type netWorld struct {
	*fixture
	up, down         *weather.Relay
	upSeen, downSeen *labels
	publisher        *netPublisher
	player           *netPlayer
}

func newNetWorld(t *testing.T, settings string) *netWorld {
	t.Helper()
	w := &netWorld{fixture: serve(t, conf{rtc: " ", vhost: "rtc { enabled on; " + settings + " }"}), upSeen: &labels{}, downSeen: &labels{}}
	w.up = weather.New(t, w.http, weather.Weather{}, weather.Weather{})
	w.down = weather.New(t, w.http, weather.Weather{}, weather.Weather{})
	w.up.Filter(w.upSeen.rule)
	w.down.Filter(w.downSeen.rule)
	return w
}

func (w *netWorld) begin(t *testing.T) {
	t.Helper()
	w.publisher = netPublish(t, netPeer(t, w.fixture, w.up, nil), through("stream=s", w.up))
	published(t, w.fixture)
	w.player = netPlay(t, netPeer(t, w.fixture, w.down, nil), w.publisher, through("stream=s", w.down))
	waitFor(t, "pictures", func() bool { return w.player.shown() > 10 })
}

// lasts waits for so many more pictures to be sent, and for what of them comes late, and tells what became of them.
func (w *netWorld) lasts(t *testing.T, pictures int) outcome {
	t.Helper()
	from := w.publisher.sent()
	waitFor(t, "pictures to be sent", func() bool { return w.publisher.sent() > from+pictures })
	until := time.Now()
	waitFor(t, "the last of them", func() bool {
		return time.Since(until) > settles || time.Since(until) > settles/10 && w.player.watched(until).spoilt.Before(until.Add(-time.Second))
	})
	seen := w.player.watched(until)
	t.Log(w.player.tell(seen))
	return seen
}

// settles is how long a picture may take to be whole.
const settles = 4 * time.Second

// The payload types of a pion client.
const (
	typeH264 = 102
	typeRTX  = 103
)

// TestRTCLoss loses, delays, repeats and mixes up packets between a publisher, the server and a player. With nack on
// each picture comes to be decoded, thanks to packets that are sent again as RTX on both ways; with nack off most are not.
func TestRTCLoss(t *testing.T) {
	t.Parallel()
	for _, nack := range []bool{true, false} {
		t.Run(fmt.Sprintf("nack %t", nack), func(t *testing.T) {
			t.Parallel()
			rtcLoss(t, true, true, nack)
		})
	}
}

func rtcLoss(t *testing.T, publisher, player, nack bool) {
	settings := map[bool]string{true: "nack on;", false: "nack off;"}
	w := newNetWorld(t, settings[nack])
	w.begin(t)
	b := bad
	b.Seed = 7
	if publisher {
		w.up.Set(b, b)
	}
	if player {
		w.down.Set(b, b)
	}
	seen := w.lasts(t, 150)
	u, _ := w.up.Counts()
	_, d := w.down.Counts()
	toServer, toPlayer := w.upSeen.count(true, typeRTX), w.downSeen.count(false, typeRTX)
	t.Logf("lost on the way to the server %d of %d, to the player %d of %d; sent again %d and %d", u.Lost.Packets, u.Passed.Packets, d.Lost.Packets, d.Passed.Packets, toServer, toPlayer)
	if publisher && u.Lost.Packets < 20 || player && d.Lost.Packets < 20 {
		t.Error("the weather was fine")
	}
	w.player.decodes(t, seen)
	if !nack {
		if seen.missing < 20 || len(seen.shown) > seen.published*2/3 || toServer+toPlayer > 0 {
			t.Errorf("without nack %d packets are missing, %d pictures decoded, %d packets sent again", seen.missing, len(seen.shown), toServer+toPlayer)
		}
		return
	}
	if len(seen.shown) < seen.published-2 { // one, and one that needs it
		t.Errorf("%d pictures decoded of %d", len(seen.shown), seen.published)
	}
	if publisher && (toServer < u.Lost.Packets/2 || toServer > 4*u.Lost.Packets) || player && toPlayer < d.Lost.Packets/2 {
		t.Errorf("%d packets sent again to the server, %d to the player", toServer, toPlayer)
	}
}

// TestRTCBlackout cuts both ways for three seconds: nobody is taken for gone, and the picture is back in a second.
func TestRTCBlackout(t *testing.T) {
	t.Parallel()
	w := newNetWorld(t, "")
	w.begin(t)
	cut := func(bool, []byte) bool { return false }
	w.up.Filter(cut)
	w.down.Filter(cut)
	from := time.Now()
	waitFor(t, "the cut to have lasted", func() bool { return time.Since(from) > 3*time.Second })
	w.up.Filter(w.upSeen.rule)
	w.down.Filter(w.downSeen.rule)
	w.recovers(t, time.Second)
}

// TestRTCStart measures how long it takes from the offer to the connection, and from there to a picture, which is a key frame that was
// asked for.
func TestRTCStart(t *testing.T) {
	t.Parallel()
	w := newNetWorld(t, "")
	w.publisher = netPublish(t, netPeer(t, w.fixture, nil, nil), "stream=s")
	published(t, w.fixture)
	var took []time.Duration
	for range 5 {
		began := time.Now()
		v := netPlay(t, netPeer(t, w.fixture, nil, nil), w.publisher, "stream=s")
		up := time.Now()
		waitFor(t, "a picture", func() bool { return v.shown() > 0 })
		first := v.watched(time.Now()).shown[0].at
		t.Logf("connected after %s, a picture after %s more", up.Sub(began).Round(time.Millisecond), first.Sub(up).Round(time.Millisecond))
		took = append(took, first.Sub(up))
		waitFor(t, "the next to be asked for one at once", func() bool { return time.Since(first) > 1100*time.Millisecond })
	}
	slices.Sort(took)
	if took[2] > 200*time.Millisecond {
		t.Errorf("from the connection to a picture it takes %s", took[2])
	}
}

// TestRTCGone has a player go without a word: its session ends after stun_timeout, no sooner and not much later.
func TestRTCGone(t *testing.T) {
	t.Parallel()
	for _, timeout := range []time.Duration{2 * time.Second, 5 * time.Second} {
		t.Run(timeout.String(), func(t *testing.T) {
			t.Parallel()
			w := newNetWorld(t, fmt.Sprintf("stun_timeout %d;", int(timeout.Seconds())))
			w.begin(t)
			w.down.Filter(func(bool, []byte) bool { return false })
			cut := time.Now()
			waitFor(t, "the player to be gone", func() bool { return len(w.players()) == 0 })
			if took := time.Since(cut); took < timeout-1500*time.Millisecond || took > timeout+2*time.Second {
				t.Errorf("it is gone after %s", took)
			}
			waitFor(t, "the log to say why", func() bool {
				return strings.Contains(w.log.String(), "nothing has come from the client for stun_timeout")
			})
		})
	}
}

// TestRTCBurst loses a third of all packets, many in a row, for a while.
func TestRTCBurst(t *testing.T) {
	t.Parallel()
	w := newNetWorld(t, "")
	w.begin(t)
	b := weather.Weather{Loss: 0.3, Burst: 8, Delay: 20 * time.Millisecond, Seed: 3}
	w.up.Set(b, b)
	w.down.Set(b, b)
	from := w.publisher.sent()
	waitFor(t, "pictures to be sent", func() bool { return w.publisher.sent() > from+75 })
	b.Loss = 0
	w.up.Set(b, b)
	w.down.Set(b, b)
	w.recovers(t, time.Second)
}

// recovers fails unless from some time after now on, at most, each picture is decoded, by the sessions of before.
func (w *netWorld) recovers(t *testing.T, within time.Duration) {
	t.Helper()
	fine := time.Now()
	seen := w.lasts(t, 50)
	i := slices.IndexFunc(seen.shown, func(s shownPicture) bool { return s.sentPicture.at.After(fine) && s.sentPicture.at.After(seen.spoilt) })
	if i < 0 {
		t.Fatal("the picture does not come back")
	}
	back := seen.shown[i].at.Sub(fine)
	t.Logf("back after %s", back)
	if back > within {
		t.Errorf("the picture is back after %s", back)
	}
	if n := strings.Count(w.log.String(), " ended"); n > 0 {
		t.Errorf("%d sessions have ended", n)
	}
	w.player.decodes(t, seen)
}
