package e2e

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// webClient is a client of the web server; it keeps no connections.
func webClient() *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: ourIdentity().trusts(), ForceAttemptHTTP2: true,
	}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// get fetches an address of the web server: its status, and its body.
func (f *fixture) get(target string, header ...string) (int, string) {
	f.t.Helper()
	r, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := webClient().Do(r)
	if err != nil {
		f.t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Errorf("%s: %v", target, err)
	}
	return resp.StatusCode, string(body)
}

// statuses looks at the status of some addresses of the web server, and whether pages of all sites may.
func statuses(paths ...string) func(*testing.T, *fixture) func() string {
	return func(t *testing.T, f *fixture) func() string {
		return func() string {
			var met []string
			for _, path := range paths {
				r, err := http.NewRequest(http.MethodGet, "http://"+f.http+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Origin", "http://elsewhere")
				resp, err := webClient().Do(r)
				if err != nil {
					return "nobody"
				}
				resp.Body.Close()
				met = append(met, strconv.Itoa(resp.StatusCode))
				if len(paths) == 1 && path != "/api/v1/versions" && resp.Header.Get("Access-Control-Allow-Origin") == "*" {
					met = append(met, "for all")
				}
			}
			return strings.Join(met, " ")
		}
	}
}

// put writes a file below the web server's directory.
func (f *fixture) put(name string, data []byte) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// TestWebRecordings plays files from their middle with ffprobe: FLV from a tag on, MP4 by ranges.
func TestWebRecordings(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{})
	source := newClip(t, "h264", "small")
	data, err := os.ReadFile(source.file)
	if err != nil {
		t.Fatal(err)
	}
	f.put("vod/a.flv", data)
	mp4 := filepath.Join(f.dir, "vod", "a.mp4")
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", source.file, "-c", "copy", mp4).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	whole := pictures(t, "http://"+f.http+"/vod/a.flv")
	start := keyOffset(t, data, len(data)/2)
	for _, base := range []string{"http://" + f.http} {
		half := pictures(t, base+"/vod/a.flv?start="+strconv.Itoa(start))
		if half == 0 || half > whole*2/3 {
			t.Errorf("from byte %d of %d there are %d pictures, of %d", start, len(data), half, whole)
		}
		if n := pictures(t, base+"/vod/a.mp4"); n != whole {
			t.Errorf("MP4: %d pictures, want %d", n, whole)
		}
	}
	file, err := os.ReadFile(mp4)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := f.get("http://"+f.http+"/vod/a.mp4", "Range", "bytes=100-199"); status != 206 || body != string(file[100:200]) {
		t.Errorf("a range: %d, %d bytes", status, len(body))
	}
	if status, body := f.get("https://" + f.https + "/vod/a.mp4?bytes=100-199"); status != 206 || body != string(file[100:200]) {
		t.Errorf("a range by the query: %d, %d bytes", status, len(body))
	}
}

// pictures decodes an address and counts its pictures; an error of the decoder fails the test.
func pictures(t *testing.T, url string) int {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0",
		"-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", url).CombinedOutput()
	n, e := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil || e != nil {
		t.Errorf("ffprobe %s: %v: %s", url, err, out)
	}
	return n
}

// keyOffset finds the first tag with a key frame at or behind a byte of a recording.
func keyOffset(t *testing.T, data []byte, from int) int {
	t.Helper()
	for at := 13; at+12 < len(data); {
		size := int(data[at+1])<<16 | int(data[at+2])<<8 | int(data[at+3])
		if at >= from && data[at] == 9 && data[at+11]>>4&7 == 1 {
			return at
		}
		at += size + 15
	}
	t.Fatal("no key frame")
	return 0
}

// TestWebRenewal exchanges the certificate and then takes the port away, under viewers of both
// versions of HTTP: they go on.
func TestWebRenewal(t *testing.T) {
	t.Parallel()
	block := quick + "http_remux { enabled on; }"
	f := serve(t, conf{vhost: block})
	publishTags(t, f.url("s"), readClip(t, newClip(t, "h264", "small")), 0)
	published(t, f)
	var seen [2]atomic.Int64
	for n, second := range []bool{false, true} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: ourIdentity().trusts(), ForceAttemptHTTP2: second}}
		t.Cleanup(client.CloseIdleConnections)
		resp, err := client.Get("https://" + f.https + "/live/s.flv")
		if err != nil {
			t.Fatal(err)
		}
		if resp.ProtoMajor != n+1 {
			t.Fatalf("it is %s", resp.Proto)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = io.Copy(tally{&seen[n]}, resp.Body)
		}()
		t.Cleanup(func() {
			_ = resp.Body.Close()
			<-ended
		})
	}
	grows := func(when string) {
		t.Helper()
		for n := range seen {
			before := seen[n].Load()
			waitFor(t, "the viewer of HTTP/"+strconv.Itoa(n+1)+" "+when, func() bool { return seen[n].Load() > before+10_000 })
		}
	}
	grows("to begin")
	f.identify(newIdentity(2))
	shown := func() int64 {
		c, err := tls.Dial("tcp", f.https, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return 0
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	waitFor(t, "the new certificate", func() bool { return shown() == 2 })
	grows("to go on with the old certificate")
	f.reload(conf{vhost: block, http: "enabled off;"})
	if n := shown(); n != 0 {
		t.Errorf("somebody shows certificate %d", n)
	}
	grows("to go on without the port")
}

// tally counts what is written to it.
type tally struct{ bytes *atomic.Int64 }

func (c tally) Write(p []byte) (int, error) {
	c.bytes.Add(int64(len(p)))
	return len(p), nil
}
