package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// statusTick is how often the service manager is told how many are served, unless it wants to
// hear from us more often.
const statusTick = 10 * time.Second

// alivePath is what the API is asked to find out whether it answers: a server that drains is alive.
const alivePath = "/api/v1/versions"

// Manager is the service manager that has started this process, such as systemd, and is told how
// it fares: sd_notify(3). That of a process which nobody listens to is nil, and all its methods do
// nothing.
type Manager struct {
	// Set at construction.
	log      *slog.Logger
	watchdog time.Duration // it kills us if it has not heard for so long; 0 is never

	failed  sync.Once   // to tell it something
	another atomic.Bool // process is the main one now
}

// Managed gives the manager that the environment names, or nil.
func Managed(log *slog.Logger) *Manager {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return nil
	}
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("no watchdog: the environment's word for it is no time", "cause", err)
	}
	return &Manager{log: log, watchdog: watchdog}
}

// tell sends the lines of a state.
func (m *Manager) tell(lines ...string) {
	if m == nil || m.another.Load() {
		return
	}
	if _, err := daemon.SdNotify(false, strings.Join(lines, "\n")); err != nil {
		m.failed.Do(func() { m.log.Warn("the service manager cannot be told how the server fares", "cause", err) })
	}
}

// Ready says that the sockets are open.
func (m *Manager) Ready(status string) { m.tell(daemon.SdNotifyReady, "STATUS="+status) }

// Reloading says that a reload begins, and done that it is over, however it went.
func (m *Manager) Reloading(status func() string) (done func()) {
	if m == nil {
		return func() {}
	}
	m.tell(daemon.SdNotifyReloading, strings.TrimSpace(daemon.SdNotifyMonotonicUsec()), "STATUS=reading the configuration")
	return func() { m.Ready(status()) }
}

// Main says that another process is the main one from now on: no more is told by this one.
func (m *Manager) Main(pid int) {
	m.tell("MAINPID="+strconv.Itoa(pid), "STATUS=a new process goes on")
	if m != nil {
		m.another.Store(true)
	}
}

// Stopping says that the end begins.
func (m *Manager) Stopping(status string) { m.tell(daemon.SdNotifyStopping, "STATUS="+status) }

// Watch gives signs of life until ctx ends. None is given while alive fails or does not return:
// then the manager starts the server anew.
func (m *Manager) Watch(ctx context.Context, alive func() (status string, err error)) {
	if m == nil {
		return
	}
	tick, lines := statusTick, []string(nil)
	if m.watchdog > 0 {
		tick, lines = min(tick, m.watchdog/2), []string{daemon.SdNotifyWatchdog}
	}
	for wait(ctx, tick) {
		status, err := alive()
		if err != nil {
			m.log.Error("the server is not well", "cause", err)
			continue
		}
		if ctx.Err() == nil {
			m.tell(append(lines, "STATUS="+status)...)
		}
	}
}

// alive returns if the server's parts answer: who cannot list its streams or is not answered by
// the API is stuck. It asks them without a connection, as a server that is full refuses those and
// is well all the same.
func (s *Server) alive() (string, error) {
	r, err := http.NewRequest(http.MethodGet, alivePath, nil)
	if err != nil {
		return "", err
	}
	r.RemoteAddr = "127.0.0.1:0"
	var answer statusOnly
	s.api.ServeHTTP(&answer, r)
	if answer.code >= http.StatusInternalServerError {
		return "", fmt.Errorf("the API answers %d", answer.code)
	}
	return s.status(), nil
}

// status says in a line what the server does.
func (s *Server) status() string {
	streams, clients := 0, 0
	for _, v := range s.registry.Vhosts() {
		streams, clients = streams+v.Streams, clients+v.Clients
	}
	c := s.config()
	text := fmt.Sprintf("%d streams, %d clients; RTMP on %s", streams, clients, strings.Join(c.Listen, " "))
	if c.HTTPAPI.Enabled {
		text += ", API on " + strings.Join(c.HTTPAPI.Listen, " ")
	}
	if c.HTTPServer.Enabled {
		text += ", HTTP on " + strings.Join(c.HTTPServer.Listen, " ")
	}
	return text
}

// statusOnly is an answer of which only the status is of interest.
type statusOnly struct {
	header http.Header
	code   int
}

func (a *statusOnly) Header() http.Header {
	if a.header == nil {
		a.header = http.Header{}
	}
	return a.header
}

func (a *statusOnly) WriteHeader(code int) { a.code = code }

func (a *statusOnly) Write(p []byte) (int, error) { return len(p), nil }
