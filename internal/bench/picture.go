package bench

import (
	"encoding/binary"
	"math"

	"weir/internal/codec/h264"
)

// The pictures are of 1280 x 720 and all grey: a key picture codes each macroblock as flat, the
// others skip them all. Any decoder takes them, and filler gives them their size.
const (
	macroblocksWide = 80
	macroblocksHigh = 45
	macroblocks     = macroblocksWide * macroblocksHigh

	profileMain = 77
	level31     = 31

	frameNumberBits = 8
	sliceP          = 5 // all slices of the picture are P
	sliceI          = 7
)

// pictures are what H.264 needs to code them.
type pictures struct {
	config []byte    // the record with SPS and PPS
	key    [2][]byte // slices of key pictures; two that follow each other must differ
}

func newPictures(fps float64) (pictures, error) {
	config, err := h264.AppendConfig(nil, [][]byte{sequenceSet(fps)}, [][]byte{pictureSet()})
	return pictures{config, [2][]byte{keySlice(0), keySlice(1)}}, err
}

// sequenceSet returns the SPS. Spec: H.264, 7.3.2.1.1 and E.1.1.
func sequenceSet(fps float64) []byte {
	var w bitWriter
	w.u(8, 0x67)
	w.u(8, profileMain)
	w.u(8, 0x40) // constraint set 1
	w.u(8, level31)
	w.ue(0) // its id
	w.ue(frameNumberBits - 4)
	w.ue(2)   // pictures are shown in the order they come
	w.ue(1)   // reference pictures
	w.u(1, 0) // no gaps in frame numbers
	w.ue(macroblocksWide - 1)
	w.ue(macroblocksHigh - 1)
	w.u(1, 1) // frames only
	w.u(1, 1) // direct 8x8 inference
	w.u(1, 0) // no cropping
	w.u(1, 1) // VUI:
	w.u(4, 0) // no aspect ratio, overscan, signal type, chroma location
	w.u(1, 1) // but times: units in a tick, ticks of half a frame in a second
	w.u(32, 1000)
	w.u(32, uint64(math.Round(fps*2000)))
	w.u(1, 1) // at a fixed rate
	w.u(4, 0) // no HRD of either kind, no picture structure, no restrictions
	return w.unit()
}

// pictureSet returns the PPS. Spec: H.264, 7.3.2.2.
func pictureSet() []byte {
	var w bitWriter
	w.u(8, 0x68)
	w.ue(0)   // its id
	w.ue(0)   // of the SPS
	w.u(2, 0) // CAVLC, no bottom field orders
	w.ue(0)   // slice groups less one
	w.ue(0)   // references less one, of both lists
	w.ue(0)
	w.u(3, 0) // no weighted prediction
	w.ue(0)   // quantizers and their offset, 0 each
	w.ue(0)
	w.ue(0)
	w.u(3, 0) // no deblocking control, constrained prediction, redundant pictures
	return w.unit()
}

// keySlice returns an IDR slice of flat macroblocks. Spec: H.264, 7.3.3 and 7.3.5.
func keySlice(id uint64) []byte {
	var w bitWriter
	w.u(8, 0x60|unitKeySlice)
	w.ue(0) // first macroblock
	w.ue(sliceI)
	w.ue(0) // of the PPS
	w.u(frameNumberBits, 0)
	w.ue(id)
	w.u(2, 0) // shown; no long-term reference
	w.ue(0)   // quantizer as in the PPS
	for range macroblocks {
		w.ue(3)   // Intra_16x16, predicted as flat, no coefficients but those of DC
		w.ue(0)   // chroma predicted as flat
		w.ue(0)   // the same quantizer
		w.u(1, 1) // none of DC
	}
	return w.unit()
}

// deltaSlice returns a P slice that repeats the picture before. Number counts from the key
// picture, which is 0.
func deltaSlice(number uint64) []byte {
	var w bitWriter
	w.u(8, 0x60|unitSlice)
	w.ue(0) // first macroblock
	w.ue(sliceP)
	w.ue(0) // of the PPS
	w.u(frameNumberBits, number)
	w.u(3, 0) // references as usual: their number, their order, their marking
	w.ue(0)   // quantizer as in the PPS
	w.ue(macroblocks)
	return w.unit()
}

// appendUnit appends a NAL unit with its length.
func appendUnit(dst, unit []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(unit))), unit...)
}

// appendFiller appends a NAL unit of filler that takes n bytes with its length, or nothing if it
// does not fit. Spec: H.264, 7.3.2.7.
func appendFiller(dst []byte, n int) []byte {
	const least = 4 + 2
	if n < least {
		return dst
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(n-4))
	dst = append(dst, unitFiller)
	for range n - least {
		dst = append(dst, 0xff)
	}
	return append(dst, 0x80)
}
