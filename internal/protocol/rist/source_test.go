package rist

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestClaim(t *testing.T) {
	const hold = 5 * time.Second
	at := netip.MustParseAddrPort
	home := at("192.0.2.1:5000")
	s := &source{ssrc: 2, addr: home, heard: time.Hour}
	for name, c := range map[string]struct {
		after   time.Duration
		from    string
		ssrc    uint32
		useless bool
		want    claim
	}{
		"itself":                 {from: "192.0.2.1:5000", ssrc: 2, want: claimOurs},
		"itself, useless":        {from: "192.0.2.1:5000", ssrc: 2, useless: true, want: claimOurs},
		"another port":           {from: "192.0.2.1:5002", ssrc: 2, want: claimOurs},
		"anew":                   {from: "192.0.2.1:5000", ssrc: 4, want: claimSuccessor},
		"anew, useless":          {from: "192.0.2.1:5000", ssrc: 4, useless: true, want: claimForeign},
		"of the host":            {from: "192.0.2.1:5002", ssrc: 4, after: anewAfter - 1, want: claimForeign},
		"of the host, anew":      {from: "192.0.2.1:5002", ssrc: 4, after: anewAfter, want: claimSuccessor},
		"a stranger":             {from: "192.0.2.2:5000", ssrc: 4, after: hold - 1, want: claimForeign},
		"a stranger, its SSRC":   {from: "192.0.2.2:5000", ssrc: 2, want: claimForeign},
		"a stranger, long after": {from: "192.0.2.2:5000", ssrc: 4, after: hold, want: claimSuccessor},
	} {
		p := &inbound{source: c.ssrc, useful: !c.useless}
		if got := s.claim(time.Hour+c.after, hold, p, at(c.from)); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// The first sender has the receiver until it has been silent for Hold.
func TestOneSender(t *testing.T) {
	r := listenOn(t, Options{Hold: 300 * time.Millisecond})
	d := readAll(t, r)
	first, second := raw(t, r.Addr()), raw(t, r.Addr())
	say(t, first, newPacket(2, 1, false, ts(1)))
	d.wait(t, 1)
	say(t, second, newPacket(4, 1, false, ts(100)))
	eventually(t, func() error {
		if r.Stats().Foreign != 1 {
			return errors.New("the second is not foreign")
		}
		return nil
	})
	eventually(t, func() error {
		if !errors.Is(d.end(), ErrSilent) {
			return errors.New("the first is not missed")
		}
		return nil
	})
	say(t, second, newPacket(4, 2, false, ts(101)))
	got := d.wait(t, 2)
	if numberIn(got[1].Data) != 101 || !got[1].First || got[1].From.Port() != uint16(second.LocalAddr().(*net.UDPAddr).Port) {
		t.Errorf("%d, %+v", numberIn(got[1].Data), got[1].From)
	}
}

// A sender that begins anew from its port is taken at once; one whose port changes on the way is the same.
func TestSenderBeginsAnew(t *testing.T) {
	r := listenOn(t, Options{})
	d := readAll(t, r)
	a, b := raw(t, r.Addr()), raw(t, r.Addr())
	say(t, a, newPacket(2, 1, false, ts(1)))
	d.wait(t, 1)
	say(t, a, newPacket(4, 500, false, ts(2)))
	d.wait(t, 2)
	say(t, b, newPacket(4, 501, false, ts(3)))
	got := d.wait(t, 3)
	if !got[0].First || !got[1].First || got[2].First || r.Stats().Restarts != 1 {
		t.Errorf("%v %v %v, %+v", got[0].First, got[1].First, got[2].First, r.Stats())
	}
}

func TestDrop(t *testing.T) {
	r := listenOn(t, Options{})
	d := readAll(t, r)
	a := raw(t, r.Addr())
	r.Drop() // nobody
	say(t, a, newPacket(2, 1, false, ts(1)))
	say(t, a, newPacket(2, 3, false, ts(3)))
	d.wait(t, 1)
	eventually(t, func() error {
		if r.Stats().Packets+uint64(len(r.waiting())) < 2 {
			return errors.New("the second has not come")
		}
		return nil
	})
	r.Drop()
	eventually(t, func() error {
		if !errors.Is(d.end(), ErrDropped) {
			return errors.New("the sender was not dropped")
		}
		return nil
	})
	if got := d.wait(t, 2); numberIn(got[1].Data) != 3 || got[1].Lost != 1 {
		t.Errorf("%d after %d lost", numberIn(got[1].Data), got[1].Lost)
	}
}

// waiting is the numbers of what is held.
func (r *Receiver) waiting() (held []int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.source != nil {
		for seq := range r.source.buffer.held {
			held = append(held, seq)
		}
	}
	return held
}
