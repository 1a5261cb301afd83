// Package mpdrules holds manifests of MPEG-DASH, as one client has loaded them one after the other,
// against what the schema and the text of ISO/IEC 23009-1 say of live ones, and against the
// interoperability points of the DASH Industry Forum (IOP). It shares no code with what writes them.
package mpdrules

import "fmt"

// Finding is a rule that is broken.
type Finding struct {
	Load    int    // which load, from 0
	Section string // of ISO/IEC 23009-1, or IOP
	Text    string
	Lesser  bool // it is advised only, or a server may have a reason
}

// String tells the load, the section and what is wrong.
func (f Finding) String() string {
	kind := ""
	if f.Lesser {
		kind = "advice, "
	}
	return fmt.Sprintf("load %d: %s%s: %s", f.Load, kind, f.Section, f.Text)
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

// notes are the findings of one load or of many.
type notes struct {
	load  int
	found []Finding
}

// maxFindings is more than anybody reads.
const maxFindings = 1000

func (n *notes) bad(section, format string, args ...any) { n.add(false, section, format, args...) }

func (n *notes) advise(section, format string, args ...any) { n.add(true, section, format, args...) }

func (n *notes) add(lesser bool, section, format string, args ...any) {
	if len(n.found) < maxFindings {
		n.found = append(n.found, Finding{Load: n.load, Section: section, Text: fmt.Sprintf(format, args...), Lesser: lesser})
	}
}
