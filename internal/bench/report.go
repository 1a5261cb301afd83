package bench

import (
	"fmt"
	"time"
)

// report is what a run has found. Its JSON is for scripts: names stay.
type report struct {
	Mode    string  `json:"mode"`
	URL     string  `json:"url"`
	OK      bool    `json:"ok"`
	Seconds float64 `json:"seconds"` // that were measured

	Connections connections `json:"connections"`
	Connect     spread      `json:"connect_ms"` // from the start to being let in

	Bytes   uint64  `json:"bytes"` // while it was measured
	Mbps    float64 `json:"mbps"`
	Each    float64 `json:"mbps_each"` // per connection
	Video   uint64  `json:"video_frames"`
	Audio   uint64  `json:"audio_frames"`
	Publish *output `json:"publish,omitempty"`
	Play    *input  `json:"play,omitempty"`

	Tool     tool     `json:"tool"`
	Problems []string `json:"problems"` // why it is not OK
	Warnings []string `json:"warnings"`
	Causes   []cause  `json:"causes"`
}

// connections are those of the whole run.
type connections struct {
	Tried   uint64 `json:"tried"`
	OK      uint64 `json:"ok"` // that were let in
	Failed  uint64 `json:"failed"`
	Dropped uint64 `json:"dropped"` // of those that were let in
}

// output is of publishers only.
type output struct {
	Lateness spread `json:"lateness_ms"` // from when a message was due to when it was written
	Blocked  uint64 `json:"blocked_writes"`
	Behind   uint64 `json:"behind"` // publishers more than a second late at the end
}

// input is of players only.
type input struct {
	First    spread `json:"first_frame_ms"`
	Latency  spread `json:"latency_ms"`
	Stamped  uint64 `json:"stamped_frames"`
	Lost     uint64 `json:"lost_frames"`
	Disorder uint64 `json:"disordered_frames"`
	Late     uint64 `json:"late_frames"`
	Stalls   uint64 `json:"stalls"`
	Back     uint64 `json:"times_going_back"`
	NoMedia  uint64 `json:"players_without_media"`
	NoKey    uint64 `json:"players_without_key_frame"`
}

// tool is what the run cost, and how late the tool itself was.
type tool struct {
	CPU   float64 `json:"cpu_seconds"`
	Cores float64 `json:"cores"` // used, on average
	Lag   spread  `json:"lag_ms"`
}

// spread is how times are distributed, in milliseconds.
type spread struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

func newSpread(h *histogram) spread {
	at := func(q float64) float64 { return milliseconds(h.quantile(q)) }
	return spread{h.count, at(0.5), at(0.9), at(0.99), milliseconds(h.max)}
}

// report sums up.
func (r *run) report() *report {
	o, c := r.options, r.tallies.sum()
	seconds := r.meter.span().Seconds()
	a := &report{
		Mode: o.mode, URL: o.url, Seconds: seconds,
		Connections: connections{c.tried, c.connected, c.failed, c.dropped},
		Connect:     newSpread(&c.connect),
		Bytes:       c.windowBytes, Video: c.video, Audio: c.audio,
		Tool:     tool{r.meter.cpu.Seconds(), r.meter.load(), newSpread(&r.meter.lag)},
		Problems: []string{}, Warnings: []string{}, Causes: append([]cause{}, r.causes.list()...),
	}
	a.Mbps = float64(8*c.windowBytes) / 1e6 / max(seconds, 0.001)
	a.Each = a.Mbps / float64(max(c.connected, 1))
	switch o.mode {
	case modePublish:
		a.Publish = &output{newSpread(&c.lateness), c.blocked, c.behind}
	case modePlay, modeChurn:
		a.Play = &input{
			First: newSpread(&c.first), Latency: newSpread(&c.latency), Stamped: c.stamped,
			Lost: c.lost, Disorder: c.disorder, Late: c.late, Stalls: c.stalls, Back: c.back,
			NoMedia: c.connected - c.played, NoKey: c.pictures - c.keyed,
		}
	}
	a.judge()
	return a
}

// judge says in words what went wrong, and what to look at.
func (a *report) judge() {
	problem := func(n uint64, format string, more ...any) {
		if n > 0 {
			a.Problems = append(a.Problems, fmt.Sprintf(format, append([]any{n}, more...)...))
		}
	}
	warning := func(n uint64, format string, more ...any) {
		if n > 0 {
			a.Warnings = append(a.Warnings, fmt.Sprintf(format, append([]any{n}, more...)...))
		}
	}
	problem(a.Connections.Failed, "%d of %d connections failed", a.Connections.Tried)
	problem(a.Connections.Dropped, "%d connections were dropped")
	if a.Connections.Tried == 0 {
		a.Problems = append(a.Problems, "it ended before anything was tried")
	}
	if p := a.Publish; p != nil {
		problem(p.Behind, "%d publishers were more than a second behind in the end")
		warning(p.Blocked, "%d writes took more than %v: the server reads too slowly", blockedTime)
	}
	if p := a.Play; p != nil {
		problem(p.Lost, "%d frames were lost")
		problem(p.NoMedia, "%d players got no media")
		if a.Video+a.Audio == 0 && a.Connections.OK > p.NoMedia && a.Seconds > stallTime.Seconds() {
			a.Problems = append(a.Problems, "nothing came in all the time that was measured")
		}
		warning(p.NoKey, "%d players got pictures, and never a key picture")
		warning(p.Disorder, "%d frames came out of order, or their publisher began again")
		warning(p.Late, "%d frames were late")
		warning(p.Stalls, "%d times nothing came for more than %v", stallTime)
		warning(p.Back, "%d times a time stamp was below the one before")
		if p.Stamped == 0 && a.Connections.OK > p.NoMedia {
			a.Warnings = append(a.Warnings, "the streams are not those of weir bench publish: latency and lost frames are unknown")
		}
	}
	a.judgeTool()
	a.OK = len(a.Problems) == 0
}

// The signs that the tool was the limit, and not the server.
const (
	busyShare = 0.8 // of the cores
	lagLimit  = 20 * time.Millisecond
	leastSpan = time.Second // to tell anything
)

func (a *report) judgeTool() {
	if a.Seconds < leastSpan.Seconds() {
		return
	}
	if cores := float64(processors()); a.Tool.Cores > busyShare*cores {
		a.Warnings = append(a.Warnings, fmt.Sprintf(
			"this tool used %.1f of %.0f cores: it may have been the limit itself; use fewer connections or more machines", a.Tool.Cores, cores))
	}
	if a.Tool.Lag.P99 > milliseconds(lagLimit) {
		a.Warnings = append(a.Warnings, fmt.Sprintf(
			"this tool itself woke up to %.0f ms late: the machine is overloaded, and part of the times is the tool's", a.Tool.Lag.Max))
	}
}
