package hook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxAsking  = 512 // connections to one receiver on which it is asked
	maxTelling = 64  // those on which it is told of events, and the calls at once
	maxIdle    = 8   // of either, those that wait for the next callback
	idleTime   = 30 * time.Second
)

// call is a callback about to be made.
type call struct {
	action  string
	client  string // the session's id, for the log
	url     string
	body    []byte
	id      string // of the event: the same when it is sent again
	secret  string
	timeout time.Duration
	read    func(body []byte) error // the answer; nil is parseAnswer
}

// newTransport returns a way to receivers, by no proxy.
func newTransport(conns int) *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		MaxIdleConnsPerHost:    maxIdle,
		MaxConnsPerHost:        conns,
		IdleConnTimeout:        idleTime,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 16 << 10,
		DisableCompression:     true,
	}
}

// newClient returns a client that follows nobody: what is redirected is denied.
func newClient(t http.RoundTripper, conns int) *http.Client {
	if t == nil {
		t = newTransport(conns)
	}
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// A mute is a failure without an answer: nobody has said yes or no.
type mute struct {
	words string // for the client, who need not know where the receiver is
	cause error  // nil where the words say it all
}

func (m *mute) Error() string {
	if m.cause == nil {
		return m.words
	}
	return m.words + ": " + m.cause.Error()
}

func (m *mute) Unwrap() error { return m.cause }

// said is what a client is told of a failure.
func said(err error) string {
	if m, ok := errors.AsType[*mute](err); ok {
		return m.words
	}
	return err.Error()
}

// answered reports whether a receiver has decided.
func answered(err error) bool { return err == nil || !errors.As(err, new(*mute)) }

func newEventID() string { return strings.ToLower(rand.Text()) }

var errLate = errors.New("the time is over")

// post makes a call; nil is the receiver's consent.
func (h *Hooks) post(ctx context.Context, by *http.Client, c *call) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errLate)
	defer cancel()
	began := time.Now()
	err := h.exchange(ctx, by, c)
	h.meters.took(c.action, time.Since(began), err)
	return err
}

func (h *Hooks) exchange(ctx context.Context, by *http.Client, c *call) error {
	w, err := h.send(ctx, by, http.MethodPost, c)
	if err != nil {
		return noAnswer(ctx, c, err)
	}
	defer w.Body.Close()
	if err := judge(w.StatusCode); err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(w.Body, maxAnswer+1))
	if err != nil {
		return noAnswer(ctx, c, err)
	}
	if c.read != nil {
		return c.read(body)
	}
	return parseAnswer(body)
}

// judge returns what a status says that is no success, whatever comes with it.
func judge(status int) error {
	switch {
	case status == http.StatusOK, status == http.StatusCreated:
		return nil
	case status >= http.StatusInternalServerError:
		return &mute{words: fmt.Sprintf("the receiver answers with HTTP status %d", status)}
	case status >= http.StatusMultipleChoices && status < http.StatusBadRequest:
		return fmt.Errorf("the receiver redirects (HTTP status %d), which callbacks do not follow", status)
	}
	return fmt.Errorf("the receiver answers with HTTP status %d", status)
}

// send makes a request.
func (h *Hooks) send(ctx context.Context, by *http.Client, method string, c *call) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.url, bytes.NewReader(c.body))
	if err != nil {
		return nil, errors.New("its address is none")
	}
	r.Header.Set("Connection", "Keep-Alive")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", h.o.Agent)
	sign(r.Header, c, time.Now())
	return by.Do(r)
}

// noAnswer words a failure without the address, whose parameters may be secret.
func noAnswer(ctx context.Context, c *call, err error) error {
	if errors.Is(context.Cause(ctx), errLate) {
		return &mute{words: fmt.Sprintf("the receiver has not answered within %s", c.timeout)}
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return &mute{"the receiver has not answered", err}
}

// sign adds the headers that tell an event from its copies, and who sent it.
func sign(h http.Header, c *call, now time.Time) {
	at := strconv.FormatInt(now.Unix(), 10)
	h.Set("X-Weir-Event-Id", c.id)
	h.Set("X-Weir-Timestamp", at)
	if c.secret == "" {
		return
	}
	mac := hmac.New(sha256.New, []byte(c.secret))
	mac.Write([]byte(at + "."))
	mac.Write(c.body)
	h.Set("X-Weir-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
}

// receiverOf names who is at an address, for the log too: without what may be secret.
func receiverOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address that cannot be read"
	}
	return u.Scheme + "://" + u.Host
}
