package rist

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

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
type Relay struct{ transport.Hub }

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
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return p, fmt.Errorf("%w: %q has no port", errURL, u.Host)
	}
	if port%2 != 0 {
		return p, fmt.Errorf("%w: port %d is odd: RTP has an even one, and RTCP the one after it", errURL, port)
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
// but what the connection knows is filled. Begun is called when the publication begins. It returns why it has ended, never
// nil.
func (v *Relay) Pull(ctx context.Context, url string, r *stream.Request, begun func()) error {
	at, err := parseURL(url)
	if err != nil {
		return err
	}
	if !at.listens {
		return fmt.Errorf("%w: receivers do not call in the simple profile: write rist://@%s, and have it sent here", errURL, at.address)
	}
	if vhost := v.Config().Exactly(r.Vhost); vhost != nil {
		at.options.Hold = vhost.Publish.NormalTimeout
	}
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
	r.Link = func() (stream.Link, bool) {
		s := from.Stats()
		return stream.Link{RoundTrip: s.RTT}, s.RTT > 0
	}
	return v.Receive(ctx, cancel, r, transport.Sender{
		From: first.From.Addr(), First: first.Data,
		Next: func() ([]byte, error) {
			packet, err := from.ReadPacket()
			return packet.Data, err
		},
		Notes: func() []any {
			s := from.Stats()
			return []any{"recovered", s.Recovered, "lost", s.Lost, "foreign", s.Foreign, "malformed", s.Malformed}
		},
	}, begun)
}

// Push sends a stream to an address until the publication ends, which is no error, or nobody answers there any more. Open
// gives a position in the stream, and is called when somebody has answered.
func (v *Relay) Push(ctx context.Context, url string, visit transport.Visit, open func(stream.Cargo) *stream.Subscriber, _ <-chan struct{}) error {
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
	if err := answered(ctx, conn); err != nil {
		return err
	}
	sub := open(transport.Cargo)
	defer sub.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
	out := transport.Out{Sub: sub, To: &sink{conn: conn, traffic: visit.Traffic}, Size: MaxPayload}
	err = out.Run(ctx)
	if errors.Is(err, transport.ErrEnded) {
		time.Sleep(min(conn.Stats().RTT*2+ask, lastWords)) // for the last packets to be asked for again
		return nil
	}
	return err
}

// answered waits until the receiver has answered the sender's reports, which come before the stream.
func answered(ctx context.Context, conn *Sender) error {
	look := time.NewTicker(ask / 2)
	defer look.Stop()
	for began := time.Now(); conn.Heard() == 0; {
		if time.Since(began) > answerWait {
			return errUnanswered
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

const (
	ask       = 100 * time.Millisecond // for which a receiver may take to notice
	lastWords = 500 * time.Millisecond
)

// sink is a receiver, as a transport.Sink.
type sink struct {
	conn    *Sender
	traffic *stream.Traffic // nil is not counted
	packets int
}

// Send sends one packet. An error of the network loses the packet and no more. Senders in the simple profile send whether or
// not somebody is there; one who has not been heard of for long is not.
func (s *sink) Send(b []byte) error {
	if s.packets++; s.packets%64 == 0 && media.Now()-s.conn.Heard() > int64(answerWait) {
		return errUnanswered
	}
	if s.traffic != nil {
		s.traffic.Sent.Add(uint64(len(b)))
	}
	if err := s.conn.WritePacket(b); errors.Is(err, net.ErrClosed) || errors.Is(err, ErrBroken) {
		return err
	}
	return nil
}

func (s *sink) Rest() {}
