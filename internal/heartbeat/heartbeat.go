// Package heartbeat tells an HTTP service at regular intervals that the server is alive.
package heartbeat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"weir/internal/config"
)

const (
	beatTime  = 10 * time.Second // a heartbeat takes this long at most
	maxAnswer = 64 << 10         // bytes of an answer that are read
	lookEvery = time.Second      // between two looks at whether one is due
)

// Options say who the server is. The functions are asked at each heartbeat, from a goroutine of its own.
type Options struct {
	Config                 func() *config.Config
	Server, Service, Agent string
	Pid                    int
	DeviceIP               string     // of this machine, in the words of its owner; empty asks the system
	Summaries              func() any // what the API says of the machine
	SRT, RTC               bool       // this server has them, if the configuration does
	Log                    *slog.Logger
}

// Heart sends the heartbeats.
type Heart struct {
	// Set at construction.
	o      Options
	client http.Client

	// Owned by the heartbeat that is under way, of which there is one at most.
	failing bool
}

// New returns a Heart that says nothing before Run.
func New(o Options) *Heart {
	return &Heart{o: o, client: http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxAnswer},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       beatTime,
	}}
}

// Run sends heartbeats until ctx ends, the first one at once. A heartbeat that hangs is given up after
// a while, and only the next one waits for it.
func (h *Heart) Run(ctx context.Context) error {
	var (
		beating sync.WaitGroup
		free    = make(chan struct{}, 1)
		last    time.Time
		before  string // the address, and nothing while there are none
	)
	defer beating.Wait()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		now, at := time.Now(), ""
		c := h.o.Config()
		if c.Heartbeat.Enabled {
			at = c.Heartbeat.URL
		}
		// Looks are a little early or late: one that is nearly due is due.
		if due := at != before || now.Sub(last) >= c.Heartbeat.Interval-lookEvery/2; at != "" && due {
			select {
			case free <- struct{}{}:
				last, before = now, at
				beating.Go(func() {
					h.beat(ctx, c)
					<-free
				})
			default: // the one before hangs
			}
		} else {
			before = at
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// beat sends one heartbeat, and logs where things have changed.
func (h *Heart) beat(ctx context.Context, c *config.Config) {
	err := h.send(ctx, c)
	switch {
	case ctx.Err() != nil:
	case err != nil && !h.failing:
		h.failing = true
		h.o.Log.Warn("heartbeats do not arrive", "url", bare(c.Heartbeat.URL), "cause", err)
	case err == nil && h.failing:
		h.failing = false
		h.o.Log.Info("heartbeats arrive again", "url", bare(c.Heartbeat.URL))
	}
}

func (h *Heart) send(ctx context.Context, c *config.Config) error {
	to, err := url.Parse(c.Heartbeat.URL)
	if err != nil {
		return fmt.Errorf("heartbeat: the url cannot be read")
	}
	to.RawQuery, to.Fragment = "", ""
	body, err := json.Marshal(h.body(c))
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", h.o.Agent)
	answer, err := h.client.Do(request)
	if err != nil {
		return fmt.Errorf("heartbeat: %w", plain(err))
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // what it says is nothing to us
	if answer.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("heartbeat: answered with %s", answer.Status)
	}
	return nil
}

// plain leaves out the address of an HTTP client's error, in which there may be a password.
func plain(err error) error {
	if e, ok := err.(*url.Error); ok { //nolint:errorlint // it is this one or none
		return e.Err
	}
	return err
}

// bare is an address without what may be secret in it.
func bare(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
