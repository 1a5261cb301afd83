package hlsrules

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"weir/internal/testkit/rule"
)

// Playlist is a Media Playlist as it stands in one load.
type Playlist struct {
	Version         int
	Target          time.Duration
	Sequence        int
	Discontinuities int // that have left, by EXT-X-DISCONTINUITY-SEQUENCE
	PartTarget      time.Duration
	Control         Control
	Skipped         int       // segments that EXT-X-SKIP stands for
	Segments        []Segment // those that are whole, the oldest first
	Open            Segment   // the one behind them, of which there are only parts
	Hints           []Hint
	Ended           bool

	count map[string]int // of tags, by name
}

// Control is EXT-X-SERVER-CONTROL.
type Control struct {
	CanBlock               bool
	SkipUntil              time.Duration
	HoldBack, PartHoldBack time.Duration
}

// Segment is an entry with all that its tags say of it.
type Segment struct {
	Number        int
	URI           string
	Duration      time.Duration
	Discontinuity bool
	Gap           bool
	Wall          time.Time // zero without EXT-X-PROGRAM-DATE-TIME
	Map           string    // the EXT-X-MAP in force: its attributes
	Key           string    // the EXT-X-KEY in force, the same; empty without
	Parts         []Part
}

// Part is an EXT-X-PART.
type Part struct {
	URI         string
	Range       string
	Duration    time.Duration
	Independent bool
	Gap         bool
}

// Hint is an EXT-X-PRELOAD-HINT.
type Hint struct {
	Type, URI string
	Start     string // of its byte range
}

// MapURI returns the address of the EXT-X-MAP in force; it is empty without.
func (s *Segment) MapURI() string { return textOf(s.Map, "URI") }

// KeyURI returns the address of the key in force; it is empty without.
func (s *Segment) KeyURI() string { return textOf(s.Key, "URI") }

func textOf(list, name string) string {
	a, err := parseAttributes(list)
	if err != nil {
		return ""
	}
	return a.text(name)
}

// End returns the number of the segment that will be the next whole one.
func (p *Playlist) End() int { return p.Sequence + p.Skipped + len(p.Segments) }

// Length returns how long the listed segments are, and the parts behind them.
func (p *Playlist) Length() (d time.Duration) {
	for i := range p.Segments {
		d += p.Segments[i].Duration
	}
	return d + sum(p.Open.Parts)
}

func sum(parts []Part) (d time.Duration) {
	for i := range parts {
		d += parts[i].Duration
	}
	return d
}

// parser takes a playlist apart, line by line.
type parser struct {
	Playlist
	found    []rule.Finding
	next     Segment // whose tags have come
	has      bool    // next has an EXTINF
	needs    int     // the lowest version that has all tags
	why      string  // the tag that needs it
	vectored bool    // the key in force has an IV
}

// Parse reads a playlist and returns what is wrong with it line by line. It always returns a
// playlist, with what could be read.
func Parse(body []byte) (*Playlist, []rule.Finding) {
	p := &parser{Playlist: Playlist{count: map[string]int{}}}
	p.layout(body)
	p.require(1, "")
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		switch {
		case line == "":
		case strings.HasPrefix(line, "#EXT"):
			name, value, _ := strings.Cut(line[1:], ":")
			p.count[name]++
			p.tag(name, value)
		case !strings.HasPrefix(line, "#"):
			p.entry(line)
		}
	}
	p.close()
	return &p.Playlist, p.found
}

func (p *parser) bad(section, format string, args ...any) {
	p.found = append(p.found, rule.Finding{Section: section, Text: fmt.Sprintf(format, args...)})
}

// require notes that a tag needs a version (8).
func (p *parser) require(version int, tag string) {
	if version > p.needs {
		p.needs, p.why = version, tag
	}
}

// layout checks the text as such.
func (p *parser) layout(body []byte) {
	if !bytes.HasPrefix(body, []byte("#EXTM3U\n")) && !bytes.HasPrefix(body, []byte("#EXTM3U\r\n")) {
		p.bad("4.4.1.1", "EXTM3U is not the first line")
	}
	if bytes.HasPrefix(body, []byte("\ufeff")) {
		p.bad("4.1", "a byte order mark")
	}
	for _, b := range body {
		if b < 0x20 && b != '\n' && b != '\r' || b == 0x7f {
			p.bad("4.1", "the control character %#x", b)
			break
		}
	}
}

// entry is a line with the address of a segment.
func (p *parser) entry(uri string) {
	if !p.has {
		p.bad("4.4.4.1", "%s has no EXTINF", uri)
	}
	if strings.TrimSpace(uri) != uri {
		p.bad("4.1", "white space around %q", uri)
	}
	p.next.URI = uri
	p.Segments = append(p.Segments, p.next)
	p.next = Segment{Map: p.next.Map, Key: p.next.Key}
	p.has = false
}

// close looks at what is there once all of it has been read.
func (p *parser) close() {
	for i := range p.Segments {
		p.Segments[i].Number = p.Sequence + p.Skipped + i
	}
	p.Open = p.next
	p.Open.Number = p.End()
	if p.has {
		p.bad("4.4.4.1", "an EXTINF without a segment")
	}
	if p.count["EXT-X-TARGETDURATION"] == 0 {
		p.bad("4.4.3.1", "no EXT-X-TARGETDURATION")
	}
	if p.Version == 0 {
		p.Version = 1
	}
	if p.Version < p.needs {
		p.bad("8", "version %d, and %s needs %d", p.Version, p.why, p.needs)
	}
	for _, name := range once {
		if p.count[name] > 1 {
			p.bad("4.4", "%s is there %d times", name, p.count[name])
		}
	}
	if p.count["EXT-X-STREAM-INF"] > 0 || p.count["EXT-X-MEDIA"] > 0 {
		p.bad("4.1", "a tag of a Multivariant Playlist")
	}
}

// once are the tags that a playlist has no more than once.
var once = []string{
	"EXTM3U", "EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-DISCONTINUITY-SEQUENCE",
	"EXT-X-ENDLIST", "EXT-X-PART-INF", "EXT-X-SERVER-CONTROL", "EXT-X-SKIP", "EXT-X-PLAYLIST-TYPE", "EXT-X-INDEPENDENT-SEGMENTS",
}
