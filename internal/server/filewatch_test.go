package server

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
)

// TestSettle has changes come in bursts: one reload for each, when it is over or has lasted long.
func TestSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reloads atomic.Int32
		changes := make(chan struct{}, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go settle(ctx, changes, 3*time.Second, func() { reloads.Add(1) })
		after := func(d time.Duration, want int32) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := reloads.Load(); got != want {
				t.Errorf("%d reloads, want %d", got, want)
			}
		}
		after(time.Minute, 0)
		for range 5 {
			signalOnce(changes)
			after(time.Second, 0)
		}
		after(1900*time.Millisecond, 0) // 2.9 s after the last
		after(200*time.Millisecond, 1)
		after(time.Minute, 1)
		for range 29 { // it never rests
			signalOnce(changes)
			after(time.Second, 1)
		}
		signalOnce(changes)
		after(1500*time.Millisecond, 2)
		cancel()
		signalOnce(changes)
		after(time.Minute, 2)
	})
}

// TestWatched holds when the files are of interest, and which.
func TestWatched(t *testing.T) {
	for _, c := range []struct {
		docker, auto, inotify bool
		want                  int
	}{
		{want: 0}, {inotify: true, want: 2}, {docker: true, want: 0}, {auto: true, want: 0}, {docker: true, auto: true, want: 2},
	} {
		conf := &config.Config{Files: []string{"/nowhere/a", "/nowhere/b"}}
		conf.InDocker, conf.AutoReloadForDocker, conf.InotifyAutoReload = c.docker, c.auto, c.inotify
		if got := watched(conf); len(got) != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// watching is a server that watches its files, and does not wait long. Its first reload tells the
// watch so.
func watching(t *testing.T, dir, file, text string) *Server {
	t.Helper()
	put(t, file, text)
	load := func() (*config.Config, error) { return config.Load(config.Options{File: file, Dir: dir}, nil) }
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Config: c, Load: load, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s.watch.quiet = 50 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// becomes waits until the limit of connections is n; each look may write once more, as nobody
// knows when the watch has begun.
func becomes(t *testing.T, s *Server, n int, write func()) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); s.config().MaxConnections != n; time.Sleep(500 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("max_connections stays %d, want %d", s.config().MaxConnections, n)
		}
		write()
	}
}

// TestWatchFiles changes files in the ways in which programs do: writing, replacing, through a link,
// in an included file, as Kubernetes does; and turns the watch off.
func TestWatchFiles(t *testing.T) {
	dir := t.TempDir()
	addr := free(t)
	main := func(n, more string) string {
		return "listen " + addr + ";\ninotify_auto_reload on;\nmax_connections " + n + ";\n" + more + "vhost __defaultVhost__ {\n}\n"
	}
	file := filepath.Join(dir, "weir.conf")
	s := watching(t, dir, file, main("11", ""))
	becomes(t, s, 12, func() { put(t, file, main("12", "")) })
	becomes(t, s, 13, func() { // an editor's way
		put(t, file+"~", main("13", ""))
		if err := os.Rename(file+"~", file); err != nil {
			t.Fatal(err)
		}
	})

	other := filepath.Join(t.TempDir(), "limits.conf")
	included := strings.Replace(main("", "include "+other+";\n"), "max_connections ;\n", "", 1)
	put(t, other, "max_connections 14;\n")
	becomes(t, s, 14, func() { put(t, file, included) })
	becomes(t, s, 15, func() { put(t, other, "max_connections 15;\n") })

	put(t, other, "max_connections many;\n") // a mistake, which is mended later
	time.Sleep(200 * time.Millisecond)
	becomes(t, s, 16, func() { put(t, other, "max_connections 16;\n") })

	off := strings.Replace(main("17", ""), "inotify_auto_reload on", "inotify_auto_reload off", 1)
	becomes(t, s, 17, func() { put(t, file, off) })
	time.Sleep(200 * time.Millisecond) // the watch ends
	put(t, file, main("18", ""))
	time.Sleep(300 * time.Millisecond)
	if n := s.config().MaxConnections; n != 17 {
		t.Errorf("off, and the file was read again: %d", n)
	}
	if _, err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	becomes(t, s, 19, func() { put(t, file, main("19", "")) }) // on again
}

// TestWatchKubernetes updates a mounted map of files: the file is a link into ..data, which is a link
// that is replaced.
func TestWatchKubernetes(t *testing.T) {
	dir := t.TempDir()
	text := "listen " + free(t) + ";\ninotify_auto_reload on;\nmax_connections N;\nvhost __defaultVhost__ {\n}\n"
	update := func(version, n string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, version, "weir.conf"), strings.Replace(text, "N", n, 1))
		link := filepath.Join(dir, "..data_tmp")
		_ = os.Remove(link)
		if err := os.Symlink(version, link); err != nil {
			t.Skip(err)
		}
		if err := os.Rename(link, filepath.Join(dir, kubernetesData)); err != nil {
			t.Fatal(err)
		}
	}
	update("..1", "21")
	file := filepath.Join(dir, "weir.conf")
	if err := os.Symlink(kubernetesData+"/weir.conf", file); err != nil {
		t.Skip(err)
	}
	s := watching(t, dir, file, strings.Replace(text, "N", "21", 1))
	becomes(t, s, 22, func() { update("..2", "22") })
	becomes(t, s, 23, func() { update("..3", "23") })
}
