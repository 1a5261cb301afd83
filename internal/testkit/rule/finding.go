// Package rule tells which rules of a specification are broken by what one client has loaded.
package rule

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

// Grave returns the findings that are not lesser ones.
func Grave(all []Finding) (grave []Finding) {
	for _, f := range all {
		if !f.Lesser {
			grave = append(grave, f)
		}
	}
	return grave
}

// In reports whether any of the findings is in a section.
func In(section string, all []Finding) bool {
	for _, f := range all {
		if f.Section == section {
			return true
		}
	}
	return false
}
