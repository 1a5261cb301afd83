package media

// Packet is one opaque piece of one track as its sender cut it, for readers who pass packets
// on without putting frames together. It is immutable once written.
type Packet struct {
	Track uint8  // index into the layout's tracks
	Layer uint8  // of a track that comes in several qualities; 0 is the lowest
	Key   bool   // the first packet of a frame at which decoding can start
	At    int64  // ns since the process started: when it arrived
	Data  []byte // the packet, in the publisher's form
}
