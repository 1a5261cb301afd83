// Package audio makes the sound of one codec out of another's, for players who cannot play what
// a stream has: AAC and MP3 as Opus, Opus as AAC. It is Go all the way down. The build tag noaac
// leaves out go-aac, whose licence is the LGPL; AAC is then ErrUnsupported.
//
// Between a Decoder and an Encoder sound is float32 from -1 to 1, two channels, their samples
// taking turns.
package audio

import (
	"errors"
	"fmt"
)

const (
	outRate  = 48000 // Hz, of all that is encoded
	channels = 2
)

var (
	// ErrUnsupported is sound that cannot be made or read here. The error that wraps it is a
	// sentence that also says what to do.
	ErrUnsupported = errors.New("audio: not supported")

	// ErrDamaged is a unit that cannot be decoded. The next one may be.
	ErrDamaged = errors.New("audio: damaged")
)

// unsupported says what is not and what helps.
func unsupported(what, remedy string) error {
	return fmt.Errorf("%w: %s; %s", ErrUnsupported, what, remedy)
}

// lacksAAC says that the build tag noaac is set.
func lacksAAC() error {
	return unsupported("AAC, which this binary was built without (tag noaac)", "use a build without that tag")
}
