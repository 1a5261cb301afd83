package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"weir/internal/testkit/logbook"
)

// weir has the host run the server, with these virtual hosts, and more directives. Its ports are the usual ones:
// 1935, 1985, 8080 and 8443.
func (h *host) weir(conf string) {
	h.t.Helper()
	if h.conf == "" {
		h.t.Cleanup(h.reports)
	}
	h.conf = filepath.Join(h.dir, "weir.conf")
	key, cert := filepath.Join(h.dir, "server.key"), filepath.Join(h.dir, "server.crt")
	for file, text := range map[string]string{
		key: string(ofLAN().key), cert: string(ofLAN().cert),
		h.conf: fmt.Sprintf("listen 1935;\ndaemon off;\nsrs_log_tank console;\npid %s;\nhttp_api { enabled on; listen 1985; }\n"+
			"http_server { enabled on; listen 8080; dir %s; https { enabled on; listen 8443; key %s; cert %s; } }\n%s\n",
			filepath.Join(h.dir, "weir.pid"), h.dir, key, cert, conf),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	h.start()
}

// ofLAN is the certificate of all hosts, who trust nobody else.
var ofLAN = sync.OnceValue(func() *identity {
	var all []net.IP
	for n := range byte(32) {
		all = append(all, net.IPv4(10, 78, 0, n))
	}
	return newIdentity(3, all...)
})

// local and edge are virtual hosts.
func local(more string) string {
	return "vhost __defaultVhost__ { http_remux { enabled on; mount [vhost]/[app]/[stream].flv; } " + more + " }\n"
}

func edge(cluster string) string { return local("cluster { mode remote; " + cluster + " }") }

// start starts the server, again maybe, and waits until it answers.
func (h *host) start() {
	h.t.Helper()
	cmd := h.command(built(h.t), "-c", h.conf)
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+filepath.Join(h.dir, "server.crt"))
	h.server = begin(h.t, cmd)
	waitFor(h.t, "the server of "+h.name, func() bool {
		if !h.server.running() {
			h.t.Fatalf("the server of %s has ended: %s", h.name, h.server.out.tail())
		}
		_, err := h.call("/api/v1/versions")
		return err == nil
	})
}

// dies has the server be gone from one moment to the next.
func (h *host) dies() {
	h.server.signal(syscall.SIGKILL)
	<-h.server.exited
}

// upgrade has another process take the server's place, and returns once that has.
func (h *host) upgrade() {
	h.t.Helper()
	file, old := filepath.Join(h.dir, "weir.pid"), h.server.cmd.Process.Pid
	if err := syscall.Kill(old, syscall.SIGUSR2); err != nil {
		h.t.Fatal(err)
	}
	waitFor(h.t, "another process of "+h.name, func() bool {
		raw, _ := os.ReadFile(file)
		pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
		return err == nil && pid != old && h.log().Count(fmt.Sprintf("pid=%d after=", pid)) > 0
	})
}

// reports ends the server and looks at how it was.
func (h *host) reports() {
	killed := !h.server.running()
	h.server.signal(syscall.SIGTERM)
	if err := h.server.wait(); err != nil && !killed {
		h.t.Errorf("the server of %s ends with %v", h.name, err)
	}
	if strings.Contains(h.log().String(), "panic") {
		h.t.Errorf("the server of %s panicked:\n%s", h.name, h.log())
	}
	if h.t.Failed() {
		h.t.Logf("the log of %s, %s:\n%s", h.name, h.ip, h.log())
	}
}

// rests waits until the server, whose last viewer has left, has no connection, and nothing to do.
func (h *host) rests() {
	h.t.Helper()
	var open []string
	if !poll(func() bool {
		open = nil
		for _, table := range []string{"tcp", "tcp6"} {
			raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", h.server.cmd.Process.Pid, table)) // of its network
			if err != nil {
				h.t.Fatal(err)
			}
			for line := range strings.Lines(string(raw)) {
				if words := strings.Fields(line); words[3] == "01" { // established
					open = append(open, words[1]+" to "+words[2])
				}
			}
		}
		return len(open) == 0
	}) {
		h.t.Errorf("%s has still the connections %q", h.name, open)
	}
	before := h.worked()
	time.Sleep(time.Second)
	if d := h.worked() - before; d > 300*time.Millisecond {
		h.t.Errorf("%s works for %s in a second, and for nobody", h.name, d)
	}
}

// worked is how much time of processors the server has taken.
func (h *host) worked() time.Duration {
	h.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", h.server.cmd.Process.Pid))
	if err != nil {
		h.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	var ticks int // hundredths of a second: see proc(5)
	for _, word := range strings.Fields(rest)[11:13] {
		n, _ := strconv.Atoi(word)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// log is that of the server, since its last start.
func (h *host) log() *logbook.Book { return &h.server.out.Book }

// says waits until the server's log has a line with all the words.
func (h *host) says(words ...string) {
	h.t.Helper()
	waitFor(h.t, h.name+" to say "+strings.Join(words, " "), func() bool { return h.log().Count(words...) > 0 })
}

// call asks the API, from the host itself.
func (h *host) call(path string) ([]byte, error) {
	client := http.Client{Transport: &http.Transport{DialContext: h.dial, DisableKeepAlives: true}, Timeout: patience}
	answer, err := client.Get("http://127.0.0.1:1985" + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

// caller is a client of a host's server.
type caller struct {
	Type    string `json:"type"`
	URL     string `json:"url"`
	IP      string `json:"ip"`
	Publish bool   `json:"publish"`
}

// guests lists the clients of the server, "rtmp-play 10.78.0.1", in order.
func (h *host) guests() (list []string) {
	h.t.Helper()
	raw, err := h.call("/api/v1/clients/?count=1000")
	var answer struct {
		Clients []caller `json:"clients"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &answer)
	}
	if err != nil {
		h.t.Errorf("%s lists no clients: %v", h.name, err)
	}
	for _, g := range answer.Clients {
		list = append(list, g.Type+" "+g.IP)
	}
	slices.Sort(list)
	return list
}

// has waits until exactly these are the clients of the server.
func (h *host) has(want ...string) {
	h.t.Helper()
	slices.Sort(want)
	var got []string
	if !poll(func() bool { got = h.guests(); return slices.Equal(got, want) }) {
		h.t.Fatalf("%s has the clients %q, want %q", h.name, got, want)
	}
}

// serves reports whether the server has a client whose description has these words.
func (h *host) serves(words string) bool {
	return slices.ContainsFunc(h.guests(), func(g string) bool { return strings.Contains(g, words) })
}

// sends publishes a clip from the host, by ffmpeg with more options for its input.
func (h *host) sends(url string, c clip, options ...string) *process {
	h.t.Helper()
	args := append(strings.Fields("-hide_banner -loglevel error -re"), options...)
	args = append(append(args, "-i", c.file), strings.Fields("-c copy -flvflags no_duration_filesize -f flv")...)
	return begin(h.t, h.command("ffmpeg", append(args, url)...))
}

// records plays a stream on the host, by ffmpeg.
func (h *host) records(url string) *fileViewer {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "record.flv")
	args := append(strings.Fields("-hide_banner -loglevel error -nostdin -fflags nobuffer -analyzeduration 500000 -i"), url)
	args = append(args, strings.Fields("-c copy -flush_packets 1 -f flv")...)
	return &fileViewer{process: begin(h.t, h.command("ffmpeg", append(args, file)...)), file: file, peeks: true}
}

// rtmp and http are addresses at the host.
func (h *host) rtmp(name string) string { return "rtmp://" + h.ip + "/live/" + name }
func (h *host) http(name string) string { return "http://" + h.ip + ":8080/live/" + name + ".flv" }
