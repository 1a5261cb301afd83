package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// npmFolder is the folder of npm, whose lock file says which players are in the binary.
const npmFolder = "../../web"

// TestVendor fails when the players in the binary are not those of the lock file: when somebody
// has changed one of the two without make web, or has touched a copy.
func TestVendor(t *testing.T) {
	noted := sums(t)
	lock := locked(t)
	for name, integrity := range lock {
		if noted[name] != integrity {
			t.Errorf("%s: the lock file has %s, the players were copied from %s: run make web", name, integrity, noted[name])
		}
		delete(noted, name)
	}
	for at, f := range files() {
		name, _ := strings.CutPrefix(at, "/players/")
		if !strings.HasPrefix(name, "vendor/") {
			continue
		}
		sum := sha256.Sum256(f.body)
		if got := hex.EncodeToString(sum[:]); noted[name] != got {
			t.Errorf("%s has the sum %s, want %s: run make web", name, got, noted[name])
		}
		delete(noted, name)
	}
	for _, name := range slices.Sorted(maps.Keys(noted)) {
		t.Errorf("%s is not in the binary or in the lock file: run make web", name)
	}
}

// sums reads vendor.sum: lines of a package, its version and its integrity, then of a sum and a
// file.
func sums(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(npmFolder, "vendor.sum"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) == 3 {
			all[words[0]] = words[1] + " " + words[2]
		} else {
			all[words[1]] = words[0]
		}
	}
	return all
}

// locked reads the versions and integrities of the lock file.
func locked(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(npmFolder, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct{ Version, Integrity string }
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for path, p := range lock.Packages {
		if name := strings.TrimPrefix(path, "node_modules/"); name != "" {
			all[name] = p.Version + " " + p.Integrity
		}
	}
	if all["mpegts.js"] == "" || all["hls.js"] == "" {
		t.Errorf("the lock file has %v", all)
	}
	return all
}

// TestVendorPackages compares with the packages themselves, where npm has put them.
func TestVendorPackages(t *testing.T) {
	script, err := os.ReadFile(filepath.Join(npmFolder, "copy.sh"))
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^(\S+/\S+) +(\S+\.(?:js|txt))$`).FindAllStringSubmatch(string(script), -1)
	if len(rows) < 6 {
		t.Fatalf("copy.sh copies %q", rows)
	}
	if _, err := os.Stat(filepath.Join(npmFolder, "node_modules")); err != nil {
		t.Fatal("no packages here: test/install.sh fetches them")
	}
	mapping := regexp.MustCompile(`(?m)^//# sourceMappingURL=.*\n?`)
	all := files()
	for _, row := range rows {
		original, err := os.ReadFile(filepath.Join(npmFolder, "node_modules", row[1]))
		if err != nil {
			t.Error(err)
			continue
		}
		if f := all["/players/vendor/"+row[2]]; f == nil || !bytes.Equal(f.body, mapping.ReplaceAll(original, nil)) {
			t.Errorf("%s is not %s of the package: run make web", row[2], row[1])
		}
	}
}

// TestNoticeNamesPlayers holds that NOTICE has the packages whose code is in the binary.
func TestNoticeNamesPlayers(t *testing.T) {
	notice, err := os.ReadFile("../../NOTICE")
	if err != nil {
		t.Fatal(err)
	}
	for name, version := range locked(t) {
		version, _, _ = strings.Cut(version, " ")
		if !strings.Contains(string(notice), name+" "+version) {
			t.Errorf("NOTICE lacks %s %s and its licence", name, version)
		}
	}
}
