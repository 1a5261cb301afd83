package rist

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/transport"
)

// errURL is for addresses that cannot be understood.
var errURL = errors.New("rist: bad url")

// errUnanswered ends a sender whose receiver does not answer.
var errUnanswered = errors.New("rist: nobody answers there")

// answerWait is for how long a receiver may be silent.
const answerWait = 10 * time.Second

// Relay brings streams in and out by RIST.
type Relay struct {
	Registry *stream.Registry
	Config   func() *config.Config // the configuration in force
	Log      *slog.Logger
}

// peer is what an address asks for.
type peer struct {
	address string
	listens bool // we wait there to be sent to
	options Options
}

// CheckURL says what is wrong with an address of RIST.
func CheckURL(raw string) error {
	_, err := parseURL(raw)
	return err
}

// parseURL reads rist://host:port to send to, and rist://@host:port to receive at, where the host may be missing. It takes
// the parameters buffer, in milliseconds, and nack: range or bitmask.
func parseURL(raw string) (p peer, err error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "rist" {
		return p, fmt.Errorf("%w: it is not of the form rist://host:port", errURL)
	}
	if _, err := strconv.ParseUint(u.Port(), 10, 16); err != nil {
		return p, fmt.Errorf("%w: %q has no port", errURL, u.Host)
	}
	p.listens = strings.HasPrefix(raw, "rist://@") || u.Hostname() == ""
	p.address = u.Host
	for key, values := range u.Query() {
		switch value := values[0]; key {
		case "buffer":
			ms, err := strconv.ParseUint(value, 10, 16)
			if err != nil || ms == 0 {
				return p, fmt.Errorf("%w: buffer: %q is not a number of milliseconds", errURL, value)
			}
			p.options.Buffer = time.Duration(ms) * time.Millisecond
		case "nack":
			switch value {
			case "range":
			case "bitmask":
				p.options.NACK = NACKBitmask
			default:
				return p, fmt.Errorf("%w: nack: %q is neither range nor bitmask", errURL, value)
			}
		default:
			return p, fmt.Errorf("%w: there is no parameter %q; there are buffer, nack", errURL, key)
		}
	}
	_, err = p.options.filled()
	return p, err
}

// Pull waits for a sender at an address of ours, and publishes what it sends as r says, until one of them ends. Of r all
// but what the connection knows is filled. It returns why it has ended, never nil.
func (v *Relay) Pull(ctx context.Context, url string, r *stream.Request) error {
	at, err := parseURL(url)
	if err != nil {
		return err
	}
	if !at.listens {
		return fmt.Errorf("%w: receivers do not call in the simple profile: write rist://@%s, and have it sent here", errURL, at.address)
	}
	vhost := v.Config().Exactly(r.Vhost)
	if vhost == nil {
		return fmt.Errorf("rist: there is no virtual host %q", r.Vhost)
	}
	at.options.Hold = vhost.Publish.NormalTimeout
	from, err := Listen(at.address, at.options)
	if err != nil {
		return err
	}
	defer from.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { _ = from.Close() })()
	first, err := from.ReadPacket()
	if err != nil {
		return transport.CauseOf(ctx, err)
	}
	r.Traffic, r.Kick, r.Link = &stream.Traffic{}, cancel, func() (stream.Link, bool) {
		s := from.Stats()
		return stream.Link{RoundTrip: s.RTT}, s.RTT > 0
	}
	in := transport.NewIn(r, config.Follow(v.Config, vhost)).Frames()
	r.Damage = in.Damage
	p, err := v.Registry.Publish(ctx, r)
	if err != nil {
		return err
	}
	defer p.Close()
	log := v.Log.With("cid", r.ID)
	log.Info("publishing", "kind", r.Kind, "ip", first.From.Addr(), "stream", r.URL())
	next := func() ([]byte, error) {
		if data := first.Data; data != nil {
			first.Data = nil
			return data, nil
		}
		packet, err := from.ReadPacket()
		return packet.Data, err
	}
	err = transport.CauseOf(ctx, in.Run(p, next, cancel))
	s := from.Stats()
	notes := append(in.Notes(), "recovered", s.Recovered, "lost", s.Lost, "foreign", s.Foreign, "malformed", s.Malformed)
	log.Info(r.Kind+" ended", append([]any{"ip", first.From.Addr(), "stream", r.URL(), "received", r.Traffic.Received.Load(), "cause", err}, notes...)...)
	if errors.Is(err, ErrBye) {
		return err // which closes the publication
	}
	p.Lost(err)
	return err
}

// Push sends a stream to an address until the publication ends, which is no error, or nobody answers there any more. Open
// gives a position in the stream.
func (v *Relay) Push(ctx context.Context, url string, open func(packets bool) *stream.Subscriber, _ <-chan struct{}) error {
	to, err := parseURL(url)
	if err != nil {
		return err
	}
	if to.listens {
		return fmt.Errorf("%w: senders do not wait in the simple profile: name the receiver's host", errURL)
	}
	conn, err := Dial(to.address, to.options)
	if err != nil {
		return err
	}
	defer conn.Close()
	sub := open(true)
	defer sub.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
	out := transport.Out{Sub: sub, To: &sink{conn: conn, since: media.Now()}, Size: MaxPayload}
	err = out.Run(ctx)
	if errors.Is(err, transport.ErrEnded) {
		time.Sleep(min(conn.Stats().RTT*2+ask, lastWords)) // for the last packets to be asked for again
		return nil
	}
	return err
}

const (
	ask       = 100 * time.Millisecond // for which a receiver may take to notice
	lastWords = 500 * time.Millisecond
)

// sink is a receiver, as a transport.Sink.
type sink struct {
	conn    *Sender
	since   int64 // as media.Now
	packets int
}

// Send sends one packet. Senders in the simple profile send whether or not somebody is there; one who has not been heard
// of for long is not.
func (s *sink) Send(b []byte) error {
	if s.packets++; s.packets%64 == 0 {
		if heard := max(s.since, s.conn.Heard()); media.Now()-heard > int64(answerWait) {
			return errUnanswered
		}
	}
	return s.conn.WritePacket(b)
}

func (s *sink) Rest() {}
