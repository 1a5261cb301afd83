//go:build !windows

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// imageUser is the user of the image.
const imageUser = 10001

// image is the files of the image without a container: root is what is / in one.
type image struct {
	t    *testing.T
	root string
	env  []string
}

// layOut makes the files of the image, as the image's builders do.
func layOut(t *testing.T) *image {
	t.Helper()
	dir, err := os.MkdirTemp("", "weir-image") // a test's own is for its user only
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	weir := filepath.Join(t.TempDir(), "weir")
	build := exec.Command("go", "build", "-tags", "timetzdata", "-o", weir, "weir/cmd/weir")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // there is no C library in the image
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	if out, err := exec.Command("../../deploy/docker/rootfs.sh", weir, dir).CombinedOutput(); err != nil {
		t.Fatalf("rootfs.sh: %v\n%s", err, out)
	}
	i := &image{t: t, root: filepath.Join(dir, "system")}
	objs := filepath.Join(i.root, "usr/local/srs/objs")
	if err := os.Rename(filepath.Join(dir, "own/objs"), objs); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		err := filepath.WalkDir(objs, func(path string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, imageUser, imageUser)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return i
}

// command is a command line of a container. Root can be confined to the image's files, as its user;
// others only begin in its directory.
func (i *image) command(args ...string) *exec.Cmd {
	cmd := &exec.Cmd{Path: args[0], Args: args} // found where it runs, not here
	cmd.Env = append([]string{"PATH=/usr/local/srs/objs:/usr/local/bin", "SRS_SRS_LOG_TANK=console", "SRS_DAEMON=off", "SRS_IN_DOCKER=on"}, i.env...)
	if os.Getuid() == 0 {
		cmd.Dir = "/usr/local/srs"
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: i.root, Credential: &syscall.Credential{Uid: imageUser, Gid: imageUser}}
	} else {
		cmd.Dir = filepath.Join(i.root, "usr/local/srs")
	}
	return cmd
}

// TestImage runs the documented command lines on the files of the image, as its user.
func TestImage(t *testing.T) {
	t.Parallel()
	i := layOut(t)
	confs, err := filepath.Glob(filepath.Join(i.root, "usr/local/srs/conf/*.conf"))
	if err != nil || len(confs) < 20 {
		t.Fatal(confs, err)
	}
	for _, conf := range confs {
		name := "conf/" + filepath.Base(conf)
		out, err := i.command("./objs/srs", "-t", "-c", name).CombinedOutput()
		text, _ := os.ReadFile(conf)
		bad := name == "conf/full.conf" || bytes.Contains(text, []byte("server.crt;")) // which is for the user to bring
		if good := strings.HasSuffix(string(out), " test is successful\n"); good != (err == nil) || good == bad {
			t.Errorf("./objs/srs -t -c %s: %v\n%s", name, err, out)
		}
	}

	rtmp, api, web := freeAddress(t), freeAddress(t), freeAddress(t)
	i.env = []string{"SRS_LISTEN=" + rtmp, "SRS_HTTP_API_LISTEN=" + api, "SRS_HTTP_SERVER_LISTEN=" + web, "TZ=Asia/Tokyo",
		"SRS_VHOST_HLS_HLS_FRAGMENT=1", "SRS_GRACE_START_WAIT=1", "SRS_GRACE_FINAL_WAIT=1"} // nobody should have to wait
	p := begin(t, i.command("./objs/srs", "-c", "conf/docker.conf"))
	f := &fixture{t: t, rtmp: rtmp, api: api}
	waitFor(t, "the API to answer", func() bool { _, err := f.call("GET", "/api/v1/versions"); return err == nil })
	if out, err := i.command("../bin/weir", "health", "-c", "conf/docker.conf").CombinedOutput(); err != nil {
		t.Errorf("weir health: %v\n%s", err, out)
	}

	tokyo := time.FixedZone("", 9*60*60)
	if at, err := time.ParseInLocation("[2006-01-02 15:04", p.out.String()[:len("[2006-01-02 15:04")], tokyo); err != nil || time.Since(at).Abs() > time.Hour {
		t.Errorf("the log's time is not that of the zone: %s, %v", at, err)
	}

	c := newClip(t, "h264", "small")
	publisher := launch(t, "ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", c.file, "-c", "copy", "-f", "flv", f.url("livestream"))
	published(t, f)
	for _, url := range []string{f.url("livestream"), "http://" + web + "/live/livestream.flv", "http://" + web + "/live/livestream.m3u8"} {
		out, _ := run(t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "json", url)
		var got probed
		if err := json.Unmarshal(out, &got); err != nil || !strings.Contains(string(out), `"h264"`) || !strings.Contains(string(out), `"aac"`) {
			t.Errorf("%s: %v\n%s", url, err, out)
		}
	}
	playlist, err := os.Stat(filepath.Join(i.root, "usr/local/srs/objs/nginx/html/live/livestream.m3u8"))
	if err != nil {
		t.Error(err)
	} else if owner := playlist.Sys().(*syscall.Stat_t).Uid; os.Getuid() == 0 && owner != imageUser {
		t.Errorf("the playlist belongs to user %d", owner)
	}
	publisher.interrupt()
	unpublished(t, f)
	apiClient.CloseIdleConnections()
	p.signal(syscall.SIGQUIT) // the image's signal to stop
	if err := p.wait(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(p.out.String(), "server ended") {
		t.Error("the log does not tell the end")
	}
}
