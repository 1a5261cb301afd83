package mpdrules

import (
	"fmt"

	"weir/internal/testkit/rule"
)

// notes are the findings of one load or of many.
type notes struct {
	load  int
	found []rule.Finding
}

// maxFindings is more than anybody reads.
const maxFindings = 1000

func (n *notes) bad(section, format string, args ...any) { n.add(false, section, format, args...) }

func (n *notes) advise(section, format string, args ...any) { n.add(true, section, format, args...) }

func (n *notes) add(lesser bool, section, format string, args ...any) {
	if len(n.found) < maxFindings {
		n.found = append(n.found, rule.Finding{Load: n.load, Section: section, Text: fmt.Sprintf(format, args...), Lesser: lesser})
	}
}
