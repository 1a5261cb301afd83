package e2e

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/stun/v3"
	"github.com/pion/webrtc/v4"

	"weir/internal/config"
)

// rtcContact is how a client is reached, as the API tells.
type rtcContact struct {
	ID, State, Selected, Reason, Next, DTLS string
	Told, Theirs                            []string
	Checks, Answered                        int
	Ended                                   *string
}

func (f *fixture) contacts() []rtcContact {
	f.t.Helper()
	raw, err := f.call("GET", "/api/v1/rtc/sessions/?count=1000")
	var answer struct{ Sessions []rtcContact }
	if err == nil {
		err = json.Unmarshal(raw, &answer)
	}
	if err != nil {
		f.t.Fatalf("%v\n%s", err, raw)
	}
	return answer.Sessions
}

// rtcTrack is how a track fares, as the API tells.
type rtcTrack struct {
	Kind, Codec                                     string
	Sent                                            bool
	Packets, Bytes, Kbps, Lost, Resent, NACKs, PLIs int
	RTT                                             float64 `json:"rtt_ms"`
	Jitter                                          float64 `json:"jitter_ms"`
}

func (f *fixture) tracks(id string) []rtcTrack {
	f.t.Helper()
	raw, err := f.call("GET", "/api/v1/clients/"+id)
	var answer struct {
		Client struct{ Health struct{ Tracks []rtcTrack } }
	}
	if err == nil {
		err = json.Unmarshal(raw, &answer)
	}
	if err != nil {
		f.t.Fatalf("%v\n%s", err, raw)
	}
	return answer.Client.Health.Tracks
}

func onlyTCP(s *webrtc.SettingEngine) {
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
}

// offerSDP makes an offer of a peer that goes no further.
func offerSDP(t *testing.T, f *fixture, publish bool) string {
	t.Helper()
	p := newRTCPeer(t, f)
	way := webrtc.RTPTransceiverDirectionRecvonly
	if publish {
		way = webrtc.RTPTransceiverDirectionSendrecv
	}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if _, err := p.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: way}); err != nil {
			t.Fatal(err)
		}
	}
	o, err := p.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.pc.SetLocalDescription(o); err != nil { // which makes its credentials
		t.Fatal(err)
	}
	return p.pc.LocalDescription().SDP
}

// TestRTCOverTCP has a player that has no UDP: on a port of its own, and on those of HTTP and HTTPS, which go on to serve that.
func TestRTCOverTCP(t *testing.T) {
	t.Parallel()
	own := freeAddress(t)
	for name, c := range map[string]struct {
		listen string
		shared bool
	}{"own": {listen: own}, "http": {listen: "$http", shared: true}, "https": {listen: "$https"}, "api": {listen: "$api"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{shared: c.shared, rtc: "candidate 127.0.0.1; protocol all; tcp { enabled on; listen " + c.listen + "; }", vhost: "rtc { enabled on; }"})
			rtcPublish(t, f, "app=live&stream=s", newClip(t, "h264", "small"))
			published(t, f)
			v := rtcPlay(t, f, "app=live&stream=s", onlyTCP)
			waitFor(t, "pictures", func() bool { return v.pictures() > 50 })
			v.whole(t, 15)
			var ways []string
			for _, c := range f.contacts() {
				way, _, _ := strings.Cut(c.Selected, " ")
				ways = append(ways, way)
			}
			if strings.Join(ways, " ") != "udp tcp" {
				t.Errorf("ways %v", ways)
			}
			for _, at := range []string{"http://" + f.http, "https://" + f.https} {
				web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: patience}
				a, err := web.Get(at + "/api/v1/versions")
				if err != nil {
					t.Error(err)
					continue
				}
				a.Body.Close()
				if a.StatusCode != http.StatusOK {
					t.Errorf("%s: %s", at, a.Status)
				}
			}
			v.pc.Close()
			waitFor(t, "the player to be gone", func() bool { return len(f.players()) == 0 })
		})
	}
}

// TestRTCProtocol has answers tell of the ways that the setting names.
func TestRTCProtocol(t *testing.T) {
	t.Parallel()
	for protocol, want := range map[string][2]int{"udp": {1, 0}, "tcp": {0, 1}, "all": {1, 1}} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			tcp := freeAddress(t)
			f := serve(t, conf{rtc: "candidate 127.0.0.1; protocol " + protocol + "; tcp { enabled on; listen " + tcp + "; }", vhost: "rtc { enabled on; stun_timeout 1; }"})
			status, _, answer := f.offer("/rtc/v1/whep/?app=live&stream=s", "application/sdp", offerSDP(t, f, false))
			_, udpPort, _ := net.SplitHostPort(f.http)
			_, tcpPort, _ := net.SplitHostPort(tcp)
			first, _, _ := strings.Cut(answer, "m=video")
			for i, line := range []string{" 1 udp 2130706431 127.0.0.1 " + udpPort + " typ host generation 0\r\n", " tcp 1677721599 127.0.0.1 " + tcpPort + " typ host tcptype passive\r\n"} {
				if n := strings.Count(first, line); status != http.StatusCreated || n != want[i] {
					t.Errorf("%d: %d times %q, want %d\n%s", status, n, line, want[i], answer)
				}
			}
			if n := strings.Count(first, "a=candidate:"); n != want[0]+want[1] {
				t.Errorf("%d candidates", n)
			}
		})
	}
}

// patch sends a fragment to a session.
func (f *fixture) patch(at, kind, match, body string) (status int, h http.Header, said string) {
	f.t.Helper()
	return f.send(http.MethodPatch, at, body, "Content-Type", kind, "If-Match", match)
}

func (f *fixture) send(method, at, body string, headers ...string) (status int, h http.Header, said string) {
	f.t.Helper()
	r, err := http.NewRequest(method, "http://"+f.api+at, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
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

// stunCheck makes a check of ICE.
func stunCheck(t *testing.T, user, pwd string, controlled bool) []byte {
	t.Helper()
	role := stun.RawAttribute{Type: stun.AttrICEControlling, Value: make([]byte, 8)}
	if controlled { // with the lower number, so that the other side is to give in
		role = stun.RawAttribute{Type: stun.AttrICEControlled, Value: make([]byte, 8)}
	}
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(user), rawAttribute(role),
		rawAttribute{Type: stun.AttrPriority, Value: []byte{110, 0, 0, 255}}, stun.NewShortTermIntegrity(pwd), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

type rawAttribute stun.RawAttribute

func (a rawAttribute) AddTo(m *stun.Message) error { m.Add(a.Type, a.Value); return nil }

// sdpLine returns the first a=NAME: of a description.
func sdpLine(sdp, name string) string {
	_, rest, _ := strings.Cut(sdp, "a="+name+":")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}

// TestRTCRestart has a player begin ICE anew, by PATCH, and go on with pictures; and holds what else PATCH says.
func TestRTCRestart(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{rtc: "ice_server stun:stun.test; ice_server turn:turn.test user pass; ", vhost: "rtc { enabled on; }"})
	rtcPublish(t, f, "app=live&stream=s", newClip(t, "h264", "small"))
	published(t, f)
	v := rtcPlay(t, f, "app=live&stream=s")
	waitFor(t, "pictures", func() bool { return v.pictures() > 20 })
	const kind = "application/trickle-ice-sdpfrag"
	ours := sdpLine(v.pc.LocalDescription().SDP, "ice-ufrag")
	trickle := "a=ice-ufrag:" + ours + "\r\na=ice-pwd:" + sdpLine(v.pc.LocalDescription().SDP, "ice-pwd") + "\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" +
		"a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag " + ours + "\r\na=end-of-candidates\r\n"
	for name, c := range map[string]struct {
		kind, match, body string
		status            int
	}{
		"candidates":     {kind, v.tag, trickle, http.StatusNoContent},
		"no tag":         {kind, "", trickle, http.StatusPreconditionRequired},
		"another tag":    {kind, `"x"`, trickle, http.StatusPreconditionFailed},
		"another type":   {"application/sdp", v.tag, trickle, http.StatusUnsupportedMediaType},
		"rubbish":        {kind, v.tag, "rubbish", http.StatusBadRequest},
		"short password": {kind, "*", "a=ice-ufrag:abcd\r\na=ice-pwd:short\r\n", http.StatusBadRequest},
	} {
		if status, _, said := f.patch(v.location, c.kind, c.match, c.body); status != c.status {
			t.Errorf("%s: %d %s", name, status, said)
		}
	}
	if status, _, _ := f.patch(v.location+"x", kind, v.tag, trickle); status != http.StatusNotFound {
		t.Errorf("another session: %d", status)
	}
	offer, err := v.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	status, h, frag := f.patch(v.location, kind, "*", "a=ice-ufrag:"+sdpLine(offer.SDP, "ice-ufrag")+"\r\na=ice-pwd:"+sdpLine(offer.SDP, "ice-pwd")+"\r\n")
	was, now := sdpLine(v.answer, "ice-ufrag"), sdpLine(frag, "ice-ufrag")
	if status != http.StatusOK || now == "" || now == was || h.Get("ETag") == v.tag || h.Get("ETag") == "" || !strings.Contains(frag, "a=candidate:0 1 udp") {
		t.Fatalf("ICE anew: %d, tag %s\n%s", status, h.Get("ETag"), frag)
	}
	answer := strings.ReplaceAll(strings.ReplaceAll(v.answer, was, now), sdpLine(v.answer, "ice-pwd"), sdpLine(frag, "ice-pwd"))
	if err := v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	before := v.pictures()
	waitFor(t, "pictures after ICE has begun anew", func() bool { return v.pictures() > before+40 })
	if status, _, _ := f.patch(v.location, kind, v.tag, trickle); status != http.StatusPreconditionFailed {
		t.Errorf("the tag of before: %d", status)
	}
	if status, _, _ := f.send(http.MethodDelete, v.location, ""); status != http.StatusOK {
		t.Errorf("DELETE: %d", status)
	}
	waitFor(t, "the player to be gone", func() bool { return len(f.players()) == 0 })
}

// TestRTCAnswer holds the head of an answer, its headers, the credentials that a client asks for, and what is refused.
func TestRTCAnswer(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{rtc: "ice_server stun:stun.test; ice_server turn:turn.test user \"pa ss\"; ", vhost: "rtc { enabled on; }"})
	play, publish := offerSDP(t, f, false), offerSDP(t, f, true)
	const pwd = "0123456789012345678901"
	status, h, answer := f.offer("/rtc/v1/whep/?app=live&stream=s&ice-ufrag=abcd&ice-pwd="+pwd, "application/sdp", play)
	for _, want := range []string{
		"o=weir/", " 2 IN IP4 0.0.0.0\r\ns=WeirPlaySession\r\n", "a=ice-lite\r\n", "a=group:BUNDLE 0 1\r\na=msid-semantic: WMS live/s\r\n",
		"a=ice-ufrag:abcd\r\n", "a=ice-pwd:" + pwd + "\r\n",
	} {
		if status != http.StatusCreated || !strings.Contains(answer, want) {
			t.Errorf("%d: no %q in\n%s", status, want, answer)
		}
	}
	at := h.Get("Location")
	if want := "&app=live&stream=s&session=abcd:" + sdpLine(play, "ice-ufrag"); !strings.HasPrefix(at, "/rtc/v1/whep/?action=delete&token=") || !strings.HasSuffix(at, want) {
		t.Errorf("Location %s, want %s", at, want)
	}
	if links := h.Values("Link"); len(links) != 2 || links[0] != `<stun:stun.test>; rel="ice-server"` ||
		links[1] != `<turn:turn.test>; rel="ice-server"; username="user"; credential="pa ss"; credential-type="password"` {
		t.Errorf("Link %q", links)
	}
	if h.Get("Accept-Patch") != "application/trickle-ice-sdpfrag" || h.Get("ETag") == "" {
		t.Errorf("headers %v", h)
	}
	if status, _, said := f.patch(at, "application/trickle-ice-sdpfrag", "*", "a=ice-ufrag:zzzz\r\na=ice-pwd:"+pwd+"\r\n"); status != http.StatusUnprocessableEntity {
		t.Errorf("ICE anew with a fixed password: %d %s", status, said)
	}
	status, h, answer = f.offer("/rtc/v1/whip/?app=live&stream=p", "application/sdp", publish)
	if status != http.StatusCreated || !strings.Contains(answer, "s=WeirPublishSession\r\n") {
		t.Errorf("%d\n%s", status, answer)
	}
	for _, at := range []string{at, h.Get("Location")} {
		if status, _, said := f.send(http.MethodDelete, strings.Replace(at, "token=", "token=x", 1), ""); status != http.StatusForbidden {
			t.Errorf("DELETE with another token: %d %s", status, said)
		}
		if status, _, said := f.send(http.MethodDelete, at, ""); status != http.StatusOK {
			t.Errorf("DELETE: %d %s", status, said)
		}
	}
	without := func(offer, line string) string { return strings.ReplaceAll(offer, line+"\r\n", "") }
	for name, c := range map[string]struct {
		path, offer string
		status      int
		says        string
	}{
		"short ufrag":    {"whep/?stream=s&ice-ufrag=abc&ice-pwd=" + pwd, play, 400, "ice-ufrag"},
		"long ufrag":     {"whep/?stream=s&ice-ufrag=" + strings.Repeat("a", 33) + "&ice-pwd=" + pwd, play, 400, "ice-ufrag"},
		"short password": {"whep/?stream=s&ice-ufrag=abcd&ice-pwd=" + pwd[1:], play, 400, "ice-pwd"},
		"long password":  {"whep/?stream=s&ice-ufrag=abcd&ice-pwd=" + strings.Repeat("a", 33), play, 400, "ice-pwd"},
		"no encryption":  {"whep/?stream=s&encrypt=false", play, 400, "always encrypted"},
		"no DTLS":        {"whep/?stream=s&dtls=false", play, 400, "always encrypted"},
		"no address":     {"whep/?stream=s&eip=a%20b", play, 400, "eip"},
		"no BUNDLE":      {"whep/?stream=s", without(play, "a=group:BUNDLE 0 1"), 406, "BUNDLE"},
		"no rtcp-mux":    {"whep/?stream=s", without(play, "a=rtcp-mux"), 406, "rtcp-mux"},
		"sends alone":    {"whep/?stream=s", strings.ReplaceAll(play, "a=recvonly", "a=sendonly"), 406, "sendonly"},
		"receives alone": {"whip/?stream=q", strings.ReplaceAll(publish, "a=sendrecv", "a=recvonly"), 406, "recvonly"},
		"data":           {"whep/?stream=s", play + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n", 406, "m=application"},
		"no media":       {"whep/?stream=s", "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", 400, "neither"},
	} {
		status, _, said := f.offer("/rtc/v1/"+c.path, "application/sdp", c.offer)
		var told struct {
			Code  int
			Error string
		}
		if err := json.Unmarshal([]byte(said), &told); err != nil || status != c.status || told.Code != status || !strings.Contains(told.Error, c.says) {
			t.Errorf("%s: %d %s", name, status, said)
		}
	}
	status, h, _ = f.send(http.MethodOptions, "/rtc/v1/whip/", "")
	if status != http.StatusNoContent || h.Get("Accept-Patch") == "" || h.Get("Link") != "" {
		t.Errorf("OPTIONS: %d %v", status, h)
	}
}

// TestRTCUnreached has clients that find no way: they are gone after stun_timeout, with all they had, and the log and the API
// say why.
func TestRTCUnreached(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{rtc: " ", vhost: "rtc { enabled on; stun_timeout 1; }"})
	idle, offer := f.settled(), offerSDP(t, f, false)
	const many = 20
	for i := range many {
		if status, _, said := f.offer(fmt.Sprintf("/rtc/v1/whep/?app=live&stream=s%d", i), "application/sdp", offer); status != http.StatusCreated {
			t.Fatalf("%d %s", status, said)
		}
	}
	if n := len(f.players()); n == 0 {
		t.Error("nobody is listed")
	}
	waitFor(t, "all to be gone", func() bool { return len(f.sessions()) == 0 })
	waitFor(t, "their goroutines to be gone", func() bool { return goroutines(f.label) <= idle })
	_, port, _ := net.SplitHostPort(f.http)
	list := f.contacts()
	if len(list) != many {
		t.Fatalf("%d are remembered", len(list))
	}
	c := list[0]
	if c.State != "failed" || c.Ended == nil || c.Checks != 0 || len(c.Told) != 1 || !strings.Contains(c.Reason, "no STUN request has reached UDP "+port) || !strings.Contains(c.Next, "rtc_server.candidate") {
		t.Errorf("%+v", c)
	}
	if n := f.log.Count("no connection has come about: no STUN request has reached UDP " + port); n != many {
		t.Errorf("%d lines in the log", n)
	}
}

// TestRTCStranded has checks that come and are of no use: with another password, and by a client that takes the wrong role.
func TestRTCStranded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		strict, reason string
		controlled     bool
		pwd            string
	}{
		"another password": {"off", "none was in order", false, "9999999999999999999999"},
		"wrong role":       {"on", "the part of the controlled side", true, ""},
		"any role":         {"off", "the client has not chosen that way", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{rtc: " ", vhost: "rtc { enabled on; stun_timeout 1; stun_strict_check " + c.strict + "; }"})
			offer := offerSDP(t, f, false)
			status, _, answer := f.offer("/rtc/v1/whep/?app=live&stream=s", "application/sdp", offer)
			if status != http.StatusCreated {
				t.Fatal(answer)
			}
			pwd := sdpLine(answer, "ice-pwd")
			if c.pwd != "" {
				pwd = c.pwd
			}
			conn, err := net.Dial("udp", f.http)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for end := time.Now().Add(patience); len(f.sessions()) > 0 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
				if _, err := conn.Write(stunCheck(t, sdpLine(answer, "ice-ufrag")+":"+sdpLine(offer, "ice-ufrag"), pwd, c.controlled)); err != nil {
					t.Fatal(err)
				}
			}
			list := f.contacts()
			if len(list) != 1 || !strings.Contains(list[0].Reason, c.reason) || list[0].Checks == 0 {
				t.Errorf("%+v", list)
			}
			if f.log.Count(c.reason) != 1 {
				t.Error("the log does not say so")
			}
		})
	}
}

// TestRTCStats has the API tell how the tracks of a publisher and of a player fare, and what the player says of it.
func TestRTCStats(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{rtc: " ", vhost: "rtc { enabled on; }"})
	p := rtcPublish(t, f, "app=live&stream=s", newClip(t, "h264", "small"))
	published(t, f)
	v := rtcPlay(t, f, "app=live&stream=s")
	waitFor(t, "pictures", func() bool { return v.pictures() > 40 })
	v.mu.Lock()
	ssrc, number := v.packets[0].SSRC, v.packets[0].SequenceNumber
	v.mu.Unlock()
	if err := v.pc.WriteRTCP([]rtcp.Packet{
		&rtcp.PictureLossIndication{MediaSSRC: ssrc},
		&rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: []rtcp.NackPair{{PacketID: number + 3, LostPackets: 1}}},
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range f.sessions() {
		var k rtcTrack
		waitFor(t, "numbers of "+c.Type, func() bool {
			for _, k = range f.tracks(c.ID) {
				if k.Kind == "video" {
					break
				}
			}
			return k.Kbps > 0 && k.PLIs > 0 && k.Jitter > 0
		})
		if k.Codec != "H264" || k.Sent == c.Publish || k.Packets < 40 || k.Bytes < 1000 {
			t.Errorf("%s: %+v", c.Type, k)
		}
		if !c.Publish && (k.PLIs != 1 || k.NACKs != 2 || k.Resent != 2 || k.Lost != 0) {
			t.Errorf("the player says: %+v", k)
		}
		if asked := int(p.asked.Load()); c.Publish && (k.Lost != 0 || k.PLIs < 1 || k.PLIs > asked+1) {
			t.Errorf("the publisher, who was asked %d times: %+v", asked, k)
		}
	}
}

// TestRTCDrop has a payload type of a publisher's lost.
func TestRTCDrop(t *testing.T) {
	t.Parallel()
	for _, drop := range []bool{false, true} {
		t.Run(fmt.Sprint(drop), func(t *testing.T) {
			t.Parallel()
			settings := "rtc { enabled on; }"
			if drop {
				settings = "rtc { enabled on; drop_for_pt 102; }" // H.264, in the offer of the library
			}
			f := serve(t, conf{rtc: " ", vhost: settings})
			p := rtcPublish(t, f, "app=live&stream=s", newClip(t, "h264", "small"))
			waitFor(t, "packets to be sent", func() bool { return p.sent.Load() > 60 })
			got := 0
			for _, c := range f.publishers() {
				for _, k := range f.tracks(c.ID) {
					got += k.Packets
				}
			}
			if (got == 0) != drop {
				t.Errorf("%d packets were taken", got)
			}
		})
	}
}

// TestRTCFlood has strangers send checks, DTLS and rubbish from many ports, and open connections, while pictures go on; they
// leave nothing behind.
func TestRTCFlood(t *testing.T) {
	t.Parallel()
	tcp := freeAddress(t)
	f := serve(t, conf{rtc: "candidate 127.0.0.1; reuseport 2; protocol all; tcp { enabled on; listen " + tcp + "; }", vhost: "rtc { enabled on; }"})
	rtcPublish(t, f, "app=live&stream=s", newClip(t, "h264", "small"))
	published(t, f)
	v := rtcPlay(t, f, "app=live&stream=s")
	waitFor(t, "pictures", func() bool { return v.pictures() > 20 })
	before := f.settled()
	hello := append([]byte{22, 254, 253}, make([]byte, 200)...)
	var conns []net.Conn
	for range 40 {
		c, err := net.Dial("udp", f.http)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := range 300 {
		check := stunCheck(t, fmt.Sprintf("u%07d:x", i), "9999999999999999999999", false)
		for _, c := range conns {
			for _, b := range [][]byte{check, hello} {
				_, _ = c.Write(b) // some may get lost
			}
		}
		<-tick.C
	}
	for i := range 50 {
		c, err := net.Dial("tcp", tcp)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		check := stunCheck(t, fmt.Sprintf("u%07d:x", i), "9999999999999999999999", false)
		_, _ = c.Write(append([]byte{byte(len(check) >> 8), byte(len(check))}, check...))
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a stranger's connection: %v", err)
		}
	}
	was := v.pictures()
	waitFor(t, "pictures after the flood", func() bool { return v.pictures() > was+20 })
	waitFor(t, "no more goroutines than before", func() bool { return goroutines(f.label) <= before })
}

// TestRTCRefusedAtStart holds what a server does not start with.
func TestRTCRefusedAtStart(t *testing.T) {
	t.Parallel()
	for settings, says := range map[string]string{
		"rtc_server { enabled on; encrypt off; }":                "rtc_server.encrypt off cannot be had",
		"vhost a { rtc { enabled on; dtls_version dtls1.0; } }":  "rtc.dtls_version dtls1.0, which cannot be had",
		"rtc_server { enabled on; ice_server http://a.test; }":   "rtc_server.ice_server is to be",
		"rtc_server { enabled on; ice_server turn:a.test user;}": "rtc_server.ice_server is to be",
	} {
		file := filepath.Join(t.TempDir(), "weir.conf")
		for _, text := range []string{settings, ""} {
			if err := os.WriteFile(file, []byte("listen 1935;\nvhost b { }\n"+text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := config.Load(config.Options{File: file}, nil)
			if (err == nil) != (text == "") || err != nil && !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
	for _, version := range []string{"auto", "dtls1.2"} {
		f := serve(t, conf{rtc: " ", vhost: "rtc { enabled on; dtls_version " + version + "; }"})
		rtcPublish(t, f, "app=live&stream=s", newClip(t, "h264", "small"))
		published(t, f)
	}
}
