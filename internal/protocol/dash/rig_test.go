package dash

import (
	"fmt"
	"strings"
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
}

// newRig returns a rig that has not been started.
func newRig(t testing.TB, dash string) *rig {
	r := &rig{House: studio.NewHouse(t), t: t}
	r.configure(dash)
	return r
}

// configure puts settings in force.
func (r *rig) configure(dash string) {
	r.t.Helper()
	dash = strings.ReplaceAll(dash, "DIR", r.Dir)
	if !strings.Contains(dash, "dash_path") {
		dash += " dash_path " + r.Dir + "/www;"
	}
	if !strings.Contains(dash, "enabled") {
		dash += " enabled on;"
	}
	r.Configure(fmt.Sprintf("listen 1935; daemon off; http_server { enabled on; dir %s/www; }\n"+
		"vhost __defaultVhost__ { play { queue_length 30; } dash { %s } }\n", r.Dir, dash))
}

// start begins a process; there may be one after another.
func (r *rig) start() {
	r.server = New(Options{Registry: func() *stream.Registry { return r.Registry }, Config: r.Config.Load, Log: r.Logger()})
	r.Start(r.server, cmaf.Standing(r.Logger(), func() any { return r.Config.Load() }, r.server.Chunks()))
}

// bubble runs a test with a rig in a bubble.
func bubble(t *testing.T, dash string, test func(t *testing.T, r *rig), gates ...stream.Gate) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, dash)
		r.Gates = gates
		r.start()
		defer r.Close()
		test(t, r)
	})
}

// files lists what is on the disk, below www.
func (r *rig) files() []string { return r.Files("www") }

// put makes a file, below www.
func (r *rig) put(name, text string) { r.Put("www/"+name, text) }
