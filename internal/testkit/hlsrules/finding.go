// Package hlsrules holds Media Playlists, as one client has loaded them one after the other, against
// RFC 8216 and its successor with Low-Latency HLS (draft-pantos-hls-rfc8216bis). It reads them by itself
// and shares no code with what writes them. Sections are those of the successor.
package hlsrules

import "fmt"

// Finding is a rule that is broken.
type Finding struct {
	Load    int    // which load, from 0
	Section string // of the specification
	Text    string
	Lesser  bool // the specification advises it, or a server may have a reason
}

// String tells the load, the section and what is wrong.
func (f Finding) String() string {
	kind := ""
	if f.Lesser {
		kind = "advice, "
	}
	return fmt.Sprintf("load %d: %s%s: %s", f.Load, kind, f.Section, f.Text)
}

func finding(section, format string, args ...any) Finding {
	return Finding{Section: section, Text: fmt.Sprintf(format, args...)}
}

// Grave returns the findings that are not lesser ones.
func Grave(all []Finding) (grave []Finding) {
	for _, f := range all {
		if !f.Lesser {
			grave = append(grave, f)
		}
	}
	return grave
}
