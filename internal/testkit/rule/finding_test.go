package rule

import "testing"

func TestGrave(t *testing.T) {
	found := []Finding{{Load: 3, Section: "5.4", Text: "x"}, {Lesser: true}}
	if g := Grave(found); len(g) != 1 || g[0].String() != "load 3: 5.4: x" {
		t.Errorf("grave %v", g)
	}
	if !In("5.4", found) || In("5.5", found) {
		t.Errorf("the sections of %v", found)
	}
}
