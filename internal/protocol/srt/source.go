package srt

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/datarhei/gosrt"
	"github.com/datarhei/gosrt/packet"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
)

// source is the bytes that a publisher sends, as an io.Reader for one goroutine. Its end is io.EOF.
type source struct {
	conn    srt.Conn
	traffic *stream.Traffic
	silence *silence
	lane    *stream.Lane  // has all packets, for players that take them as they came
	packet  packet.Packet // the one that is being read; nil: none
	left    []byte        // of it
}

// next returns the next packet's payload, which is valid until the next call.
func (s *source) next() ([]byte, error) {
	if s.packet != nil {
		s.packet.Decommission()
		s.packet = nil
	}
	p, err := s.conn.ReadPacket()
	if err != nil {
		return nil, io.EOF
	}
	s.packet = p
	b := p.Data()
	s.silence.heard.Store(media.Now())
	s.traffic.Received.Add(uint64(len(b)))
	return b, s.lane.WritePacket(&media.Packet{At: media.Now(), Data: bytes.Clone(b)})
}

// Read reads of what has come, and waits until there is something.
func (s *source) Read(b []byte) (n int, err error) {
	for len(s.left) == 0 {
		if s.left, err = s.next(); err != nil {
			return 0, err
		}
	}
	n = copy(b, s.left)
	s.left = s.left[n:]
	return n, nil
}

// silence ends a publisher that sends nothing for longer than the rules in force allow. Its connection may be well:
// SRT keeps it alive.
type silence struct {
	rules  func() *config.Publish
	cancel context.CancelCauseFunc
	heard  atomic.Int64 // when the last packet came; 0: none has yet
	began  int64

	mu    sync.Mutex // guards what follows
	timer *time.Timer
	over  bool
}

// watchSilence begins to watch, until stop.
func watchSilence(rules func() *config.Publish, cancel context.CancelCauseFunc) *silence {
	s := &silence{rules: rules, cancel: cancel, began: media.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(time.Second, s.look)
	return s
}

func (s *silence) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.timer.Stop()
}

func (s *silence) look() {
	rules, since := s.rules(), s.heard.Load()
	limit := rules.NormalTimeout
	if since == 0 {
		limit, since = rules.FirstpktTimeout, s.began
	}
	left := limit - time.Duration(media.Now()-since)
	if left <= 0 {
		s.cancel(fmt.Errorf("%w for %s", stream.ErrMute, limit))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.timer.Reset(min(left, time.Second)) // the rules may have changed by then
	}
}
