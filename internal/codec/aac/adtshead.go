package aac

// ADTS is the header of a frame in a stream that has no configuration.
type ADTS struct {
	Config Config
	Head   int // bytes of the header, with its check sum
	Size   int // bytes of the frame and its header
}

// MaxADTS is how many bytes of a frame ParseADTS looks at.
const MaxADTS = adtsHead

// ParseADTS reads the header that b begins with. It is not ok if there is none, or if the frame
// holds more than one block of data, which no encoder of live streams makes. A check sum is not
// looked at. Spec: ISO 14496-3, 1.A.2.2; AppendADTS has the diagram.
func ParseADTS(b []byte) (h ADTS, ok bool) {
	if len(b) < adtsHead || b[0] != 0xff || b[1]&0xf6 != 0xf0 || b[6]&3 != 0 {
		return h, false
	}
	h.Config = Config{Type: int(b[2]>>6) + 1, Rate: rate(int(b[2] >> 2 & 15)), Layout: int(b[2]&1)<<2 | int(b[3]>>6)}
	h.Config.FullRate = h.Config.Rate
	if h.Head = adtsHead; b[1]&1 == 0 {
		h.Head += 2
	}
	h.Size = int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5]>>5)
	return h, h.Config.Rate > 0 && h.Size > h.Head
}
