package relay

import (
	"strings"

	"weir/internal/stream"
)

// rareText is of how many bytes a text is that is no other word, nor a part of one, by chance.
const rareText = 8

// hide takes what is secret out of an error's words: servers repeat what they are told.
func (g *guise) hide(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	words := stream.Veil(text)
	for _, s := range g.secrets {
		words = blot(words, s)
	}
	if words == text {
		return err
	}
	return &hidden{err, words}
}

// blot hides a text in another one. One that is short is taken for it only where it is a word.
func blot(text, secret string) string {
	var b strings.Builder
	for {
		at := strings.Index(text, secret)
		if at < 0 {
			b.WriteString(text)
			return b.String()
		}
		end := at + len(secret)
		b.WriteString(text[:at])
		if len(secret) < rareText && (isWord(text, at-1) || isWord(text, end)) {
			b.WriteString(secret)
		} else {
			b.WriteString("***")
		}
		text = text[end:]
	}
}

// isWord reports whether there is a letter or a digit at a place of a text.
func isWord(text string, at int) bool {
	return at >= 0 && at < len(text) && (text[at]|0x20 >= 'a' && text[at]|0x20 <= 'z' || text[at] >= '0' && text[at] <= '9')
}

// hidden is an error in other words.
type hidden struct {
	err   error
	words string
}

func (h *hidden) Error() string { return h.words }

func (h *hidden) Unwrap() error { return h.err }
