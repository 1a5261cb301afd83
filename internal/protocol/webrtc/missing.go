package webrtc

import (
	"slices"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"weir/internal/media"
)

const (
	maxMissing = 512 // packets that are asked for at a time; a larger hole is filled by a key frame
	maxAsked   = 64  // of them in one message, so that it fits in a packet
	maxAsks    = 10  // times

	askAfter = 10 * time.Millisecond  // a packet that others have overtaken may be here by then
	askAgain = 40 * time.Millisecond  // at least, and the time that the client takes to answer
	maxWait  = 500 * time.Millisecond // between two times at most
	askFor   = 3 * time.Second        // after that nobody waits for the packet
	keyAfter = 300 * time.Millisecond // at least, between two key frames asked for because of holes
	pause    = time.Second            // without any packet: what is missing from before it is too old
)

// missing knows which packets of a track have not come, and has the publisher asked for them until they come or are too old.
// It takes what has been sent again for a packet like others, whichever way it has come. The library's own, which does
// not know of RTX, would ask for each of them some thirty times.
type missing struct {
	wake chan struct{} // something is missing; of capacity 1

	mu      sync.Mutex // guards what follows
	begun   bool
	highest uint16
	heard   int64         // when the last packet came, as media.Now
	list    []hole        // in the order of their numbers
	answer  time.Duration // that the client takes to send again, a guess
}

// hole is a packet that is missing.
type hole struct {
	number uint16
	since  int64 // as media.Now
	asked  int64 // the last time
	times  int
}

func newMissing() *missing {
	return &missing{wake: make(chan struct{}, 1), answer: 2 * askAgain}
}

// came takes note of a packet. It returns false where so much is missing before it that only a key frame helps.
func (m *missing) came(number uint16, now int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	paused := time.Duration(now-m.heard) > pause
	m.heard = now
	if !m.begun {
		m.begun, m.highest = true, number
		return true
	}
	ahead := int(int16(number - m.highest))
	if ahead <= 0 {
		m.fill(number, now)
		return true
	}
	before := m.highest
	m.highest = number
	if ahead == 1 {
		return true
	}
	if paused || ahead-1+len(m.list) > maxMissing {
		m.list = nil
		return false
	}
	for n := before + 1; n != number; n++ {
		m.list = append(m.list, hole{number: n, since: now})
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
	return true
}

// fill takes a packet off the list; m.mu is held.
func (m *missing) fill(number uint16, now int64) {
	i := slices.IndexFunc(m.list, func(h hole) bool { return h.number == number })
	if i < 0 {
		return
	}
	if h := m.list[i]; h.times == 1 { // of one that has been asked for again nobody knows what it answers
		took := time.Duration(now - h.asked)
		m.answer = max(took, m.answer-(m.answer-took)/8)
	}
	m.list = slices.Delete(m.list, i, i+1)
}

// due returns what is to be asked for now, and whether something has been given up.
func (m *missing) due(now int64) (numbers []uint16, lost bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	again := min(max(askAgain, m.answer+m.answer/4), maxWait)
	list := m.list[:0]
	impatient := false
	for _, h := range m.list {
		waited := time.Duration(now - h.since)
		if waited > askFor || h.times == maxAsks {
			lost = true
			continue
		}
		if h.times == 0 && waited >= askAfter || h.times > 0 && time.Duration(now-h.asked) >= again {
			if len(numbers) < maxAsked {
				impatient = impatient || h.times > 0
				numbers = append(numbers, h.number)
				h.asked = now
				h.times++
			}
		}
		list = append(list, h)
	}
	m.list = list
	if impatient { // as long as answers come too late to be told apart, the guess is too low
		m.answer = min(m.answer+m.answer/4, maxWait)
	}
	return numbers, lost
}

func (m *missing) none() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.list) == 0
}

// newMissingOf returns what keeps track of a track's packets, or nil where it has been agreed that none are sent again.
func newMissingOf(remote *webrtc.TrackRemote) *missing {
	for _, f := range remote.Codec().RTCPFeedback {
		if f.Type == webrtc.TypeRTCPFBNACK && f.Parameter == "" {
			return newMissing()
		}
	}
	return nil
}

// mend has what is missing of a track sent again, until the session ends.
func (in *intake) mend(t *inlet) {
	tick := time.NewTicker(askAfter)
	defer tick.Stop()
	for {
		tick.Stop()
		select {
		case <-t.missing.wake:
		case <-in.session.ctx.Done():
			return
		}
		tick.Reset(askAfter)
		for !t.missing.none() {
			select {
			case <-tick.C:
			case <-in.session.ctx.Done():
				return
			}
			numbers, lost := t.missing.due(media.Now())
			if len(numbers) > 0 {
				_ = in.session.pc.WriteRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{
					MediaSSRC: uint32(t.remote.SSRC()), Nacks: rtcp.NackPairsFromSequenceNumbers(numbers),
				}}) // if it is lost they are asked for again
			}
			if lost {
				in.wantKeyAgain()
			}
		}
	}
}

// wantKeyAgain asks for key frames because of what is missing, at which it does not matter if one request is left out: more
// would be missing.
func (in *intake) wantKeyAgain() {
	now := media.Now()
	in.mu.Lock()
	soon := time.Duration(now-in.holed) < keyAfter
	if !soon {
		in.holed = now
	}
	in.mu.Unlock()
	if !soon {
		in.wantKey()
	}
}
