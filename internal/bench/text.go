package bench

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// maxShown is how many causes the text shows. JSON has all.
const maxShown = 5

// text is the report for people.
func (a *report) text() string {
	var w strings.Builder
	row := func(name, format string, values ...any) {
		fmt.Fprintf(&w, "%-14s "+format+"\n", append([]any{name}, values...)...)
	}
	n := a.Connections
	fmt.Fprintf(&w, "%s %s, measured for %.1f s\n", a.Mode, a.URL, a.Seconds)
	row("connections", "%d of %d, %d failed, %d dropped", n.OK, n.Tried, n.Failed, n.Dropped)
	row("connected", "%s", a.Connect)
	if a.Mode != modeIdle {
		row("bit rate", "%.2f Mbit/s, %.3f each", a.Mbps, a.Each)
		row("frames", "%d video, %d audio", a.Video, a.Audio)
	}
	if p := a.Publish; p != nil {
		row("written late", "%s", p.Lateness)
		row("blocked", "%d writes, %d publishers behind in the end", p.Blocked, p.Behind)
	}
	if p := a.Play; p != nil {
		row("first frame", "%s", p.First)
		row("latency", "%s", p.Latency)
		row("lost", "%d frames; %d late, %d out of order", p.Lost, p.Late, p.Disorder)
		row("stalls", "%d; %d times going back; %d players without media, %d without a key frame",
			p.Stalls, p.Back, p.NoMedia, p.NoKey)
	}
	row("this tool", "%.2f cores; woke late: %s", a.Tool.Cores, a.Tool.Lag)
	for _, text := range a.Warnings {
		row("warning", "%s", text)
	}
	for _, text := range a.Problems {
		row("PROBLEM", "%s", text)
	}
	for i, c := range a.Causes {
		if i == maxShown {
			row("", "and %d causes more", len(a.Causes)-i)
			break
		}
		row("", "%d x %s", c.Count, c.Text)
	}
	if a.OK {
		w.WriteString("ok\n")
	}
	return w.String()
}

// String tells a spread in one line.
func (s spread) String() string {
	if s.Count == 0 {
		return "unknown"
	}
	return fmt.Sprintf("p50 %.1f, p90 %.1f, p99 %.1f, max %.1f ms", s.P50, s.P90, s.P99, s.Max)
}

// progress writes a line at each interval, until done.
func (r *run) progress(w io.Writer, done <-chan struct{}) {
	ticker := time.NewTicker(r.options.interval)
	defer ticker.Stop()
	before, at := uint64(0), r.begun
	for {
		select {
		case <-done:
			return
		case now := <-ticker.C:
			c := r.tallies.sum()
			mbps := float64(8*(c.bytes-before)) / 1e6 / max(now.Sub(at).Seconds(), 0.001)
			before, at = c.bytes, now
			_, _ = io.WriteString(w, r.line(c, mbps)) // nobody there to tell
		}
	}
}

// line tells how it stands.
func (r *run) line(c *counts, mbps float64) string {
	var w strings.Builder
	fmt.Fprintf(&w, "%5.0fs  %d connected", time.Since(r.begun).Seconds(), c.connected-c.dropped)
	if bad := c.failed + c.dropped; bad > 0 {
		fmt.Fprintf(&w, " (%d failed, %d dropped)", c.failed, c.dropped)
	}
	switch r.options.mode {
	case modePublish:
		fmt.Fprintf(&w, "  %.1f Mbit/s  written late %s", mbps, ninetyNine(&c.lateness))
	case modePlay, modeChurn:
		fmt.Fprintf(&w, "  %.1f Mbit/s  lost %d  latency %s", mbps, c.lost, ninetyNine(&c.latency))
	}
	w.WriteString("\n")
	return w.String()
}

// ninetyNine tells what 99 of 100 do not exceed, so far.
func ninetyNine(h *histogram) string {
	if h.count == 0 {
		return "not yet"
	}
	return fmt.Sprintf("p99 %.1f ms", milliseconds(h.quantile(0.99)))
}
