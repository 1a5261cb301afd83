// Package test holds what is true of the whole module: its floor plan and its licences.
package test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// house is the floor plan: the folders of internal/ and what each may import of the others,
// beside the packages of its own folder. Each protocol is a folder of its own, so no two of
// them ever meet. Test helpers are in nobody's list: only tests import them.
var house = map[string]string{
	"media":     "",
	"codec":     "media",
	"format":    "media codec",
	"audio":     "media codec",
	"stream":    "media",
	"config":    "",
	"listen":    "",
	"fanout":    "media stream",
	"cmaf":      "media codec format stream",
	"web":       "media codec format stream config listen",
	"shelf":     "stream config web",
	"transport": "media codec format stream config",
	"protocol":  "media codec format audio stream config listen fanout cmaf web shelf transport",
	"record":    "media codec format stream config listen",
	"cluster":   "config",
	"relay":     "media codec format stream config listen transport cluster",
	"exec":      "media codec format stream config listen",
	"access":    "stream config",
	"hook":      "stream config listen",
	"heartbeat": "config",
	"api":       "stream config listen",
	"console":   "stream config listen web",
	"metrics":   "stream config listen",
	"server":    "media codec format audio stream config listen fanout cmaf web shelf transport protocol record cluster relay exec access hook heartbeat api console metrics",
	"testkit":   "media codec format audio stream config listen fanout cmaf web shelf transport protocol record cluster relay exec access hook heartbeat api console metrics server",
	"bench":     "media codec format protocol",
	"cmd":       "config server bench access",
	"examples":  "",
}

func TestHouse(t *testing.T) {
	list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "weir/cmd/...", "weir/internal/...", "weir/examples/...")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal("go list:", err)
	}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		from, folder := room(words[0])
		allowed, known := house[from]
		if !known {
			t.Errorf("%s: the house has no room %q", words[0], from)
		}
		for _, path := range words[1:] {
			to, other := room(path)
			switch {
			case to == "":
				if from == "media" && strings.Contains(path, ".") {
					t.Errorf("%s imports %s; media imports the standard library only", words[0], path)
				}
			case folder != other && !slices.Contains(strings.Fields(allowed), to):
				t.Errorf("%s imports %s; %s may import only: %s", words[0], path, from, allowed)
			}
		}
	}
}

// room maps a package of weir to its row in the house and the folder that is its own, and
// any other package to nothing: weir/internal/protocol/rtmp/x is of protocol, protocol/rtmp.
func room(path string) (row, folder string) {
	rest, ours := strings.CutPrefix(path, "weir/")
	if !ours {
		return "", ""
	}
	parts := strings.Split(strings.TrimPrefix(rest, "internal/"), "/")
	if parts[0] == "protocol" && len(parts) > 1 {
		return parts[0], parts[0] + "/" + parts[1]
	}
	return parts[0], parts[0]
}

func TestHubKnowsNoTransport(t *testing.T) {
	for _, root := range []string{"../internal/media", "../internal/stream"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
				return err
			}
			code, err := os.ReadFile(path)
			if bytes.Contains(code, []byte("rtmp")) {
				t.Errorf("%s names rtmp", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
