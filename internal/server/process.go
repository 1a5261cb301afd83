package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"weir/internal/config"
	"weir/internal/listen"
	"weir/internal/relay"
)

// stuckExit is the exit status of a process that could not end in order; it is that of all that goes
// wrong.
const stuckExit = 255

// errQuit ends the server on a signal; it is a clean end.
var errQuit = fmt.Errorf("the server was asked to quit: %w", context.Canceled)

// Process runs the server that o and the environment configure, until a signal ends it. With
// `daemon on` it returns as soon as the server runs in the background. SIGHUP reloads, SIGUSR1
// reopens the log, SIGTERM and SIGINT quit, SIGQUIT lets clients finish first.
func Process(o config.Options, environ []string) (err error) {
	launcher := Child()
	defer func() {
		if err != nil {
			err = errors.Join(err, launcher.Fail(err))
		}
	}()
	kin, err := listen.KinOf()
	if err != nil {
		return err
	}
	inherited, err := listen.Inherit()
	if err != nil {
		return err
	}
	if o.Dir, err = os.Getwd(); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	c, err := load(o, environ)
	if err != nil {
		return err
	}
	if c.Daemon && launcher == nil {
		return Daemonize(context.Background(), o.Dir, inherited)
	}
	if err := os.Chdir(c.WorkDir); err != nil {
		return fmt.Errorf("work_dir: %w", err)
	}
	log, err := openLog(c)
	if err != nil {
		return err
	}
	defer log.Close()
	tuneGC()
	logger := slog.New(log.Handler())
	if err := supervise(o, environ, c, origin{inherited, kin, launcher}, log); err != nil {
		logger.Error("server cannot run", "cause", err)
		return err
	}
	logger.Info("server ended")
	return nil
}

// origin is what the process was given by whoever has started it.
type origin struct {
	inherited *listen.Inherited
	kin       *listen.Kin // to the process whose place it takes; nil is nobody
	launcher  *Readiness
}

// supervise runs the server with its pid file, and obeys signals.
func supervise(o config.Options, environ []string, c *config.Config, from origin, log *Log) error {
	logger := slog.New(log.Handler())
	parent, err := parentOf(c)
	if err != nil {
		return err
	}
	orders := newOrders()
	defer orders.stop()
	var pid *PIDFile
	if from.kin == nil { // else another process has it
		if pid, err = LockPID(c.PID); err != nil {
			return err
		}
	}
	defer func() { _ = pid.Close() }()
	id, err := ServerID(c.ServerID, c.PID)
	if err != nil {
		logger.Warn("the server's id is new at each start", "cause", err)
	}
	s, err := New(Options{
		Config:    c,
		Load:      func() (*config.Config, error) { return load(o, environ) },
		Identity:  Identity{Server: id, Service: serviceID(), Pid: os.Getpid()},
		Inherited: from.inherited,
		Kin:       from.kin,
		Manager:   Managed(logger),
		Log:       logger,
		Logs:      func(next *config.Config) (func(bool), error) { return relog(log, logger, next) },
	})
	if err != nil {
		return err
	}
	greet(logger, c)
	if err := from.settle(logger); err != nil {
		return err
	}
	if from.kin != nil {
		if pid, err = s.takeOver(c.PID); err != nil {
			s.shut()
			return err
		}
	}
	up := newUpgrader(o.Dir, c.PID, pid, logger)
	defer up.close()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer context.AfterFunc(ctx, func() { giveUp(logger) })()
	var obeying sync.WaitGroup
	defer obeying.Wait()
	defer cancel(nil)
	quit := func(cause error) {
		s.manager.Stopping("ending")
		cancel(cause)
	}
	s.manager.Ready(s.status())
	obeying.Go(func() { s.manager.Watch(ctx, s.alive) })
	obeying.Go(func() { orders.obey(ctx, &servant{server: s, up: up, quit: quit, log: log, logger: logger}) })
	obeying.Go(func() { orders.reload(ctx, s, logger) })
	if c.Asprocess {
		obeying.Go(func() { follow(ctx, parent, os.Getppid, quit) })
	}
	if err := s.Run(ctx); err != nil && (!errors.Is(context.Cause(ctx), errQuit) || errors.Is(err, ErrStuck)) {
		return err
	}
	return nil
}

// settle says what has become of the sockets that were handed over, and that the others are open.
func (f *origin) settle(logger *slog.Logger) error {
	if unused := f.inherited.Unused(); len(unused) > 0 && f.kin == nil {
		logger.Warn("sockets were handed to the server that its configuration does not name: nobody answers there", "addresses", unused)
	} else if len(unused) > 0 {
		logger.Info("sockets are closed that the configuration does not name any more", "addresses", unused)
		if err := f.inherited.Close(); err != nil {
			return err
		}
	}
	return f.launcher.Ready()
}

// giveUp ends a process that has been told to end long ago, and whose parts wait for each other.
func giveUp(log *slog.Logger) {
	time.AfterFunc(2*stopTime, func() {
		log.Error("the process does not end by itself", "wait", 2*stopTime)
		os.Exit(stuckExit)
	})
}

// logOptions says how the log is to be.
func logOptions(c *config.Config) (LogOptions, error) {
	level, err := LogLevel(c.SrsLogLevel, c.SrsLogLevelV2)
	if err != nil {
		return LogOptions{}, err
	}
	o := LogOptions{Level: level, UTC: c.UTCTime, JSON: c.LogFormat == "json"}
	if c.SrsLogTank == "file" {
		o.File = c.SrsLogFile
	}
	return o, nil
}

// openLog opens the log that the configuration asks for.
func openLog(c *config.Config) (*Log, error) {
	o, err := logOptions(c)
	if err != nil {
		return nil, err
	}
	return NewLog(o)
}

// relog prepares the log for another configuration. Who reads the old file is told where it goes on.
func relog(log *Log, logger *slog.Logger, c *config.Config) (commit func(bool), err error) {
	o, err := logOptions(c)
	if err != nil {
		return nil, err
	}
	put, err := log.Prepare(o)
	if err != nil {
		return nil, err
	}
	return func(ok bool) {
		if now := log.File(); ok && now != o.File {
			logger.Info("the log goes on elsewhere", "tank", c.SrsLogTank, "file", o.File)
		}
		put(ok)
	}, nil
}

// load reads a configuration, and holds it against what the system allows.
func load(o config.Options, environ []string) (*config.Config, error) {
	c, err := config.Load(o, environ)
	if err != nil {
		return nil, err
	}
	files, err := RaiseFiles()
	if err != nil {
		return nil, err
	}
	if err := CheckConnections(c.MaxConnections, files); err != nil {
		return nil, err
	}
	return c, relay.CheckAll(c, checkURL)
}

// greet logs what runs, and where.
func greet(log *slog.Logger, c *config.Config) {
	from := c.File
	if from == "" {
		from = "environment"
	}
	log.Info("weir "+Version+", compatible with SRS "+CompatVersion,
		"config", from, "rtmp", strings.Join(c.Listen, " "), "pid", os.Getpid())
	if c.RTMPS.Enabled {
		log.Info("RTMPS", "listen", strings.Join(c.RTMPS.Listen, " "))
	}
	if c.HTTPAPI.Enabled {
		log.Info("HTTP API", "listen", strings.Join(c.HTTPAPI.Listen, " "))
	}
	if c.HTTPAPI.Enabled && c.HTTPAPI.HTTPS.Enabled {
		log.Info("HTTPS API", "listen", strings.Join(c.HTTPAPI.HTTPS.Listen, " "))
	}
	if c.HTTPServer.Enabled {
		log.Info("HTTP server", "listen", strings.Join(c.HTTPServer.Listen, " "), "dir", c.HTTPServer.Dir)
	}
	if c.HTTPServer.Enabled && c.HTTPServer.HTTPS.Enabled {
		log.Info("HTTPS server", "listen", strings.Join(c.HTTPServer.HTTPS.Listen, " "))
	}
	if c.InDocker && c.DisableDaemonForDocker {
		log.Info("in a container: the server stays in the foreground, and logs to the console unless the configuration says where")
	}
	announce(log, c)
}
