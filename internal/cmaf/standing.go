package cmaf

import (
	"log/slog"
	"runtime/debug"
	"time"

	"weir/internal/media"
	"weir/internal/stream"
)

const (
	easy  = 500 * time.Millisecond // the length of chunks where nobody wants them to be short
	relax = 200 * time.Millisecond // how often frames are taken then
)

// Output makes something of one stream's chunks. All calls come from one goroutine, and must not keep it
// for long: other outputs of the stream wait meanwhile.
type Output interface {
	// Chunk takes the next chunk, as soon as it is complete.
	Chunk(c *Chunk)
	// End says that the publication has ended, or that the output is not wanted any more.
	End()
}

// Kind is a kind of output, such as a protocol's files.
type Kind struct {
	Name   string
	Wanted func(vhost string) bool          // asked when a stream goes live, and when settings change; must not block
	Part   func(vhost string) time.Duration // the length of chunks that it wants; 0: any
	Open   func(sub *stream.Subscriber) Output
}

// Standing returns the output for stream.Options that cuts every stream into chunks of which one of the
// kinds is wanted. Changed returns what is different whenever settings are.
func Standing(log *slog.Logger, changed func() any, kinds ...Kind) stream.Standing {
	wanted := func(vhost string) bool {
		for i := range kinds {
			if kinds[i].Wanted(vhost) {
				return true
			}
		}
		return false
	}
	return stream.Standing{
		Name: "cmaf", Wanted: wanted,
		Pace: func(vhost string) stream.Pace {
			if shortest(kinds, vhost) < easy {
				return stream.Pace{} // who wants short chunks wants them soon
			}
			return stream.Pace{Latency: relax}
		},
		Run: func(sub *stream.Subscriber) {
			r := run{log: log, changed: changed, kinds: kinds, outputs: make([]Output, len(kinds)), sub: sub}
			r.run()
		},
	}
}

// shortest returns the length of a vhost's chunks.
func shortest(kinds []Kind, vhost string) time.Duration {
	var d time.Duration
	for i := range kinds {
		if part := kinds[i].Part(vhost); part > 0 && kinds[i].Wanted(vhost) && (d == 0 || part < d) {
			d = part
		}
	}
	if d == 0 {
		return easy
	}
	return d
}

// run is one publication's outputs.
type run struct {
	log     *slog.Logger
	changed func() any
	kinds   []Kind
	outputs []Output // by kind; nil: not on
	failed  []bool   // by kind; it has panicked, and stays off
	begun   []bool   // by kind; it has had a chunk
	sub     *stream.Subscriber
	vhost   string
	of      any // the settings that outputs were chosen by
}

func (r *run) run() {
	r.vhost = r.sub.Stream().Publication().Vhost
	r.failed, r.begun = make([]bool, len(r.kinds)), make([]bool, len(r.kinds))
	p := newPackager(func() time.Duration { return shortest(r.kinds, r.vhost) }, r.emit)
	defer r.end()
	frames := make([]*media.Frame, media.MaxBatch)
	var lost uint64
	for {
		n, err := r.sub.ReadBatch(frames)
		r.choose(p)
		if now := r.sub.Lost(); now != lost { // and what comes now does not follow what was before
			lost = now
			p.finish()
		}
		for _, f := range frames[:n] {
			p.frame(f)
		}
		clear(frames[:n])
		if err != nil {
			p.finish()
			return
		}
	}
}

// choose opens and ends outputs as the settings have it. One that comes later begins with the next chunk
// that decoding can begin with.
func (r *run) choose(p *packager) {
	now := r.changed()
	if now == r.of {
		return
	}
	r.of = now
	for i := range r.kinds {
		k := &r.kinds[i]
		switch on := k.Wanted(r.vhost) && !r.failed[i]; {
		case on && r.outputs[i] == nil:
			r.begun[i] = false
			r.guard(i, func() { r.outputs[i] = k.Open(r.sub) })
		case !on && r.outputs[i] != nil:
			if r.alone(i) { // the others go on as if nothing were
				p.finish()
			}
			r.close(i)
		}
	}
}

// alone reports whether no output but that of a kind is on.
func (r *run) alone(i int) bool {
	for k, o := range r.outputs {
		if o != nil && k != i {
			return false
		}
	}
	return true
}

func (r *run) emit(c *Chunk) {
	for i, o := range r.outputs {
		if o != nil && (c.Key || r.begun[i]) {
			r.begun[i] = true
			r.guard(i, func() { o.Chunk(c) })
		}
	}
}

func (r *run) end() {
	for i := range r.outputs {
		r.close(i)
	}
}

func (r *run) close(i int) {
	if o := r.outputs[i]; o != nil {
		r.outputs[i] = nil
		r.guard(i, o.End)
	}
}

// guard keeps the panic of one output from the others: it ends, and is off until the next publication.
func (r *run) guard(i int, do func()) {
	defer func() {
		if cause := recover(); cause != nil {
			r.log.Error("panic: this output ends", "stream", r.sub.Stream().Publication().URL(), "output", r.kinds[i].Name, "panic", cause, "stack", string(debug.Stack()))
			r.failed[i] = true
			r.close(i) // so that nobody waits for it
		}
	}()
	do()
}
