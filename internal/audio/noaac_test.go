//go:build noaac

package audio

import (
	"errors"
	"strings"
	"testing"

	"weir/internal/media"
)

// TestWithoutAAC holds what the build tag noaac says.
func TestWithoutAAC(t *testing.T) {
	_, err := NewEncoder(media.AAC, 0)
	_, err2 := NewDecoder(&media.Track{Codec: media.AAC, Config: []byte{0x11, 0x90}})
	for _, err := range []error{err, err2} {
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "noaac") {
			t.Error(err)
		}
	}
}
