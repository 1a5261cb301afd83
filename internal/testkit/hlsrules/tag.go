package hlsrules

import (
	"regexp"
	"strings"
	"time"
)

// tag reads one. Tags of other kinds are left to others, as 6.3.1 wants.
func (p *parser) tag(name, value string) {
	switch name {
	case "EXT-X-VERSION":
		p.Version = p.number("4.4.1.2", name, value)
	case "EXT-X-TARGETDURATION":
		p.Target = time.Duration(p.number("4.4.3.1", name, value)) * time.Second
	case "EXT-X-MEDIA-SEQUENCE":
		if p.begun() || p.Skipped > 0 {
			p.bad("4.4.3.2", "%s behind a segment", name)
		}
		p.Sequence = p.number("4.4.3.2", name, value)
	case "EXT-X-DISCONTINUITY-SEQUENCE":
		if p.begun() || p.next.Discontinuity {
			p.bad("4.4.3.3", "%s behind a segment or a discontinuity", name)
		}
		p.Discontinuities = p.number("4.4.3.3", name, value)
	case "EXT-X-ENDLIST":
		p.Ended = true
	case "EXTINF":
		p.duration(value)
	case "EXT-X-BYTERANGE":
		p.require(4, name)
	case "EXT-X-GAP":
		p.require(8, name)
		p.next.Gap = true
	case "EXT-X-DISCONTINUITY":
		p.early("4.4.4.3", name)
		p.next.Discontinuity = true
	case "EXT-X-PROGRAM-DATE-TIME":
		p.early("4.4.4.6", name)
		at, err := time.Parse(time.RFC3339Nano, value)
		if err != nil {
			at, err = time.Parse("2006-01-02T15:04:05.999999999Z0700", value)
		}
		if err != nil {
			p.bad("4.4.4.6", "no date with a zone: %s", value)
		}
		p.next.Wall = at
	default:
		if read, known := listTags[name]; known {
			a, err := parseAttributes(value)
			if err != nil {
				p.bad("4.2", "%s: %v", name, err)
			}
			read(p, a, value)
		}
	}
}

// listTags are the tags with a list of attributes.
var listTags = map[string]func(*parser, attributes, string){
	"EXT-X-KEY": (*parser).key, "EXT-X-MAP": (*parser).mapTag, "EXT-X-PART-INF": (*parser).partInf,
	"EXT-X-SERVER-CONTROL": (*parser).control, "EXT-X-PART": (*parser).part, "EXT-X-SKIP": (*parser).skip,
	"EXT-X-PRELOAD-HINT": (*parser).hint, "EXT-X-RENDITION-REPORT": (*parser).report,
}

// begun tells whether there is a segment, or a part of one.
func (p *parser) begun() bool { return len(p.Segments)+len(p.next.Parts) > 0 || p.has }

// early checks that a tag of a segment is before the segment's parts.
func (p *parser) early(section, name string) {
	if len(p.next.Parts) > 0 {
		p.bad("4.4.4.9", "%s (%s) behind a part of the segment it is for", name, section)
	}
}

func (p *parser) number(section, name, value string) int {
	n, err := parseInteger(value)
	if err != nil {
		p.bad(section, "%s: %v", name, err)
	}
	return n
}

// need reads a number of seconds that must be there.
func (p *parser) need(section, name string, a attributes) time.Duration {
	d, err := a.seconds(name)
	if err != nil || d <= 0 {
		p.bad(section, "%s is %q", name, a[name])
	}
	return d
}

// may reads one that may be there.
func (p *parser) may(section, name string, a attributes) time.Duration {
	if _, there := a[name]; !there {
		return 0
	}
	return p.need(section, name, a)
}

func (p *parser) duration(value string) {
	seconds, _, ok := strings.Cut(value, ",")
	d, err := parseSeconds(seconds)
	if !ok || err != nil || d <= 0 {
		p.bad("4.4.4.1", "EXTINF:%s", value)
	}
	if strings.Contains(seconds, ".") {
		p.require(3, "EXTINF with a fraction")
	}
	if p.has {
		p.bad("4.4.4.1", "two EXTINF for one segment")
	}
	p.next.Duration, p.has = d, true
}

var vector = regexp.MustCompile(`^0[xX][0-9a-fA-F]{32}$`)

// key reads an EXT-X-KEY: it is in force until the next.
func (p *parser) key(a attributes, value string) {
	p.early("4.4.4.4", "EXT-X-KEY")
	p.next.Key, p.vectored = value, a["IV"] != ""
	switch a["METHOD"] {
	case "NONE":
		if len(a) > 1 {
			p.bad("4.4.4.4", "attributes beside METHOD=NONE")
		}
		p.next.Key = none
		return
	case "AES-128", "SAMPLE-AES":
	case "SAMPLE-AES-CTR":
		if a["IV"] != "" {
			p.bad("4.4.4.4", "an IV with SAMPLE-AES-CTR")
		}
	default:
		p.bad("4.4.4.4", "METHOD is %q", a["METHOD"])
	}
	if a.text("URI") == "" {
		p.bad("4.4.4.4", "a key without URI")
	}
	if iv := a["IV"]; iv != "" {
		p.require(2, "IV")
		if !vector.MatchString(iv) {
			p.bad("4.4.4.4", "IV is %s", iv)
		}
	}
	if a["KEYFORMAT"] != "" || a["KEYFORMATVERSIONS"] != "" {
		p.require(5, "KEYFORMAT")
	}
}

// none is a Segment.Key that says that there is none, as against none that is known.
const none = "NONE"

func (p *parser) mapTag(a attributes, value string) {
	p.early("4.4.4.5", "EXT-X-MAP")
	p.require(6, "EXT-X-MAP")
	if a.text("URI") == "" {
		p.bad("4.4.4.5", "a map without URI")
	}
	if strings.Contains(p.next.Key, "METHOD=AES-128") && !p.vectored {
		p.bad("4.4.4.5", "the map is encrypted, and its key has no IV")
	}
	p.next.Map = value
}

func (p *parser) partInf(a attributes, _ string) {
	p.PartTarget = p.need("4.4.3.7", "PART-TARGET", a)
}

func (p *parser) control(a attributes, _ string) {
	const section = "4.4.3.8"
	p.Control = Control{
		CanBlock: a.yes("CAN-BLOCK-RELOAD"), SkipUntil: p.may(section, "CAN-SKIP-UNTIL", a),
		HoldBack: p.may(section, "HOLD-BACK", a), PartHoldBack: p.may(section, "PART-HOLD-BACK", a),
	}
	if a["CAN-SKIP-DATERANGES"] != "" && a["CAN-SKIP-UNTIL"] == "" {
		p.bad(section, "CAN-SKIP-DATERANGES without CAN-SKIP-UNTIL")
	}
}

func (p *parser) part(a attributes, _ string) {
	const section = "4.4.4.9"
	x := Part{URI: a.text("URI"), Range: a.text("BYTERANGE"), Duration: p.need(section, "DURATION", a), Independent: a.yes("INDEPENDENT"), Gap: a.yes("GAP")}
	if x.URI == "" {
		p.bad(section, "a part without URI")
	}
	if p.has {
		p.bad(section, "a part between an EXTINF and its segment")
	}
	p.next.Parts = append(p.next.Parts, x)
}

func (p *parser) skip(a attributes, _ string) {
	const section = "4.4.5.2"
	p.require(9, "EXT-X-SKIP")
	if a["RECENTLY-REMOVED-DATERANGES"] != "" {
		p.require(10, "RECENTLY-REMOVED-DATERANGES")
	}
	if p.begun() {
		p.bad(section, "EXT-X-SKIP behind a segment")
	}
	if p.Skipped = p.number(section, "SKIPPED-SEGMENTS", a["SKIPPED-SEGMENTS"]); p.Skipped == 0 {
		p.bad(section, "nothing is skipped")
	}
}

func (p *parser) hint(a attributes, _ string) {
	const section = "4.4.5.3"
	h := Hint{Type: a["TYPE"], URI: a.text("URI"), Start: a["BYTERANGE-START"]}
	if h.Type != "PART" && h.Type != "MAP" || h.URI == "" {
		p.bad(section, "a hint of TYPE %q with URI %q", h.Type, h.URI)
	}
	for _, other := range p.Hints {
		if other.Type == h.Type {
			p.bad(section, "two hints of TYPE %s", h.Type)
		}
	}
	p.Hints = append(p.Hints, h)
}

func (p *parser) report(a attributes, _ string) {
	if a.text("URI") == "" || !integer.MatchString(a["LAST-MSN"]) {
		p.bad("4.4.5.4", "a report with URI %s and LAST-MSN %q", a["URI"], a["LAST-MSN"])
	}
}
