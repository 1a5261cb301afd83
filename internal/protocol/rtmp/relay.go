package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/transport"
)

const (
	relayDial  = 5 * time.Second  // for a server to be reached, and to answer
	relayWrite = 30 * time.Second // for it to take what it is sent
)

// errServerClosed is the end that a server gives us.
var errServerClosed = errors.New("the other side has closed the connection, or its publisher has gone")

// CheckURL says what is wrong with an address of RTMP.
func CheckURL(raw string) error {
	_, err := parseDestination(raw)
	return err
}

// Pull publishes what is played at an address as r says, until one of them ends. Of r all but what the connection knows
// is filled. Begun is called when the publication begins. It returns why it has ended, never nil.
func (v *Server) Pull(ctx context.Context, url string, r *stream.Request, begun func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	o := v.options
	vhost := o.Config().Exactly(r.Vhost)
	if vhost == nil {
		return fmt.Errorf("rtmp: there is no virtual host %q", r.Vhost)
	}
	r.Traffic, r.Kick = &stream.Traffic{}, cancel
	c, err := Dial(ctx, url, DialOptions{Dial: transport.Counted(new(net.Dialer).DialContext, r.Traffic), DialTimeout: relayDial, ReplyTimeout: relayDial})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Play(ctx); err != nil {
		return err
	}
	p, err := o.Registry.Publish(ctx, r)
	if err != nil {
		return err
	}
	defer p.Close()
	begun()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	rules := config.Follow(o.Config, vhost)
	silence := transport.WatchSilence(func() *config.Publish { return &rules().Publish }, cancel)
	defer silence.Stop()
	log := o.Log.With("cid", r.ID)
	log.Info("publishing", "kind", r.Kind, "ip", c.RemoteAddr(), "stream", r.URL())
	_, err = media.Copy(p, &listened{c.Frames(log), silence})
	if cause := context.Cause(ctx); cause != nil {
		if err = cause; !errors.Is(cause, stream.ErrMute) {
			p.End(cause)
		}
	} else if err == nil {
		err = errServerClosed
	}
	p.Lost(err)
	return err
}

// listened has the silence hear of frames.
type listened struct {
	media.Reader
	silence *transport.Silence
}

func (l *listened) ReadFrame() (*media.Frame, error) {
	f, err := l.Reader.ReadFrame()
	if err == nil {
		l.silence.Heard(f.At)
	}
	return f, err
}

// Push sends a stream to an address until the publication or the server there ends. Open gives a position in the stream,
// and is called when the server takes it. The error is nil when the publication has ended.
func (v *Server) Push(ctx context.Context, url string, visit transport.Visit, open func(stream.Cargo) *stream.Subscriber, _ <-chan struct{}) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	o := v.visiting(&visit)
	o.WriteTimeout = relayWrite
	c, err := Dial(ctx, url, o)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Publish(ctx); err != nil {
		return err
	}
	sub := open("")
	if sub == nil {
		return context.Cause(ctx)
	}
	defer sub.Close()
	stop := context.AfterFunc(ctx, func() {
		_ = sub.Close()
		c.Close()
	})
	var listening sync.WaitGroup
	defer listening.Wait()
	defer c.Close()
	listening.Go(func() {
		for {
			if _, err := c.ReadMessage(); err != nil {
				if errors.Is(err, io.EOF) {
					err = errServerClosed
				}
				cancel(err)
				return
			}
		}
	})
	if _, err = media.Copy(c.Writer(), sub); err == nil && stop() {
		_ = c.Unpublish() // if it does not hear, it sees
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
