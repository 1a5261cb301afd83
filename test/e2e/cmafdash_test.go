package e2e

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"weir/internal/testkit/mpdrules"
	"weir/internal/testkit/rule"
)

// cmafDASH plays DASH: each representation of each period into a file.
type cmafDASH struct {
	*cmafViewer
	loads   []mpdrules.Load // guarded by mu
	options mpdrules.Options

	// Owned by run.
	manifest string
	lines    map[string]*line // by period and representation
}

// line is a representation in a period.
type line struct {
	at   int64 // the number of the segment that is next
	past bool  // its period was over when the viewer came
	cut  *cut
}

func httpDASH(t *testing.T, raw string) string { t.Helper(); return onWeb(t, raw, "http", ".mpd") }

// cmafDASHPlayer plays by manifests that are held against the rules with these options.
func cmafDASHPlayer(o mpdrules.Options) func(t *testing.T, raw, codec string) viewing {
	return func(t *testing.T, raw, _ string) viewing {
		t.Helper()
		v := &cmafDASH{cmafViewer: openCMAF(t, raw, "dash_ctx", httpDASH), options: o, lines: map[string]*line{}}
		v.begin(v.run)
		return v
	}
}

func (v *cmafDASH) run(ctx context.Context) error {
	v.manifest = v.address
	for {
		m, err := v.reload(ctx)
		if err != nil {
			return err
		}
		if err := v.follow(ctx, m); err != nil || !m.Dynamic {
			return err
		}
		wait := min(max(m.Update, 100*time.Millisecond), 500*time.Millisecond)
		if m.Latency { // the next segment is there already
			wait = 50 * time.Millisecond
		}
		if err := rest(ctx, wait); err != nil {
			return err
		}
	}
}

func (v *cmafDASH) reload(ctx context.Context) (*mpdrules.MPD, error) {
	body, err := v.all(ctx, v.manifest)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	v.loads = append(v.loads, mpdrules.Load{At: time.Now(), Body: body})
	v.mu.Unlock()
	m, err := mpdrules.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("%w in:\n%s", err, body)
	}
	if len(m.Locations) > 0 {
		v.manifest, err = resolve(v.manifest, m.Locations[0])
	}
	return m, err
}

// follow takes what is new of all representations at once: with low latency a segment comes for as long
// as it lasts.
func (v *cmafDASH) follow(ctx context.Context, m *mpdrules.MPD) error {
	from := int64(0) // of a period that is new
	if len(v.lines) == 0 {
		if from = newestOf(m); from < 0 {
			return nil // nothing yet
		}
	}
	var working sync.WaitGroup
	var mu sync.Mutex
	var failures []error
	each(m, func(p *mpdrules.Period, s *mpdrules.Set, r *mpdrules.Representation) {
		key := p.ID + " " + r.ID
		if v.lines[key] == nil {
			v.lines[key] = &line{at: from}
		}
		l := v.lines[key]
		l.past = l.past || from > 0 && p != &m.Periods[len(m.Periods)-1]
		if l.past {
			return
		}
		working.Go(func() {
			if err := v.take(ctx, m, p, s, r, l); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, err)
			}
		})
	})
	working.Wait()
	return errors.Join(failures...)
}

// each goes through all representations.
func each(m *mpdrules.MPD, do func(*mpdrules.Period, *mpdrules.Set, *mpdrules.Representation)) {
	for i := range m.Periods {
		p := &m.Periods[i]
		for j := range p.Sets {
			s := &p.Sets[j]
			for k := range s.Representations {
				do(p, s, &s.Representations[k])
			}
		}
	}
}

// newestOf returns the newest segment that all representations of the last period have, or -1.
func newestOf(m *mpdrules.MPD) int64 {
	newest := int64(math.MaxInt64)
	each(m, func(p *mpdrules.Period, _ *mpdrules.Set, r *mpdrules.Representation) {
		if p != &m.Periods[len(m.Periods)-1] {
			return
		}
		last := int64(-1)
		if n := len(r.Template.Segments); n > 0 {
			last = r.Template.Segments[n-1].Number
		}
		newest = min(newest, last)
	})
	if newest == math.MaxInt64 {
		return -1
	}
	return newest
}

// take takes the new segments of a representation.
func (v *cmafDASH) take(ctx context.Context, m *mpdrules.MPD, p *mpdrules.Period, s *mpdrules.Set, r *mpdrules.Representation, l *line) error {
	at := func(pattern string, segment mpdrules.Segment) (string, error) {
		return resolve(v.manifest, m.BaseURL, p.BaseURL, s.BaseURL, r.BaseURL, r.Expand(pattern, segment))
	}
	for _, segment := range r.Template.Segments {
		if segment.Number < l.at {
			continue
		}
		if l.cut != nil && segment.Number > l.at {
			v.trouble("segments %d to %d of %s have gone before they were played", l.at, segment.Number-1, r.ID)
		}
		if l.cut == nil {
			address, err := at(r.Template.Init, segment)
			if err != nil {
				return err
			}
			init, err := v.all(ctx, address)
			if err != nil {
				return err
			}
			if l.cut, err = v.open(fmt.Sprintf("%s-%s.mp4", p.ID, r.ID), init); err != nil {
				return err
			}
			l.cut.kind, l.cut.period = s.Kind, p.ID
		}
		address, err := at(r.Template.Media, segment)
		if err != nil {
			return err
		}
		begins := true
		err = v.get(ctx, address, func(b []byte) {
			if err := v.piece(l.cut, begins, b); err != nil {
				v.trouble("%v", err)
			}
			begins = false
		})
		if err != nil {
			return err
		}
		l.at = segment.Number + 1
	}
	return nil
}

// even reports whether it has something of all tracks in each period: it takes these side by side, and is stopped when
// it has enough pictures.
func (v *cmafDASH) even() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	have, most := map[string]int{}, 0
	for _, c := range v.cuts {
		if len(c.segments) > 0 {
			have[c.period]++
			most = max(most, have[c.period])
		}
	}
	for _, n := range have {
		if n < most {
			return false
		}
	}
	return true
}

// stop ends the player, checks all manifests that it has seen, and puts picture and sound of each
// period together.
func (v *cmafDASH) stop() recording {
	v.t.Helper()
	poll2(3*time.Second, v.even)
	v.end()
	for _, f := range rule.Grave(mpdrules.Check(v.loads, v.options)) {
		v.t.Errorf("%s in\n%s", f, v.loads[f.Load].Body)
	}
	var r recording
	var periods []string
	args := map[string][]string{}
	for _, c := range v.cuts {
		if len(c.segments) == 0 {
			continue
		}
		if args[c.period] == nil {
			periods = append(periods, c.period)
		}
		args[c.period] = append(args[c.period], "-i", c.name)
	}
	for n, id := range periods {
		file := filepath.Join(v.t.TempDir(), fmt.Sprintf("period-%d.mp4", n))
		all := append([]string{"-hide_banner", "-loglevel", "error", "-copyts"}, args[id]...)
		for i := range len(args[id]) / 2 {
			all = append(all, "-map", fmt.Sprint(i))
		}
		_, said := run(v.t, "ffmpeg7", append(all, "-c", "copy", file)...)
		if said != "" {
			v.t.Errorf("period %s: %s", id, said)
		}
		r.files = append(r.files, file)
	}
	return r
}
