package sent

import (
	"fmt"
	"strings"

	"weir/internal/media"
)

// Told says what changed and what came, as Case has it.
func Told(prev *media.Layout, frames []*media.Frame) string {
	var words []string
	for _, f := range frames {
		c := f.Layout.Since(prev)
		for _, w := range []struct {
			change media.Change
			word   string
		}{{media.ChangeMeta, "meta"}, {media.ChangeConfig, "config"}, {media.ChangeRepeat, "repeat"}} {
			if c&w.change != 0 {
				words = append(words, w.word)
			}
		}
		prev = f.Layout
		s := fmt.Sprintf("%d:%s", f.Track, f.Source().Codec)
		if f.Key {
			s += "*"
		}
		s += fmt.Sprintf("@%d", f.DTS/1e6)
		if f.PTS != f.DTS {
			s += fmt.Sprintf("+%d", (f.PTS-f.DTS)/1e6)
		}
		if f.Size() == 0 {
			s += "^"
		}
		words = append(words, s)
	}
	return strings.Join(words, " ")
}
