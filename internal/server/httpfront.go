package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"weir/internal/listen"
)

// httpFront is a front whose connections an http.Server takes.
type httpFront struct {
	*front
	queue *listen.Queue
	http  *http.Server
}

// drainTime is how long requests under way may take when the server stops.
const drainTime = time.Second

func newHTTPFront(o listen.Options, h *http.Server) *httpFront {
	q := listen.NewQueue(&net.TCPAddr{})
	return &httpFront{newFront(o, q.Handle), q, h}
}

// Run serves requests until ctx ends.
func (f *httpFront) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- f.http.Serve(f.queue) }()
	err := f.front.Run(ctx)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if f.http.Shutdown(drain) != nil {
		_ = f.http.Close() // requests that take longer are cut off
	}
	_ = f.queue.Close() // never fails
	if e := <-served; !errors.Is(e, http.ErrServerClosed) && !errors.Is(e, net.ErrClosed) {
		err = e
	}
	return err
}
