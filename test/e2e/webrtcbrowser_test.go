package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// rtcScript publishes the fake camera and microphone of a browser, or plays, and keeps what is known of it in window.rtc.
const rtcScript = `(async () => {
  const pc = new RTCPeerConnection();
  window.rtc = {pc, state: "new", frames: 0, lost: -1, energy: 0, width: 0, codec: ""};
  pc.onconnectionstatechange = () => rtc.state = pc.connectionState;
  if (%[1]t) {
    const media = await navigator.mediaDevices.getUserMedia({audio: {echoCancellation: false, noiseSuppression: false, autoGainControl: false}, video: {width: 640, height: 360}});
    media.getVideoTracks()[0].contentHint = "detail"; // of one size, whatever the machine has to do
    media.getTracks().forEach(t => pc.addTransceiver(t, {direction: "sendonly", streams: [media]}));
  } else {
    pc.addTransceiver("audio", {direction: "recvonly"});
    pc.addTransceiver("video", {direction: "recvonly"});
    const video = document.createElement("video");
    video.autoplay = true;
    video.srcObject = new MediaStream();
    document.body.append(video);
    pc.ontrack = e => { video.srcObject.addTrack(e.track); video.play(); };
  }
  await pc.setLocalDescription(await pc.createOffer());
  const answer = await fetch(%[2]q, {method: "POST", body: pc.localDescription.sdp, headers: {"Content-Type": "application/sdp"}});
  if (answer.status != 201) throw new Error(answer.status + " " + await answer.text());
  rtc.location = answer.headers.get("Location");
  await pc.setRemoteDescription({type: "answer", sdp: await answer.text()});
  setInterval(async () => {
    const stats = await pc.getStats();
    stats.forEach(s => {
      if (s.type == "inbound-rtp" && s.kind == "video") {
        rtc.frames = s.framesDecoded || 0; rtc.lost = s.packetsLost; rtc.width = s.frameWidth || 0;
        const codec = stats.get(s.codecId); rtc.codec = codec ? codec.mimeType : "";
      }
      if (s.type == "inbound-rtp" && s.kind == "audio") rtc.energy = s.totalAudioEnergy || 0;
      if (s.type == "outbound-rtp" && s.kind == "video") rtc.frames = s.framesSent || 0;
    });
  }, 200);
  return true;
})()`

// rtc runs the script.
func (b *browser) rtc(publish bool, path string) {
	b.t.Helper()
	b.open("/players/publish.html") // which may use the camera
	ask[any](b, `(function(){ window.failed = ""; `+fmt.Sprintf(rtcScript, publish, "http://"+b.f.api+path)+`.catch(e => { window.failed = String(e) }); return 0 })()`)
	b.until("the connection", `window.failed != "" || window.rtc && rtc.state == "connected"`)
	if failed := ask[string](b, "window.failed"); failed != "" {
		b.t.Fatal(failed)
	}
}

// TestRTCBrowsers has a browser publish a camera, and another one watch, over UDP and over TCP at the port of the web server:
// pictures are decoded and sound is heard.
func TestRTCBrowsers(t *testing.T) {
	t.Parallel()
	for way, rtc := range map[string]string{"udp": " ", "tcp": "protocol tcp; tcp { enabled on; listen $http; }"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			browsersOver(t, way, serve(t, conf{rtc: rtc, shared: true, vhost: "rtc { enabled on; }"}))
		})
	}
}

func browsersOver(t *testing.T, way string, f *fixture) {
	t.Helper()
	publisher := openBrowser(t, f, rtcSwitches...)
	publisher.rtc(true, "/rtc/v1/whip/?app=live&stream=cam")
	published(t, f)
	publisher.until("pictures that are sent", "rtc.frames > 10")
	player := openBrowser(t, f, rtcSwitches...)
	player.rtc(false, "/rtc/v1/whep/?app=live&stream=cam")
	player.until("pictures and sound", "rtc.frames > 100 && rtc.energy > 0")
	if lost, width := ask[int](player, "rtc.lost"), ask[int](player, "rtc.width"); lost > 0 || width == 0 {
		t.Errorf("%d packets lost, pictures %d wide", lost, width)
	}
	for _, c := range f.sessions() {
		waitFor(t, "the numbers of "+c.Type, func() bool {
			list := f.tracks(c.ID)
			return len(list) == 2 && list[0].Kbps > 0 && list[1].Kbps > 0 && (c.Publish || list[0].RTT+list[1].RTT > 0)
		})
	}
	for _, c := range f.contacts() {
		if !strings.HasPrefix(c.Selected, way) {
			t.Errorf("%s goes over %q", c.ID, c.Selected)
		}
	}
	t.Logf("codec %s", ask[string](player, "rtc.codec"))
	ask[any](player, "rtc.pc.close()")
	ask[any](publisher, "rtc.pc.close()")
	unpublished(t, f)
}
