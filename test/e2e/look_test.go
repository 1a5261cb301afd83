package e2e

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/protocol/rtmp"
	"weir/internal/stream"
)

// A look opens sessions, and gives what says in a word or two what they meet. It is asked
// again and again, so that what it says is true of sessions that are there already.

// bursts sends so many frames at once, when the player has all that came before, three times.
// Slow is more than the half of half a second each time.
func bursts(sizes ...int) func(*testing.T, *fixture) func() string {
	return func(t *testing.T, f *fixture) func() string {
		view, pub := playClient(t, f.url("s")), openFeed(t, f.url("s"))
		pub.header(t)
		var ms uint32
		var sent int
		send := func(frames int) {
			for range frames {
				pub.frame(sent == 0, ms, byte(sent))
				ms += 40
				sent++
			}
			waitFast(t, "the frames", func() bool { return view.frames() == sent+1 })
		}
		return func() string {
			var words []string
			for _, size := range sizes {
				send(20) // so that the pace is the new one
				start := time.Now()
				for range 3 {
					send(size)
				}
				word := "quick"
				if time.Since(start) > 750*time.Millisecond {
					word = "slow"
				}
				words = append(words, fmt.Sprint(size, " ", word))
			}
			return strings.Join(words, " ")
		}
	}
}

// waitFast is waitFor for what is measured.
func waitFast(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s in vain for %s", patience, what)
		}
	}
}

// late has a player come when a group of 99 frames is there, just before the next one.
func late(t *testing.T, f *fixture) func() string {
	first, pub := playClient(t, f.url("s")), openFeed(t, f.url("s"))
	pub.header(t)
	var ms uint32
	var sent int
	return func() string {
		ms = pub.group(ms, 99)
		sent += 99
		waitFor(t, "the frames", func() bool { return len(numbers(first)) == sent })
		view := playClient(t, f.url("s"))
		defer view.client.Close()
		pub.frame(false, ms, 99)
		ms += 40
		sent++
		waitFor(t, "the newest frame", func() bool { return slices.Contains(numbers(view), 99) })
		if m := view.messages(); !isHeader(&m[0]) || m[0].Kind != 9 {
			t.Error("the late player's first message is no header")
		}
		got := numbers(view)
		switch {
		case len(got) == 1:
			return "the newest"
		case got[0] == 0 && len(got) == 100:
			return "all 100"
		}
		return fmt.Sprintf("frames %d", got)
	}
}

// clock sends times that leap, and says what becomes of them.
func clock(t *testing.T, f *fixture) func() string {
	view, pub := playClient(t, f.url("s")), openFeed(t, f.url("s"))
	pub.header(t)
	ms := uint32(5000)
	pub.frame(true, ms, 0)
	all := 1
	return func() string {
		var sent []uint32
		for n, step := range []uint32{40, 40, 100_000, 40, 40} {
			ms += step
			pub.frame(n == 0, ms, byte(n))
			sent = append(sent, ms)
		}
		all += len(sent)
		waitFor(t, "the frames", func() bool { return len(times(view)) == all })
		got := times(view)
		got = got[len(got)-len(sent):]
		if slices.Equal(got, sent) {
			return "as sent"
		}
		switch leap := int(got[2] - got[1]); {
		case leap == 100_000 && got[4]-got[3] == 40:
			return "shifted"
		case leap > 0 && leap <= 80 && got[4]-got[3] == 40:
			return "smooth"
		}
		return fmt.Sprint("times ", got)
	}
}

// repeat has the publisher send its header once more.
func repeat(t *testing.T, f *fixture) func() string {
	view, pub := playClient(t, f.url("s")), openFeed(t, f.url("s"))
	headers := func() (n int) {
		for _, m := range view.messages() {
			if m.Kind == 9 && isHeader(&m) {
				n++
			}
		}
		return n
	}
	pub.header(t)
	ms := pub.group(0, 2)
	waitFor(t, "the frames", func() bool { return len(numbers(view)) == 2 })
	return func() string {
		before, frames := headers(), len(numbers(view))
		pub.header(t)
		ms = pub.group(ms, 2)
		waitFor(t, "the frames", func() bool { return len(numbers(view)) == frames+2 })
		switch n := headers() - before; n {
		case 0:
			return "once"
		case 1:
			return "again"
		default:
			return fmt.Sprint(n, " headers")
		}
	}
}

// notice has the publisher leave, and another come.
func notice(t *testing.T, f *fixture) func() string {
	view := playClient(t, f.url("s"))
	var pub *feed
	var sent int
	begin := func() {
		pub = openFeed(t, f.url("s"))
		pub.header(t)
		pub.group(0, 2)
		sent += 2
		waitFor(t, "the frames", func() bool { return len(numbers(view)) == sent })
	}
	begin()
	return func() string {
		all, _ := view.all()
		pub.client.Close()
		waitFor(t, "the publisher to be gone", func() bool { return len(f.publishers()) == 1 }) // the broadcast's stays
		begin()
		more, _ := view.all()
		for _, m := range more[len(all):] {
			if m.Kind == 20 && strings.Contains(string(m.Body), "NetStream.Play.UnpublishNotify") {
				return "a notice"
			}
		}
		return "silence"
	}
}

// slow has a player stop reading, while more comes than sockets hold: 20 MB, eight seconds.
func slow(t *testing.T, f *fixture) func() string {
	const frames, group = 200, 10
	view, pub := playClient(t, f.url("s")), openFeed(t, f.url("s"))
	pub.header(t)
	var ms uint32
	body := make([]byte, 100_000)
	return func() string {
		start := len(numbers(view))
		view.freeze(true)
		for n := range frames {
			body[0], body[1], body[10] = 0x27, 1, byte(n)
			if n%group == 0 {
				body[0] = 0x17
			}
			pub.send(9, ms, body...)
			ms += 40
		}
		time.Sleep(300 * time.Millisecond)
		view.freeze(false)
		waitFor(t, "the newest frame", func() bool { return slices.Contains(numbers(view)[start:], frames-1) })
		got := numbers(view)[start:]
		for i := 1; i < len(got); i++ {
			if got[i] != got[i-1]+1 && got[i]%group != 0 {
				return fmt.Sprintf("frame %d behind %d", got[i], got[i-1])
			}
		}
		if len(got) == frames {
			return "all"
		}
		return "whole groups are missing"
	}
}

// mute has a publisher send so many frames, 50 ms apart, and then nothing for a while. It says
// why the server ends it, if it does.
func mute(frames int) func(*testing.T, *fixture) func() string {
	const moment = 2500 * time.Millisecond
	return func(t *testing.T, f *fixture) func() string {
		var pub *feed
		var name string
		var round int
		return func() string {
			if round++; pub == nil || frames == 0 {
				name = fmt.Sprint("s", round)
				pub = openFeed(t, f.url(name))
			}
			if !pub.outlasts(moment, frames) {
				pub = nil
				var lines []string
				waitFor(t, "the log to say why", func() bool {
					lines = f.log.Lines("publish ended", "/live/"+name+" ")
					return len(lines) == 1
				})
				_, cause, _ := strings.Cut(lines[0], "cause=\"")
				return strings.TrimSuffix(cause, "\"")
			}
			return "stays"
		}
	}
}

// outlasts sends frames for a while, and reports whether the server lets it.
func (f *feed) outlasts(d time.Duration, frames int) bool {
	f.t.Helper()
	end, tick := time.After(d), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for n := 0; ; {
		if n < frames {
			_ = f.client.WriteMessage(rtmp.Message{ // it may have ended
				Kind: 9, Chunk: 6, Stream: f.client.Stream(), Time: uint32(50 * n), Body: []byte{0x17, 1, 0, 0, 0, 0},
			})
			n++
		}
		select {
		case err := <-f.ended:
			return err == nil // it never is
		case <-end:
			return true
		case <-tick.C:
		}
	}
}

// door knocks once more.
func door(t *testing.T, f *fixture) func() string {
	return func() string {
		conn, err := net.Dial("tcp", f.rtmp)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetReadDeadline(time.Now().Add(700 * time.Millisecond))
		_, err = conn.Read(make([]byte, 1))
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return "open"
		}
		waitFor(t, "the log to say so", func() bool { return f.log.Count("the limit is reached") > 0 })
		return "closed"
	}
}

// welcome publishes and plays.
func welcome(t *testing.T, f *fixture) func() string {
	name := stream.NewID()
	view := playClient(t, f.url(name))
	if view.shown() != "" {
		c, err := dialPublish(t, f.url(name), rtmp.DialOptions{})
		t.Cleanup(func() { c.Close() })
		if err == nil || !strings.Contains(err.Error(), "is switched off") || !strings.Contains(view.shown(), "is switched off") {
			t.Errorf("the player is told %q, the publisher %v", view.shown(), err)
		}
		return func() string { return "refused" }
	}
	pub := openFeed(t, f.url(name))
	pub.header(t)
	var ms uint32
	var sent int
	return func() string {
		ms = pub.group(ms, 2)
		sent += 2
		waitFor(t, "the frames", func() bool { return len(numbers(view)) == sent })
		return "served"
	}
}

// writer tells who writes to a player.
func writer(t *testing.T, f *fixture) func() string {
	const own = "rtmp.(*player).run"
	before := goroutinesIn(f.label, own)
	url := f.url("s" + stream.NewID())
	view, pub := playClient(t, url), openFeed(t, url)
	pub.header(t)
	pub.frame(true, 0, 1)
	waitFor(t, "the frame", func() bool { return view.frames() > 1 })
	return func() string {
		if goroutinesIn(f.label, own) > before {
			return "a goroutine"
		}
		return "a shard"
	}
}
