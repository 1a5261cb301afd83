package hls

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"weir/internal/cmaf"
	"weir/internal/stream"
	"weir/internal/testkit/studio"
)

// rig is a server in a house, in a bubble of synctest.
type rig struct {
	*studio.House
	t      testing.TB
	server *Server
	tolds  sync.Mutex
	told   []Segment
}

// newRig returns a rig that has not been started.
func newRig(t testing.TB, hls string) *rig {
	r := &rig{House: studio.NewHouse(t), t: t}
	r.configure(hls)
	return r
}

// configure puts settings in force.
func (r *rig) configure(hls string) {
	r.t.Helper()
	text := fmt.Sprintf("listen 1935; daemon off; http_server { enabled on; dir %[1]s/www; }\n"+
		"vhost __defaultVhost__ { play { queue_length 30; } hls { enabled on; hls_path %[1]s/www; %[2]s } }\n", r.Dir, hls)
	text = strings.ReplaceAll(text, "DIR", r.Dir)
	if strings.Contains(hls, "enabled off") {
		text = strings.Replace(text, "hls { enabled on;", "hls {", 1)
	}
	if path := strings.Count(text, "hls_path"); path > 1 {
		text = strings.Replace(text, "hls_path "+r.Dir+"/www;", "", 1)
	}
	r.Configure(text)
}

// start begins a process; there may be one after another.
func (r *rig) start() {
	r.server = New(Options{
		Registry: func() *stream.Registry { return r.Registry }, Config: r.Config.Load, Log: r.Logger(),
		OnSegment: r.tell,
	})
	r.Start(r.server, r.server.Standing(), cmaf.Standing(r.Logger(), func() any { return r.Config.Load() }, r.server.Chunks()))
}

func (r *rig) tell(s Segment) {
	r.tolds.Lock()
	defer r.tolds.Unlock()
	r.told = append(r.told, s)
}

// bubble runs a test with a rig in a bubble.
func bubble(t *testing.T, hls string, test func(t *testing.T, r *rig), gates ...stream.Gate) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, hls)
		r.Gates = gates
		r.start()
		defer r.Close()
		test(t, r)
	})
}

// files lists what is on the disk.
func (r *rig) files() []string { return r.Files("") }

// block puts a file where a directory should be.
func (r *rig) block(name string) { r.Put(name, "") }

func (r *rig) unblock(name string) {
	r.t.Helper()
	if err := os.Remove(filepath.Join(r.Dir, name)); err != nil {
		r.t.Fatal(err)
	}
}
