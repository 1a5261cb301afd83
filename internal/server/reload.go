package server

import (
	"errors"
	"time"

	"weir/internal/config"
)

// errNoFile is why a server that was made from values cannot reload.
var errNoFile = errors.New("server: there is no configuration file to read")

// Reloaded is what a reload has done.
type Reloaded struct {
	When    time.Time
	Applied []string // directives that have changed and are in force now
	Restart []string // those that differ from the start of the server, and wait for the next one
}

// Reload reads the configuration anew and applies it to what is running; nobody is dropped.
// With an error the configuration in force stays. One reload comes after the other. The log and
// the listeners of the API's events are told.
func (s *Server) Reload() (Reloaded, error) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	defer s.manager.Reloading(s.status)()
	defer s.watch.again()
	next, done, err := s.reload()
	s.api.Reloaded(done.Applied, done.Restart, err)
	if err != nil {
		s.log.Error("configuration not reloaded, the one in force stays", "cause", err)
		return done, err
	}
	s.log.Info("configuration reloaded", "changed", done.Applied)
	if len(done.Restart) > 0 {
		s.log.Warn("these changes need a restart", "changed", done.Restart)
	}
	announce(s.log, next)
	return done, nil
}

// reload puts the next configuration in force: all of it, or nothing with an error. What can fail
// comes first.
func (s *Server) reload() (*config.Config, Reloaded, error) {
	done := Reloaded{When: time.Now()}
	if s.load == nil {
		return nil, done, errNoFile
	}
	next, err := s.load()
	if err != nil {
		return nil, done, err
	}
	logs := func(bool) {}
	if s.logs != nil {
		if logs, err = s.logs(next); err != nil {
			return nil, done, err
		}
	}
	if err := s.listen(next); err != nil {
		logs(false)
		return nil, done, err
	}
	for _, c := range next.Changed(&s.config().Settings) {
		if !c.Later && c.Reload != config.Restart {
			done.Applied = append(done.Applied, c.Path)
		}
	}
	for _, c := range next.Changed(&s.started.Settings) {
		if !c.Later && c.Reload == config.Restart {
			done.Restart = append(done.Restart, c.Path)
		}
	}
	logs(true)
	s.keep(next)
	s.current.Store(next)
	s.know(next)
	s.registry.Review()
	s.relay.Review()
	return next, done, nil
}
