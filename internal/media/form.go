package media

// Form is a way to write frames: the payloads of one container or one transport. A frame and a
// track header are born in one form and keep it, so that a writer of the same form passes them
// on untouched. Forms are compared by identity: each is one package-level value.
type Form interface {
	// Data returns the frame's Data, read out of its wire bytes, or nil if they are damaged.
	// It may be called from several goroutines at once and keeps nothing.
	Data(*Frame) []byte
}
