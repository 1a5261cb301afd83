package rtp

// Packet is one packet of a track that came.
type Packet struct {
	Sequence uint16
	Type     uint8 // the payload type
	Marker   bool
	Time     uint32 // RTP timestamp
	SSRC     uint32
	Payload  []byte
	At       int64 // ns since the process started: when it arrived

	// What a Reorder adds.
	Lost  int  // packets missing before it that have been given up
	First bool // nothing before it was of this sender, or the sender has begun anew
}

// Payload is what one packet carries of a frame. It is the same for all players of a stream, and
// must not be changed.
type Payload struct {
	Data   []byte
	Time   uint32 // in the codec's clock, from the stream's time zero
	Marker bool
}
