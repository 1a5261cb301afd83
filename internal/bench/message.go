package bench

// message is what a player is told of each message that has arrived whole. It is valid during
// the call only.
type message struct {
	kind  uint8 // 8 audio, 9 video, 18 data, as in FLV
	time  uint32
	size  int    // bytes of its body
	first []byte // as many of them as matter
}

// parser takes what a server sends, in pieces that are cut anywhere.
type parser interface {
	// feed takes the next piece, and keeps nothing of it.
	feed(b []byte) error
	// replies returns what is to be sent to the server after feed, until the next.
	replies() []byte
}
