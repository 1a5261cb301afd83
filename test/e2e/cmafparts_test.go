package e2e

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/testkit/hlsrules"
	"weir/internal/testkit/mpdrules"
)

// partOrigin gives out the fragments of files with low latency, as if each were made at its end. Each
// file is a period, or a map, of its own.
type partOrigin struct {
	inits  [][]byte
	starts []int // the first segment of each
	parts  [][]byte
	first  sync.Once // request
	begun  time.Time // some time before it
}

const (
	partTime  = 200 * time.Millisecond
	perPart   = 5 // pictures
	perWhole  = 5 // parts of a segment
	inWindow  = 9 // segments
	wholeTime = perWhole * partTime
	perClip   = 7 // segments of a clip, or some more
)

// newPartOrigin has some parts made already.
func newPartOrigin(t *testing.T, streams string, clips ...clip) *partOrigin {
	t.Helper()
	o := &partOrigin{}
	for _, c := range clips {
		file := filepath.Join(t.TempDir(), "parts.mp4")
		args := append(strings.Fields("-hide_banner -loglevel error -i"), c.file)
		args = append(args, strings.Fields(streams+" -t 8 -c copy -f mp4 -movflags empty_moov+default_base_moof+skip_trailer -frag_duration 200000")...)
		run(t, "ffmpeg7", append(args, file)...)
		all, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		o.add(all)
	}
	return o
}

// add takes a file apart.
func (o *partOrigin) add(file []byte) {
	var init []byte
	begun := len(o.parts)
	for len(file) >= 8 {
		box := file[:binary.BigEndian.Uint32(file)]
		file = file[len(box):]
		switch string(box[4:8]) {
		case "ftyp", "moov":
			init = append(init, box...)
		case "moof":
			o.parts = append(o.parts, slices.Clone(box))
		case "mdat":
			o.parts[len(o.parts)-1] = append(o.parts[len(o.parts)-1], box...)
		}
	}
	o.inits, o.starts = append(o.inits, init), append(o.starts, begun/perWhole)
	o.parts = o.parts[:begun+perClip*perWhole]
}

// file returns which file a segment is of.
func (o *partOrigin) file(segment int) int {
	at, found := slices.BinarySearch(o.starts, segment)
	if found {
		return at
	}
	return at - 1
}

// made returns how many parts there are now.
func (o *partOrigin) made() int { return min(len(o.parts), int(time.Since(o.begun)/partTime)) }

// until waits for so many of them; it returns false if nobody asks any more.
func (o *partOrigin) until(r *http.Request, parts int) bool {
	for o.made() < parts {
		if rest(r.Context(), 5*time.Millisecond) != nil {
			return false
		}
	}
	return true
}

func (o *partOrigin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.first.Do(func() { o.begun = time.Now().Add(-3200 * time.Millisecond).Truncate(time.Millisecond) })
	name := strings.TrimPrefix(r.URL.Path, "/live/")
	var segment, part int
	switch name {
	case "s.m3u8":
		if r.FormValue("_HLS_msn") != "" {
			_, _ = fmt.Sscan(r.FormValue("_HLS_msn")+" "+r.FormValue("_HLS_part"), &segment, &part)
			o.until(r, segment*perWhole+part+1)
		}
		_, _ = w.Write(o.playlist())
	case "s.mpd":
		_, _ = w.Write(o.manifest())
	case "init-0.mp4", "init-1.mp4":
		_, _ = w.Write(o.inits[name[5]-'0'])
	default:
		if n, _ := fmt.Sscanf(name, "%d.%d.m4s", &segment, &part); n == 2 {
			if o.until(r, segment*perWhole+part+1) {
				_, _ = w.Write(o.parts[segment*perWhole+part])
			}
			return
		}
		for part := 0; part < perWhole && o.until(r, segment*perWhole+part+1); part++ { // as they are made
			_, _ = w.Write(o.parts[segment*perWhole+part])
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func (o *partOrigin) playlist() []byte {
	made := o.made()
	whole := made / perWhole
	first := max(0, whole-inWindow)
	b := fmt.Appendf(nil, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:1\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6\n"+
		"#EXT-X-PART-INF:PART-TARGET=0.2\n#EXT-X-MEDIA-SEQUENCE:%d\n", first)
	for n := first; n <= whole; n++ {
		if n < whole || made%perWhole > 0 {
			if n > 0 && slices.Contains(o.starts, n) {
				b = append(b, "#EXT-X-DISCONTINUITY\n"...)
			}
			if n == first || slices.Contains(o.starts, n) {
				b = fmt.Appendf(b, "#EXT-X-MAP:URI=\"init-%d.mp4\"\n", o.file(n))
			}
			at := o.begun.Add(time.Duration(n) * wholeTime)
			b = fmt.Appendf(b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", at.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
		}
		for i := 0; n > whole-5 && i < min(perWhole, made-n*perWhole); i++ {
			b = fmt.Appendf(b, "#EXT-X-PART:DURATION=0.20000,URI=\"%d.%d.m4s\"%s\n", n, i, map[bool]string{true: ",INDEPENDENT=YES"}[i == 0])
		}
		if n < whole {
			b = fmt.Appendf(b, "#EXTINF:1.00000,\n%d.m4s\n", n)
		}
	}
	return fmt.Appendf(b, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%d.%d.m4s\"\n", whole, made%perWhole)
}

// manifest lists the segment that is being made too.
func (o *partOrigin) manifest() []byte {
	whole := o.made() / perWhole
	first := max(0, whole-inWindow)
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
	b := fmt.Appendf(nil, `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" profiles="urn:mpeg:dash:profile:isoff-live:2011" availabilityStartTime="%s" publishTime="%s" minimumUpdatePeriod="PT0.5S" minBufferTime="PT1S" timeShiftBufferDepth="PT8S">
<ServiceDescription><Latency target="1000"/></ServiceDescription>
`, at(o.begun), at(o.begun.Add(time.Duration(whole)*wholeTime)))
	for i, start := range o.starts {
		end := whole
		if i+1 < len(o.starts) {
			end = min(end, o.starts[i+1]-1)
		}
		if from := max(first, start); from <= end {
			b = fmt.Appendf(b, `<Period id="%d" start="PT%dS"><AdaptationSet contentType="video" mimeType="video/mp4" segmentAlignment="true">
<SegmentTemplate timescale="1000" initialization="init-%d.mp4" media="$Number$.m4s" startNumber="%d" availabilityTimeOffset="0.9" availabilityTimeComplete="false">
<SegmentTimeline><S t="%d" d="1000" r="%d"/></SegmentTimeline></SegmentTemplate>
<Representation id="v" bandwidth="300000" codecs="avc1.64000B" width="160" height="120" frameRate="25"/>
</AdaptationSet></Period>
`, i, start, i, from, 1000*(from-start), end-from)
		}
	}
	return fmt.Appendf(b, `<UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value="%s"/></MPD>`, at(time.Now()))
}

// TestCMAFParts has the viewers play with low latency, until the picture has another size.
func TestCMAFParts(t *testing.T) {
	t.Parallel()
	small, large := newClip(t, "h264", "small"), newClip(t, "h264", "large")
	hlsFrom, dashFrom := newPartOrigin(t, "-map 0", small, large), newPartOrigin(t, "-map 0:v", small, large)
	hls := cmafHLSPlayer(hlsrules.Options{LowLatency: true, KeyFrames: true})(t, origin(t, hlsFrom), "h264").(*cmafHLS)
	dash := cmafDASHPlayer(mpdrules.Options{LowLatency: true, Tolerance: 300 * time.Millisecond, Newest: time.Second})(t, origin(t, dashFrom), "h264").(*cmafDASH)
	views := map[string]viewing{"hls": hls, "dash": dash}
	watched(t, views, 30)
	hls.freeze(true)
	n := hls.frames()
	time.Sleep(2 * partTime)
	if now := hls.frames(); now > n+perPart { // one may have been on its way
		t.Errorf("frozen, and %d frames become %d", n, now)
	}
	hls.freeze(false)
	watched(t, views, 100)
	for name, v := range views {
		r := v.stop()
		t.Run(name, func(t *testing.T) {
			checkSizes(t, r, small, large)
			if name == "hls" {
				check(t, recording{files: r.files[:1]}, expectation{clip: small, frames: 50})
				check(t, recording{files: r.files[1:]}, expectation{clip: large, frames: 20})
			}
		})
	}
	if n := len(hls.loads); n < 15 {
		t.Errorf("%d playlists for some 25 parts", n)
	}
}
