package config

import (
	"strings"
	"testing"
)

// TestIgnored loads what once did something, from a file and from variables: each is noted, and
// none keeps the server from running.
func TestIgnored(t *testing.T) {
	file := "listen 1935;\nempty_ip_ok on;\nthreads { interval 5; }\nquery_latest_version on;\n" +
		"tencentcloud_cls { enabled on; secret_key hush; }\nvhost __defaultVhost__ { }\n"
	c := must(t)(text(file, "SRS_TENCENTCLOUD_APM_TOKEN=hush", "SRS_TCMALLOC_RELEASE_RATE=2", "SRS_THREADS_INTERVAL=3"))
	var notes []string
	for _, n := range c.Notes {
		notes = append(notes, n.String())
	}
	all := strings.Join(notes, "\n")
	for _, want := range []string{
		"x.conf: line 2: empty_ip_ok does", "x.conf: line 3: threads does", "x.conf: line 4: query_latest_version does", "x.conf: line 5: tencentcloud_cls does",
		"SRS_TENCENTCLOUD_APM_TOKEN does", "SRS_TCMALLOC_RELEASE_RATE does", "SRS_THREADS_INTERVAL does",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no note %q in\n%s", want, all)
		}
	}
	if len(notes) != 7 || strings.Contains(all, "hush") {
		t.Errorf("%d notes:\n%s", len(notes), all)
	}
	if _, err := text(file, "SRS_TENCENTCLOUD_XYZ=1"); err == nil {
		t.Error("a misspelt variable is accepted")
	}
}
