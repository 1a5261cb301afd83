package server

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestHeard(t *testing.T) {
	for report, want := range map[string]string{
		readyWord:      "",
		"":             "EOF",
		"port in use":  "port in use",
		"ready":        "ready",
		"two\nlines\n": "two\nlines",
	} {
		err := heard(strings.NewReader(report))
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%q: %v", report, err)
		}
	}
	endless := io.MultiReader(strings.NewReader(strings.Repeat("x", maxReport)), strings.NewReader("y"))
	if err := heard(endless); err == nil || len(err.Error()) != maxReport {
		t.Error(err)
	}
}

func TestNobodyWaits(t *testing.T) {
	var r *Readiness
	if err := errors.Join(r.Ready(), r.Fail(io.EOF)); err != nil {
		t.Error(err)
	}
}
