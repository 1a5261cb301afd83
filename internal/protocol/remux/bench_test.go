package remux

import (
	"net"
	"testing"
	"time"

	"weir/internal/media"
)

// second is one second of a stream: 25 pictures and 47 sounds, 250 KB.
func second() []*media.Frame {
	l := layout(picture(), sound())
	var list []*media.Frame
	add := func(track uint8, key bool, size int, at time.Duration) {
		b := make([]byte, size)
		if track == 0 {
			b[1], b[2], b[3], b[4] = byte((size-4)>>16), byte((size-4)>>8), byte(size-4), 0x41
		}
		f := media.NewFrame(nil, b)
		f.Layout, f.Track, f.Key, f.DTS, f.PTS = l, track, key, int64(at), int64(at)
		list = append(list, f)
	}
	for n := range 25 {
		at := time.Duration(n) * 40 * time.Millisecond
		add(0, n == 0, 9600, at)
		add(1, true, 340, at)
		if n > 2 {
			add(1, true, 340, at+20*time.Millisecond)
		}
	}
	return list
}

// BenchmarkEncoder is what a second of media costs, once for all viewers.
func BenchmarkEncoder(b *testing.B) {
	for _, ext := range []string{".flv", ".ts", ".aac"} {
		b.Run(ext[1:], func(b *testing.B) {
			f := formOf(ext)
			frames := second()
			e := f.encoder(logKey{jitter: "full"}, &times{}, describeBy(Product{}))
			var room net.Buffers
			b.ReportAllocs()
			b.SetBytes(250 << 10)
			for b.Loop() {
				for i := 0; i < len(frames); i += 8 { // as merged write has them
					room = room[:0]
					for _, f := range frames[i:min(i+8, len(frames))] {
						room = e.Append(room, f, true)
					}
				}
			}
		})
	}
}
