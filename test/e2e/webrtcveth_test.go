package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"weir/internal/stream"
)

// The two ends of a cable, each in a network of its own.
const (
	serverEnd  = "10.213.77.1"
	clientEnd  = "10.213.77.2"
	clientCard = "client0"

	besideCable = "WEIR_BESIDE_CABLE" // set for the part of the test that runs with the clients
)

// cable makes two networks of the kernel's with a cable between them, and returns what runs a command in that of the server and in
// that of the clients.
func cable(t *testing.T) (server, client []string) {
	t.Helper()
	ip := func(words string) { run(t, "ip", strings.Fields(words)...) }
	name := "weir-" + stream.NewID()
	a, b := name+"-a", name+"-b"
	for _, n := range []string{a, b} {
		ip("netns add " + n)
		t.Cleanup(func() {
			if said, err := exec.Command("ip", "netns", "del", n).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, said)
			}
		})
	}
	ip(fmt.Sprintf("link add server0 netns %s type veth peer name %s netns %s", a, clientCard, b))
	ip(fmt.Sprintf("-n %s addr add %s/24 dev server0", a, serverEnd))
	ip(fmt.Sprintf("-n %s addr add %s/24 dev %s", b, clientEnd, clientCard))
	for _, card := range []string{a + " link set lo", a + " link set server0", b + " link set lo", b + " link set " + clientCard} {
		ip("-n " + card + " up")
	}
	return []string{"netns", "exec", a}, []string{"netns", "exec", b}
}

// TestRTCCable has clients in one network and the server in another, with a cable between that is cut and mended.
func TestRTCCable(t *testing.T) {
	if os.Getenv(besideCable) != "" {
		besideTheCable(t)
		return
	}
	t.Parallel()
	weir, dir := built(t), t.TempDir()
	file := filepath.Join(dir, "weir.conf")
	if err := os.WriteFile(file, []byte("listen 1935;\ndaemon off;\npid "+filepath.Join(dir, "weir.pid")+";\nhttp_api { enabled on; listen 1985; }\n"+
		"rtc_server { enabled on; listen 8000; candidate *; }\nvhost __defaultVhost__ { rtc { enabled on; } }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	there, here := cable(t)
	server := launch(t, "ip", append(there, weir, "-c", file)...)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", append(here, self, "-test.run", "^TestRTCCable$", "-test.v")...)
	cmd.Env = append(os.Environ(), besideCable+"=1")
	clients := begin(t, cmd)
	select {
	case <-clients.exited:
	case <-time.After(3 * patience): // they are patient themselves, more than once
		t.Fatalf("the clients do not end:\n%s", clients.out.String())
	}
	if clients.err != nil {
		t.Fatalf("the clients ended with %v:\n%s", clients.err, clients.out.String())
	}
	for line := range strings.Lines(clients.out.String()) {
		if strings.Contains(line, "_test.go") {
			t.Log(strings.TrimSpace(line))
		}
	}
	server.interrupt()
	if n := strings.Count(server.out.String(), "ended: client left"); n != 2 {
		t.Errorf("%d clients have left the server:\n%s", n, server.out.String())
	}
}

// besideTheCable is what runs in the network of the clients.
func besideTheCable(t *testing.T) {
	f := &fixture{t: t, api: serverEnd + ":1985"}
	waitFor(t, "the server", func() bool {
		a, err := http.Get("http://" + f.api + "/api/v1/versions")
		if err == nil {
			a.Body.Close()
		}
		return err == nil
	})
	own := func(s *webrtc.SettingEngine) {
		s.SetInterfaceFilter(func(name string) bool { return name == clientCard })
	}
	w := &netWorld{fixture: f}
	w.publisher = netPublish(t, netPeer(t, f, nil, own), "stream=s")
	published(t, f)
	w.player = netPlay(t, netPeer(t, f, nil, own), w.publisher, "stream=s")
	if answer := w.player.pc.RemoteDescription().SDP; strings.Count(answer, "a=candidate:") != 2 || strings.Count(answer, " "+serverEnd+" 8000 typ host") != 2 {
		t.Errorf("the answer names\n%s", answer) // once for each of sound and pictures
	}
	waitFor(t, "pictures", func() bool { return w.player.shown() > 25 })
	for _, lasts := range []time.Duration{time.Second, 3 * time.Second} {
		run(t, "ip", strings.Fields("link set "+clientCard+" down")...)
		cut := time.Now()
		waitFor(t, "the cut to have lasted", func() bool { return time.Since(cut) > lasts })
		run(t, "ip", strings.Fields("link set "+clientCard+" up")...)
		w.recovers(t, 2*time.Second) // the other end's address is to be asked for first
	}
	if n := len(f.sessions()); n != 2 {
		t.Errorf("%d sessions", n)
	}
}
