package test

import (
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// moduleLine matches a line of NOTICE's list: two spaces, a module's path, its licence.
var moduleLine = regexp.MustCompile(`(?m)^  ([a-z0-9.-]+\.[a-z]+/\S+) +\S`)

// TestNotice holds that NOTICE names the modules in the binary, on all platforms, and no others.
func TestNotice(t *testing.T) {
	notice, err := os.ReadFile("../NOTICE")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range moduleLine.FindAllSubmatch(notice, -1) {
		named[string(m[1])] = true
	}
	linked := map[string]bool{}
	for _, goos := range []string{"linux", "darwin", "windows"} {
		for _, path := range modules(t, goos) {
			linked[path] = true
		}
	}
	for _, path := range slices.Sorted(maps.Keys(linked)) {
		if !named[path] {
			t.Errorf("NOTICE lacks %s and its licence", path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(named)) {
		if !linked[path] {
			t.Errorf("NOTICE names %s, which is not in the binary", path)
		}
	}
}

// modules lists the modules, except weir itself, that cmd/weir links on one system.
func modules(t *testing.T, goos string) []string {
	t.Helper()
	list := exec.Command("go", "list", "-deps", "-f", `{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}`, "weir/cmd/weir")
	list.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list for %s: %v", goos, err)
	}
	return strings.Fields(string(out))
}
