package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"weir/internal/stream"
)

// Options say what the API speaks of and for. Its functions are asked at each request, so that
// new settings show at once; they may be called from several goroutines.
type Options struct {
	Registry *stream.Registry
	Server   string    // the server's id, the same at every start: "vid-" and seven characters
	Service  string    // this start's id
	Pid      int       // the process
	Started  time.Time // since when it runs

	Version      Version // the SRS that clients are told they talk to
	WeirVersion  string  // who really answers
	ServerHeader string  // the Server header; empty makes one of Version

	Connections  func() int                                           // open now; nil counts sessions
	VhostEnabled func(vhost string) bool                              // nil is always
	HLS          func(vhost string) (on bool, fragment time.Duration) // nil is off
	CrossDomain  func() bool                                          // pages of other sites may ask; nil is yes
	Disks        func() []string                                      // whose load is told; nil or empty is all there are
	Load         func() string                                        // how much the processors have to do; nil does not tell
	Measures     func() bool                                          // the load is sampled; nil is always
	Login        func() (Login, bool)                                 // who may ask; nil, or false, is everybody
	Raw          func() Raw                                           // what the raw API may do; nil is nothing

	Reload   func() (applied, restart []string, err error) // reads the configuration anew; nil cannot
	Drain    func()                                        // begins a graceful end; nil cannot
	Draining func() bool                                   // it has begun; nil is never
	Contacts func() []stream.Contact                       // how WebRTC clients are reached, and were not; nil is none
	Forwards func() []stream.Target                        // where streams are sent on to, by their streams; nil is nowhere
	Cluster  func() Cluster                                // the servers of the cluster; nil is none
	Origin   func(coworker string) *Origin                 // this server, as others reach it; nil is nobody's origin
	Borrows  func(vhost, app, name string) bool            // a stream is published at the process whose place this one has taken; nil is never
}

// Version is a version of SRS.
type Version struct {
	Major, Minor, Revision int
}

func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Revision) }

// API answers the paths below /api/, and tells of them at every other path. It is an http.Handler
// for any number of listeners.
type API struct {
	// Set at construction.
	o       Options
	listed  []endpoint // as the list of urls has them
	longest []endpoint // the longest path first, which is the order of matching
	machine *machine
	events  *eventLog
	reloads reloads
	schema  func() any // the description of the API
}

// New returns the API of a server.
func New(o Options) *API {
	if o.ServerHeader == "" {
		o.ServerHeader = "SRS/" + o.Version.String() + "(Hang)"
	}
	a := &API{o: o, listed: endpoints(), machine: newMachine(o.Disks, o.Measures), events: newEventLog(o.Service), schema: sync.OnceValue(describeAPI)}
	a.longest = slices.DeleteFunc(slices.Clone(a.listed), func(e endpoint) bool { return e.answer == nil })
	slices.SortStableFunc(a.longest, func(a, b endpoint) int { return len(b.path) - len(a.path) })
	return a
}

// Run samples the load of the process and its machine until ctx ends. Without it the API tells
// no rates.
func (a *API) Run(ctx context.Context) error {
	defer a.events.close()
	return a.machine.run(ctx)
}

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", a.o.ServerHeader)
	shared := a.o.CrossDomain == nil || a.o.CrossDomain()
	if shared && r.Header.Get("Origin") != "" {
		allowOrigins(w.Header())
	}
	if r.Method == http.MethodOptions {
		if !shared {
			writeStatus(w, http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Length", "0")
		return
	}
	if !a.permits(w, r) {
		return
	}
	c := newCall(r)
	if !c.valid() {
		writeStatus(w, http.StatusBadRequest)
		return
	}
	switch answer := a.answer(c).(type) {
	case note:
		writeBody(w, answer.status, "text/plain; charset=utf-8", []byte(answer.text))
	case status:
		writeStatus(w, answer)
	case redirect:
		writeRedirect(w, answer)
	case flow:
		answer(w, r)
	default:
		writeJSON(w, c.callback, answer)
	}
}

// answer finds who answers the call. A path in the table that ends in "/" takes all below it,
// and the path without it leads there.
func (a *API) answer(c *call) any {
	for _, e := range a.longest {
		below, ok := strings.CutPrefix(c.path, e.path)
		switch {
		case ok && strings.HasSuffix(e.path, "/"):
			c.id = below
			return e.answer(a, c)
		case ok && below == "":
			return e.answer(a, c)
		case c.path+"/" == e.path:
			return c.to(e.path)
		}
	}
	return status(http.StatusNotFound)
}

// head opens nearly all answers.
type head struct {
	Code    int    `json:"code"`
	Server  string `json:"server"`
	Service string `json:"service"`
	Pid     string `json:"pid"`
}

func (a *API) head() head {
	return head{Server: a.o.Server, Service: a.o.Service, Pid: strconv.Itoa(a.o.Pid)}
}
