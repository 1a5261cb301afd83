package mpegts

import (
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/substructs"

	"weir/internal/media"
)

// Form is the form of data in transport streams. A frame's wire bytes are the cells in which metadata lie:
//
//	| service u8 | number u8 | part u2, configuration u1, entry u1, 1 u4 | length u16 | data | next cell
//
// A track's header is its entry in the program's map: the stream type and, behind it, the descriptors.
//
// Spec: ISO 13818-1, 2.12.4 and 2.4.4.8.
var Form media.Form = form{}

type form struct{}

// Data returns what the cells hold: a subslice of the frame's bytes for a single one.
func (form) Data(f *media.Frame) []byte { return unwrapped(f.Raw()) }

// unwrapped returns what cells hold, or nil if b is not made of cells.
func unwrapped(b []byte) (data []byte) {
	for len(b) > 0 {
		var c substructs.MetadataAUCell
		n, err := c.Unmarshal(b)
		if err != nil {
			return nil
		}
		if b = b[n:]; data == nil {
			data = c.AUCellData[:len(c.AUCellData):len(c.AUCellData)]
		} else {
			data = append(data, c.AUCellData...)
		}
	}
	return data
}
