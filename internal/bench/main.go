package bench

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// The exit statuses.
const (
	exitOK    = 0
	exitBad   = 1 // connections failed or were dropped, or frames were lost
	exitUsage = 2
)

// Main does what the arguments say, which begin with the mode, and returns the exit status: 0 if
// all went well, 1 if not, 2 if the arguments make no sense. The report goes to stdout, all else
// to stderr. An interrupt ends the measurement early.
func Main(args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	var r *run
	if err == nil {
		r, err = newRun(o)
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "weir:", err) // the status says it too
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var wg sync.WaitGroup
	done := make(chan struct{})
	if !o.quiet {
		wg.Go(func() { r.progress(stderr, done) })
	}
	a := r.measure(ctx)
	close(done)
	wg.Wait()
	if o.json {
		err = json.NewEncoder(stdout).Encode(a)
	} else {
		_, err = io.WriteString(stdout, a.text())
	}
	if err != nil || !a.OK {
		return exitBad
	}
	return exitOK
}
