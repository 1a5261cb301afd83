package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"weir/internal/testkit/hlsrules"
	"weir/internal/testkit/rule"
)

// cmafHLS plays HLS in fragmented MP4: with parts, and playlists that wait for them, where there are some.
type cmafHLS struct {
	*cmafViewer
	loads   []hlsrules.Load // of the media playlist; guarded by mu
	options hlsrules.Options

	// Owned by run.
	media   string // the media playlist's address
	at      int    // the segment that is next
	part    int    // the part of it that is next
	begun   bool
	mapped  string // the address of the map in force
	now     *cut
	byParts []byte // what has come of a segment by its parts
}

// cmafHLSPlayer plays by playlists that are held against the rules with these options.
func cmafHLSPlayer(o hlsrules.Options) func(t *testing.T, raw, codec string) viewing {
	return func(t *testing.T, raw, _ string) viewing {
		t.Helper()
		v := &cmafHLS{cmafViewer: openCMAF(t, raw, "hls_ctx", httpHLS), options: o}
		v.begin(v.run)
		return v
	}
}

func (v *cmafHLS) run(ctx context.Context) error {
	if err := v.enter(ctx); err != nil {
		return err
	}
	query := ""
	for {
		p, err := v.reload(ctx, query)
		if err != nil {
			return err
		}
		news, err := v.follow(ctx, p)
		if err != nil || p.Ended {
			return err
		}
		if query = v.next(p); query != "" {
			continue
		}
		wait := p.Target / 2
		if news {
			wait = p.Target
		}
		if err := rest(ctx, min(wait, time.Second)); err != nil {
			return err
		}
	}
}

// enter finds the media playlist behind the multivariant one.
func (v *cmafHLS) enter(ctx context.Context) error {
	v.media = v.address
	body, err := v.all(ctx, v.address)
	if err != nil || !bytes.Contains(body, []byte("#EXT-X-STREAM-INF")) {
		return err
	}
	if bytes.Contains(body, []byte("TYPE=AUDIO")) {
		v.trouble("sound of its own is not followed:\n%s", body)
	}
	for line := range strings.Lines(string(body)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			v.media, err = resolve(v.address, line)
			return err
		}
	}
	return fmt.Errorf("no variant in:\n%s", body)
}

func resolve(base string, way ...string) (string, error) {
	u, err := url.Parse(base)
	for _, w := range way {
		if err != nil || w == "" {
			continue
		}
		u, err = u.Parse(w)
	}
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

func (v *cmafHLS) reload(ctx context.Context, query string) (*hlsrules.Playlist, error) {
	asked := time.Now()
	body, err := v.all(ctx, withQuery(v.media, query))
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.loads = append(v.loads, hlsrules.Load{At: time.Now(), Query: query, Took: time.Since(asked), Body: body})
	p, _ := hlsrules.Parse(body)
	if len(p.Segments) == 0 && len(p.Open.Parts) == 0 {
		return nil, fmt.Errorf("no segment in:\n%s", body)
	}
	return p, nil
}

// next returns the query that waits for what comes next; it is empty if the server does not wait.
func (v *cmafHLS) next(p *hlsrules.Playlist) string {
	switch {
	case !p.Control.CanBlock:
		return ""
	case p.PartTarget > 0:
		return fmt.Sprintf("_HLS_msn=%d&_HLS_part=%d", p.End(), len(p.Open.Parts))
	}
	return fmt.Sprintf("_HLS_msn=%d", p.End())
}

// follow takes what is new: whole segments, and with low latency the parts of the newest.
func (v *cmafHLS) follow(ctx context.Context, p *hlsrules.Playlist) (news bool, err error) {
	if !v.begun {
		v.begun, v.at = true, max(p.Sequence, p.End()-1)
	}
	if v.at < p.Sequence+p.Skipped {
		v.trouble("segment %d has gone before it was played", v.at)
		v.at, v.part = p.Sequence+p.Skipped, 0
	}
	for i := range p.Segments {
		s := &p.Segments[i]
		if s.Number < v.at {
			continue
		}
		news = true
		if err := v.whole(ctx, s); err != nil {
			return news, err
		}
		v.at, v.part = s.Number+1, 0
	}
	return news || len(p.Open.Parts) > v.part, v.parts(ctx, &p.Open)
}

// whole takes a segment that has ended. Of one that has begun with parts it takes those that are missing,
// and then all of it once more: it must be the same.
func (v *cmafHLS) whole(ctx context.Context, s *hlsrules.Segment) error {
	address, err := resolve(v.media, s.URI)
	if err != nil {
		return err
	}
	if v.part == 0 {
		if err := v.enterMap(ctx, s); err != nil {
			return err
		}
		body, err := v.all(ctx, address)
		if err != nil {
			return err
		}
		return v.piece(v.now, true, body)
	}
	if err := v.parts(ctx, s); err != nil {
		return err
	}
	body, err := v.all(ctx, address)
	if err != nil {
		return err
	}
	if !bytes.Equal(body, v.byParts) {
		v.trouble("segment %d has %d bytes, and its parts have %d or others", s.Number, len(body), len(v.byParts))
	}
	return nil
}

// parts takes the parts of a segment that have not come.
func (v *cmafHLS) parts(ctx context.Context, s *hlsrules.Segment) error {
	for ; v.part < len(s.Parts); v.part++ {
		if v.part == 0 {
			v.byParts = nil
			if err := v.enterMap(ctx, s); err != nil {
				return err
			}
		}
		address, err := resolve(v.media, s.Parts[v.part].URI)
		if err != nil {
			return err
		}
		body, err := v.all(ctx, address)
		if err != nil {
			return err
		}
		v.byParts = append(v.byParts, body...)
		if err := v.piece(v.now, v.part == 0, body); err != nil {
			return err
		}
	}
	return nil
}

// enterMap begins a file if there is another map, or if times may jump.
func (v *cmafHLS) enterMap(ctx context.Context, s *hlsrules.Segment) error {
	if s.MapURI() == v.mapped && v.now != nil && s.Map != "" && !s.Discontinuity {
		return nil
	}
	if v.mapped = s.MapURI(); v.mapped == "" {
		return fmt.Errorf("segment %d has no map", s.Number)
	}
	address, err := resolve(v.media, v.mapped)
	if err != nil {
		return err
	}
	init, err := v.all(ctx, address)
	if err != nil {
		return err
	}
	v.now, err = v.open(fmt.Sprintf("map-%d.mp4", len(v.cuts)), init)
	return err
}

// stop ends the player, and checks all playlists that it has seen.
func (v *cmafHLS) stop() recording {
	v.t.Helper()
	v.end()
	for _, f := range rule.Grave(hlsrules.Check(v.loads, v.options)) {
		v.t.Errorf("%s in\n%s", f, v.loads[f.Load].Body)
	}
	var r recording
	for _, c := range v.cuts {
		r.files = append(r.files, c.name)
	}
	return r
}
