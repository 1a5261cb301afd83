package server

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"weir/internal/config"
)

const (
	// watchQuiet is for how long the files must rest before they are read: who writes them may not
	// be done, and may write several.
	watchQuiet = 3 * time.Second
	// watchUnrest bounds that wait where they never rest.
	watchUnrest = 30 * time.Second
	// kubernetesData is the link which Kubernetes exchanges when it updates mounted files.
	kubernetesData = "..data"
)

// watch reloads the configuration when its files have changed, if it says so.
type watch struct {
	// Set at construction.
	config func() *config.Config
	reload func()
	log    *slog.Logger
	quiet  time.Duration

	news    chan struct{} // that another configuration may be in force
	changes chan struct{} // of the files
}

func newWatch(c func() *config.Config, reload func(), log *slog.Logger) *watch {
	return &watch{
		config: c, reload: reload, log: log, quiet: watchQuiet,
		news: make(chan struct{}, 1), changes: make(chan struct{}, 1),
	}
}

// again has the watch look which files are of interest now.
func (w *watch) again() { signalOnce(w.news) }

// Run watches until ctx ends.
func (w *watch) Run(ctx context.Context) error {
	var settling sync.WaitGroup
	settling.Go(func() { settle(ctx, w.changes, w.quiet, w.reload) })
	defer settling.Wait()
	for ctx.Err() == nil {
		w.follow(ctx, watched(w.config()))
	}
	return nil
}

// watched lists the files of a configuration that is to be watched, and those that links among them
// lead to.
func watched(c *config.Config) (files []string) {
	if on := c.InotifyAutoReload || c.InDocker && c.AutoReloadForDocker; !on {
		return nil
	}
	for _, name := range c.Files {
		files = append(files, name)
		if target, err := filepath.EvalSymlinks(name); err == nil && target != name {
			files = append(files, target)
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// follow watches the directories of files until ctx ends or others are to be watched. Directories
// and not files: editors put a new file in the place of the old.
func (w *watch) follow(ctx context.Context, files []string) {
	var events <-chan fsnotify.Event
	var errors <-chan error
	if len(files) > 0 {
		watcher, err := open(files)
		if err != nil {
			w.log.Error("the files of the configuration cannot be watched: changes need a reload by hand", "cause", err)
		} else {
			defer watcher.Close()
			events, errors = watcher.Events, watcher.Errors
			w.log.Info("configuration is watched, and reloaded when it changes", "files", files)
		}
	}
	for {
		select {
		case e := <-events:
			if concerns(e, files) {
				w.log.Debug("a file of the configuration has changed", "file", e.Name)
				signalOnce(w.changes)
			}
		case err := <-errors: // events were lost
			w.log.Warn("changes of the configuration may have been missed: it is read again", "cause", err)
			signalOnce(w.changes)
		case <-w.news:
			if !slices.Equal(files, watched(w.config())) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// open watches the directories of files.
func open(files []string) (*fsnotify.Watcher, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		if err := watcher.Add(filepath.Dir(name)); err != nil {
			_ = watcher.Close()
			return nil, err
		}
	}
	return watcher, nil
}

// concerns reports whether an event tells of new content of one of files.
func concerns(e fsnotify.Event, files []string) bool {
	if !e.Has(fsnotify.Create) && !e.Has(fsnotify.Write) {
		return false // a name that is gone, or who may read it
	}
	return filepath.Base(e.Name) == kubernetesData || slices.Contains(files, filepath.Clean(e.Name))
}

// settle reloads when changes have come and no more follow for the time of quiet, until ctx ends.
func settle(ctx context.Context, changes <-chan struct{}, quiet time.Duration, reload func()) {
	for {
		select {
		case <-changes:
		case <-ctx.Done():
			return
		}
		if !calm(ctx, changes, quiet) {
			return
		}
		reload()
	}
}

// calm waits for the end of changes; it is false if ctx has ended first.
func calm(ctx context.Context, changes <-chan struct{}, quiet time.Duration) bool {
	rest, enough := time.NewTimer(quiet), time.NewTimer(watchUnrest)
	defer rest.Stop()
	defer enough.Stop()
	for {
		select {
		case <-changes:
			rest.Reset(quiet)
		case <-rest.C:
			return true
		case <-enough.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// signalOnce leaves a sign, unless one is there.
func signalOnce(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
