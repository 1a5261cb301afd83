package hls

import (
	"fmt"
	"math"
	"strings"

	"weir/internal/codec"
	"weir/internal/media"
)

// rates are what a master playlist says of a stream.
type rates struct {
	peak, average int // bits per second
	fps           float64
}

func measure(list []*segment) (r rates) {
	var bits, pictures, seconds float64
	for _, s := range list {
		d, b := s.duration.Seconds(), float64(s.size*8)
		if d <= 0 {
			continue
		}
		bits, seconds = bits+b, seconds+d
		r.peak = max(r.peak, int(math.Ceil(b/d)))
		if s.pictures > 0 {
			pictures += float64(s.pictures)
		}
	}
	if seconds > 0 {
		r.average = int(math.Ceil(bits / seconds))
		r.fps = pictures / seconds
	}
	return r
}

// master writes the playlist that leads to the one of a session:
//
//	#EXT-X-STREAM-INF:BANDWIDTH=n,AVERAGE-BANDWIDTH=n,CODECS="...",RESOLUTION=WxH,FRAME-RATE=n
func master(r rates, tracks []*media.Track, uri string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d", max(1, r.peak), max(1, r.average))
	var names []string
	known := true
	for _, t := range tracks {
		name := codec.Name(t)
		names, known = append(names, name), known && name != ""
	}
	if known && len(names) > 0 { // half of the truth would keep players from the rest
		fmt.Fprintf(&b, ",CODECS=\"%s\"", strings.Join(names, ","))
	}
	for _, t := range tracks {
		if t.Kind != media.Video {
			continue
		}
		if t.Info.Width > 0 && t.Info.Height > 0 {
			fmt.Fprintf(&b, ",RESOLUTION=%dx%d", t.Info.Width, t.Info.Height)
		}
		if fps := t.Info.FPS; fps > 0 {
			fmt.Fprintf(&b, ",FRAME-RATE=%.3f", fps)
		} else if r.fps > 0 {
			fmt.Fprintf(&b, ",FRAME-RATE=%.3f", r.fps)
		}
	}
	b.WriteString("\n" + uri + "\n")
	return []byte(b.String())
}
