// Package logbook keeps what a server logs in a test.
package logbook

import (
	"strings"
	"sync"
)

// Book is a log that several goroutines may write while others read. The zero value is an empty one.
type Book struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *Book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns all that was written.
func (b *Book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Lines returns the lines that have all the words, without their ends.
func (b *Book) Lines(words ...string) (found []string) {
	for line := range strings.Lines(b.String()) {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// Count returns how many lines have all the words.
func (b *Book) Count(words ...string) int { return len(b.Lines(words...)) }
