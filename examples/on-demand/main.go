// Command on-demand publishes streams only while somebody watches them. It is the receiver of a
// weir's callbacks: on_play starts an ffmpeg that publishes what is asked for, and after the last
// on_stop it ends. See README.md beside this file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "on-demand:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done and all publishers have ended.
func run(ctx context.Context, args []string) error {
	var catalogue catalogue
	flags := flag.NewFlagSet("on-demand", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:8085", "where callbacks come in")
	server := flags.String("server", "rtmp://127.0.0.1:1935", "where to publish")
	api := flags.String("api", "http://127.0.0.1:1985", "the server's HTTP API")
	ffmpeg := flags.String("ffmpeg", "ffmpeg", "the program")
	linger := flags.Duration("linger", 5*time.Second, "for which a publisher goes on without viewers")
	most := flags.Int("most", 20, "publishers at once")
	flags.Var(&catalogue, "stream", "APP/STREAM=SOURCE, as often as you like; `*` stands for any name,\n"+
		"a source is a file, an address or the word test (default live/*=test)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if catalogue == nil {
		_ = catalogue.Set("live/*=test") // which is well formed
	}
	s := newStage(ctx, stageOptions{
		catalogue: catalogue, linger: *linger, most: *most,
		publish: publisher{program: *ffmpeg, server: strings.TrimSuffix(*server, "/")}.run,
		waiting: audience{api: strings.TrimSuffix(*api, "/")}.waits,
	})
	defer s.close()

	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	web := &http.Server{
		Handler:           &receiver{stage: s, secret: os.Getenv("ON_DEMAND_SECRET")},
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second,
	}
	defer context.AfterFunc(ctx, func() { _ = web.Close() })()
	slog.Info("waiting for callbacks", "address", "http://"+ln.Addr().String()+"/hooks", "streams", catalogue.String())
	if err := web.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
