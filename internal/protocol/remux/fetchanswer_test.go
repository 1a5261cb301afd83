package remux

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/format/flv"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/testkit/sent"
	"weir/internal/transport"
)

// TestFetchAnswers opens streams of servers that answer in all ways, and reads what they send. Another server that comes, the
// redirects that it may follow, and the end of a publisher are as other servers know them.
func TestFetchAnswers(t *testing.T) {
	head := flv.AppendFileHeader(nil, true, true)
	show := func(n int) []byte {
		b := append([]byte(nil), head...)
		b, _ = flv.AppendTag(b, flv.Tag{Type: flv.TagVideo, Body: sent.Unhex(sent.AVCHeader)})
		for i := range n {
			b, _ = flv.AppendTag(b, flv.Tag{Type: flv.TagVideo, Time: time.Duration(i) * 40 * time.Millisecond, Body: sent.Unhex(sent.AVCKey)})
		}
		return b
	}
	answers := func(status int, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write(body)
		}
	}
	hops := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if n--; n >= 0 {
				http.Redirect(w, r, r.RequestURI, http.StatusFound)
				return
			}
			_, _ = w.Write(show(3))
		}
	}
	for name, c := range map[string]struct {
		serves http.HandlerFunc
		opens  error // nil is that it does
		other  bool  // it does not, for whatever reason
		frames int
		ends   error
	}{
		"a stream":        {serves: answers(200, show(3)), frames: 3, ends: stream.ErrUnpublished},
		"three redirects": {serves: hops(3), frames: 3, ends: stream.ErrUnpublished},
		"four redirects":  {serves: hops(4), opens: errHops},
		"none":            {serves: answers(404, nil), opens: stream.ErrUnpublished},
		"a refusal":       {serves: answers(403, nil), opens: transport.ErrRefused},
		"a failure":       {serves: answers(502, nil), other: true},
		"no FLV":          {serves: answers(200, []byte("<html>and more than the header of a file of FLV</html>")), other: true},
		"cut short": {serves: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(show(3)[:len(show(3))-6])
			_ = http.NewResponseController(w).Flush() // else nothing of it goes out
			panic(http.ErrAbortHandler)
		}, frames: 2, ends: io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan string, 2*fetchHops)
			far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked <- r.Method + " " + r.RequestURI + " " + r.Header.Get(viaHeader) + " " + r.UserAgent()
				c.serves(w, r)
			}))
			defer far.Close()
			s := newHouse(t, nil).server
			traffic := &stream.Traffic{}
			feed, err := s.Fetch(t.Context(), far.URL+"/live/s.flv?k=1&vhost=v.test", transport.Visit{Via: []string{"one", "me"}, Traffic: traffic})
			if said := <-asked; said != "GET /live/s.flv?k=1&vhost=v.test one,me "+s.options.Product.Signature {
				t.Errorf("asked %q", said)
			}
			if c.opens != nil || c.other {
				if err == nil || !c.other && !errors.Is(err, c.opens) || c.other && errors.Is(err, transport.ErrRefused) {
					t.Errorf("opened: %v, want %v", err, c.opens)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer feed.Close()
			if n, err := drained(feed); n != c.frames || !errors.Is(err, c.ends) {
				t.Errorf("%d frames, then %v; want %d, then %v", n, err, c.frames, c.ends)
			}
			if n, err := drained(feed); errors.Is(c.ends, stream.ErrUnpublished) && (n != 0 || !errors.Is(err, io.EOF)) {
				t.Errorf("behind the end %d frames, %v", n, err)
			}
			if traffic.Received.Load() < 100 {
				t.Errorf("%d bytes are counted", traffic.Received.Load())
			}
		})
	}
}

// TestFetchSilent has servers that take the request and say nothing, or nothing more than that a stream will come: they are given up, and
// one that has begun is not.
func TestFetchSilent(t *testing.T) {
	const answer = "HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nConnection: close\r\n\r\n"
	head := answer + string(flv.AppendFileHeader(nil, true, true))
	for name, c := range map[string]struct {
		says  string
		opens bool
	}{"nothing": {"", false}, "an answer": {answer, false}, "half a header": {head[:len(head)-6], false}, "a header": {head, true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dial := func(context.Context, string, string) (net.Conn, error) {
					near, far := net.Pipe()
					go func() {
						defer far.Close()
						r, err := http.ReadRequest(bufio.NewReader(far))
						if err != nil {
							t.Error(err)
							return
						}
						_ = r.Body.Close()
						_, _ = io.WriteString(far, c.says)
						_, _ = far.Read(make([]byte, 1)) // until the client closes
					}()
					return near, nil
				}
				began := time.Now()
				feed, err := (&Server{}).Fetch(t.Context(), "http://a.test/live/s.flv", transport.Visit{Dial: dial})
				if d := time.Since(began); c.opens != (err == nil) || !c.opens && (d != fetchHead || !errors.Is(err, errSilentHead)) {
					t.Fatalf("after %s: %v", d, err)
				}
				if !c.opens {
					return
				}
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					_, _ = drained(feed)
				}()
				time.Sleep(2 * fetchHead)
				select {
				case <-ended:
					t.Error("it has ended")
				default:
				}
				feed.Close()
				<-ended
			})
		})
	}
}

// drained reads to the next error.
func drained(feed transport.Feed) (frames int, err error) {
	for err == nil {
		var batch [4]*media.Frame
		var n int
		n, err = feed.ReadBatch(batch[:])
		frames += n
	}
	return frames, err
}

// TestViaOf bounds the names of servers that a client may say it comes by.
func TestViaOf(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/live/s.flv", nil)
	if via := viaOf(r); via != nil {
		t.Errorf("by way of %q", via)
	}
	r.Header.Set(viaHeader, strings.Repeat("x,", 1000))
	if n := len(viaOf(r)); n != maxVia {
		t.Errorf("by way of %d", n)
	}
}
