package rtmp

// The message types. Spec: Adobe RTMP 1.0, 5.4 and 7.1.
const (
	setChunkSize     = 1
	abort            = 2
	ack              = 3
	userControl      = 4
	windowAckSize    = 5
	setPeerBandwidth = 6
	audio            = 8
	video            = 9
	amf3Data         = 15
	amf3SharedObject = 16
	amf3Command      = 17
	amf0Data         = 18
	amf0SharedObject = 19
	amf0Command      = 20
	aggregate        = 22
)

// The chunk streams that we send on: others have come to expect these numbers.
const (
	controlChunk = 2
	commandChunk = 3
	dataChunk    = 4
	statusChunk  = 5
	videoChunk   = 6
	audioChunk   = 7
)

// maxMessage is the longest body that a message header can announce.
const maxMessage = 1<<24 - 1

// message is one RTMP message, whole. A reader's message is the caller's to keep.
type message struct {
	kind   uint8
	chunk  uint32 // the chunk stream it came on or goes out on
	stream uint32
	time   uint32 // ms, and wraps after 49 days
	body   []byte // shared and immutable once it has been read or sent
}
