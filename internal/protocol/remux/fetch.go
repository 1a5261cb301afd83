package remux

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"weir/internal/format/flv"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/transport"
)

const (
	fetchTime  = 5 * time.Second // for a server to be reached
	fetchHead  = time.Minute     // for the header of FLV to come: servers hold it back until somebody publishes, for a while
	fetchHops  = 3               // redirects that are followed
	fetchAhead = 64 << 10        // bytes that are read ahead
	flvHead    = 11              // of a tag
	flvTail    = 4               // behind it

	viaHeader = "X-Weir-Via" // names the servers that a stream comes by
	maxVia    = 32           // of them
)

// viaOf are the servers that a client says it is, or comes by.
func viaOf(r *http.Request) []string {
	if via := r.Header.Get(viaHeader); via != "" {
		return strings.SplitN(via, ",", maxVia)
	}
	return nil
}

// errHops is the end of a chain of redirects.
var errHops = errors.New("http-flv: the server sends us elsewhere again and again")

// errSilentHead is the end of a request to which no stream has come.
var errSilentHead = fmt.Errorf("http-flv: the server has not sent the beginning of a stream within %s", fetchHead)

// Fetch opens the HTTP-FLV stream at an address of http or https. A server without the stream is
// stream.ErrUnpublished, if it says so with status 404.
func (s *Server) Fetch(ctx context.Context, address string, visit transport.Visit) (transport.Feed, error) {
	ctx, give := context.WithCancelCause(ctx)
	cancel := func() { give(nil) }
	late := time.AfterFunc(fetchHead, func() { give(errSilentHead) })
	defer late.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("User-Agent", s.options.Product.Signature)
	if len(visit.Via) > 0 {
		req.Header.Set(viaHeader, strings.Join(visit.Via, ","))
	}
	answer, err := fetching(&visit).Do(req) //nolint:bodyclose // its reader does, by Close
	if err != nil {
		cancel()
		return nil, orSilent(ctx, err)
	}
	f := &fetched{end: cancel, body: answer.Body}
	if answer.StatusCode != http.StatusOK {
		_ = f.Close()
		return nil, noStream(answer)
	}
	f.source = bufio.NewReaderSize(answer.Body, fetchAhead)
	f.tags = flv.NewReader(f.source)
	f.tags.Alloc, f.tags.Strict = f.arena.Bytes, true
	f.demux = flv.Demux{Arena: &f.arena, Log: visit.Log}
	if _, _, err := f.tags.ReadHeader(); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("http-flv: %w", orSilent(ctx, err))
	}
	return f, nil
}

// orSilent is why a stream could not be opened: that nothing has come is more than that the request was given up for it.
func orSilent(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errSilentHead) {
		return cause
	}
	return err
}

// noStream says what an answer without a stream means. A server that fails has refused nobody.
func noStream(answer *http.Response) error {
	switch {
	case answer.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%w: %s", stream.ErrUnpublished, answer.Status)
	case answer.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("http-flv: the server fails: %s", answer.Status)
	}
	return fmt.Errorf("%w: %s", transport.ErrRefused, answer.Status)
}

// fetching is a client for one stream.
func fetching(visit *transport.Visit) *http.Client {
	dial := visit.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: fetchTime, KeepAliveConfig: transport.Lively()}).DialContext
	}
	if visit.Traffic != nil {
		dial = transport.Counted(dial, visit.Traffic)
	}
	return &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true, TLSHandshakeTimeout: fetchTime, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
			DialContext: dial,
		},
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > fetchHops {
				return errHops
			}
			return nil
		},
	}
}

// fetched is a stream that is fetched.
type fetched struct {
	end    context.CancelFunc
	body   io.Closer
	source *bufio.Reader
	tags   *flv.Reader
	demux  flv.Demux
	arena  media.Arena
	ready  media.Backlog
	over   error // comes next
}

// ReadBatch returns the frames of all tags that have come, and waits until there are some. A clean end is that of the
// publisher.
func (f *fetched) ReadBatch(dst []*media.Frame) (int, error) {
	for len(f.ready) == 0 {
		if err := f.over; err != nil {
			if errors.Is(err, stream.ErrUnpublished) {
				f.over = io.EOF
			}
			return 0, err
		}
		for more := true; more && len(f.ready) < len(dst); more = f.whole() {
			t, err := f.tags.ReadTag()
			if errors.Is(err, io.EOF) {
				err = stream.ErrUnpublished
			}
			if f.over = err; err != nil {
				break
			}
			if len(t.Body) > 0 {
				f.ready = f.demux.Frames(f.ready, t.Type, uint32(t.Time.Milliseconds()), t.Body)
			}
		}
	}
	return f.ready.Give(dst), nil
}

// whole reports whether a whole tag has come.
func (f *fetched) whole() bool {
	have := f.source.Buffered()
	if have < flvHead {
		return false
	}
	h, err := f.source.Peek(flvHead)
	return err == nil && have >= flvHead+(int(h[1])<<16|int(h[2])<<8|int(h[3]))+flvTail
}

// Close ends the request.
func (f *fetched) Close() error {
	f.end()
	return f.body.Close()
}

// CheckURL says what is wrong with an address that a stream is to be fetched from.
func CheckURL(raw string) error {
	_, err := url.Parse(raw)
	return err
}
