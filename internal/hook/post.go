package hook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"weir/internal/stream"
)

const (
	maxAnswer = 64 << 10 // bytes of an answer
	maxOpen   = 64       // connections to one receiver
	maxIdle   = 8        // of these, those that wait for the next callback
	idleTime  = 30 * time.Second
)

// call is a callback about to be made.
type call struct {
	action  string
	client  string // the session's id, for the log
	urls    []string
	body    []byte
	id      string // of the event: the same when it is sent again
	secret  string
	timeout time.Duration
}

func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		MaxIdleConnsPerHost:    maxIdle,
		MaxConnsPerHost:        maxOpen,
		IdleConnTimeout:        idleTime,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 16 << 10,
	}
}

// newClient returns a client that follows nobody: what is redirected is denied.
func newClient(t http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// A mute is a failure without an answer: nobody has said yes or no.
type mute struct{ cause error }

func (m *mute) Error() string { return m.cause.Error() }
func (m *mute) Unwrap() error { return m.cause }

// answered reports whether a receiver has decided.
func answered(err error) bool { return err == nil || !errors.As(err, new(*mute)) }

func newEventID() string { return strings.ToLower(rand.Text()) }

// post makes a call at one address; nil is the receiver's consent.
func (h *Hooks) post(ctx context.Context, c *call, to string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout,
		fmt.Errorf("no answer within %s", c.timeout))
	defer cancel()
	began := time.Now()
	err := h.exchange(ctx, c, to)
	h.meters.took(c.action, time.Since(began), err)
	return err
}

func (h *Hooks) exchange(ctx context.Context, c *call, to string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(c.body))
	if err != nil {
		return &mute{errors.New("the callback's address is none")}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", h.o.Agent)
	sign(r.Header, c, time.Now())
	w, err := h.client.Do(r)
	if err != nil {
		return &mute{cause(ctx, err)}
	}
	defer w.Body.Close()
	body, err := io.ReadAll(io.LimitReader(w.Body, maxAnswer+1))
	switch {
	case err != nil:
		return &mute{cause(ctx, err)}
	case w.StatusCode >= 500:
		return &mute{fmt.Errorf("the receiver answers with HTTP status %d", w.StatusCode)}
	case w.StatusCode >= 300 && w.StatusCode < 400:
		return fmt.Errorf("the receiver redirects (HTTP status %d), which callbacks do not follow", w.StatusCode)
	case w.StatusCode != http.StatusOK && w.StatusCode != http.StatusCreated:
		return fmt.Errorf("the receiver answers with HTTP status %d", w.StatusCode)
	case len(body) > maxAnswer:
		return fmt.Errorf("the receiver's answer is longer than %d bytes", maxAnswer)
	}
	return parseAnswer(body)
}

// cause words a failure without the address, whose parameters may be secret.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
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

// maxQuoted is how much of an answer a refusal repeats.
const maxQuoted = 200

// parseAnswer reads an answer: 0, or a JSON object whose code is 0, is consent.
func parseAnswer(body []byte) error {
	text := strings.TrimSpace(string(body))
	switch text {
	case "0":
		return nil
	case "":
		return errors.New("the receiver's answer is empty: 0 is a yes")
	}
	if code, err := strconv.ParseInt(text, 10, 64); err == nil {
		return fmt.Errorf("the receiver says no, with code %d", code)
	}
	var answer struct {
		Code json.RawMessage `json:"code"`
		Msg  string          `json:"msg"`
	}
	var odd *json.UnmarshalTypeError
	if err := json.Unmarshal(body, &answer); err != nil && !errors.As(err, &odd) || text[0] != '{' {
		return fmt.Errorf("the receiver's answer is neither 0 nor JSON with a code: %s", quoted(text))
	}
	code, err := strconv.ParseInt(string(answer.Code), 10, 64)
	switch {
	case err != nil:
		return errors.New("the receiver's answer has no whole number as its code")
	case code == 0:
		return nil
	case answer.Msg != "":
		return fmt.Errorf("the receiver says no, with code %d: %s", code, quoted(answer.Msg))
	}
	return fmt.Errorf("the receiver says no, with code %d", code)
}

func quoted(text string) string {
	if len(text) > maxQuoted {
		text = text[:maxQuoted] + "..."
	}
	return strconv.Quote(stream.Veil(text))
}

// bare is an address for the log: without what may be secret.
func bare(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address that cannot be read"
	}
	return u.Scheme + "://" + u.Host + u.Path
}
