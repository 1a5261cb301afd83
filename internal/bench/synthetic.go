package bench

import (
	"math/rand/v2"
	"time"

	"weir/internal/format/amf0"
	"weir/internal/format/flv"
)

// The bit rates of sound: above the least, and as a share of all below it.
const (
	soundRate  = 64000
	soundFrom  = 200000
	soundShare = 4

	keyWeight = 6 // a key picture is as large as so many others
)

// recipe is what all synthetic streams of a run have in common.
type recipe struct {
	pictures
	fps        float64
	group      int // pictures from one key picture to the next
	bitrate    int // of all, bits per second
	sound      []byte
	keySize    int // bytes of a picture
	deltaSize  int
	deltaBytes [][]byte // slices by their number
}

func newRecipe(o *options) (*recipe, error) {
	p, err := newPictures(o.fps)
	if err != nil {
		return nil, err
	}
	r := &recipe{pictures: p, fps: o.fps, bitrate: o.bitrate}
	r.group = max(1, int(o.fps*o.gop.Seconds()+0.5))
	rate := soundRate
	if o.bitrate < soundFrom {
		rate = o.bitrate / soundShare
	}
	r.sound = silence(rate * frameSamples / sampleRate / 8)
	group := float64(o.bitrate-rate) / 8 * float64(r.group) / o.fps
	r.deltaSize = int(group / float64(r.group-1+keyWeight))
	r.keySize = keyWeight * r.deltaSize
	for n := range 1 << frameNumberBits {
		r.deltaBytes = append(r.deltaBytes, deltaSlice(uint64(n)))
	}
	return r, nil
}

// synthetic is one stream of a recipe.
type synthetic struct {
	*recipe
	stream   uint32
	picture  int // the next ones
	sounding int
	random   *rand.Rand
}

func newSynthetic(r *recipe, stream int) *synthetic {
	return &synthetic{recipe: r, stream: uint32(stream), random: rand.New(rand.NewPCG(1, uint64(stream)))}
}

func (s *synthetic) headers() []flv.Tag {
	description := amf0.Object{
		{Name: "width", Value: 16.0 * macroblocksWide},
		{Name: "height", Value: 16.0 * macroblocksHigh},
		{Name: "framerate", Value: s.fps},
		{Name: "videocodecid", Value: 7.0},
		{Name: "videodatarate", Value: float64(s.bitrate) / 1000},
		{Name: "audiocodecid", Value: 10.0},
		{Name: "audiosamplerate", Value: float64(sampleRate)},
		{Name: "stereo", Value: true},
		{Name: "encoder", Value: "weir bench"},
	}
	return []flv.Tag{
		{Type: flv.TagScript, Body: amf0.Append(nil, "@setDataFrame", flv.OnMetaData, description)},
		{Type: flv.TagVideo, Body: append([]byte{keyH264, packetHeader, 0, 0, 0}, s.config...)},
		{Type: flv.TagAudio, Body: append([]byte{stereoAAC, packetHeader}, soundConfig[:]...)},
	}
}

// times returns when the next picture and the next sound are due.
func (s *synthetic) times() (picture, sound time.Duration) {
	picture = time.Duration(float64(s.picture) / s.fps * float64(time.Second))
	sound = time.Duration(s.sounding) * frameSamples * time.Second / sampleRate
	return picture, sound
}

func (s *synthetic) due() time.Duration {
	picture, sound := s.times()
	return min(picture, sound)
}

func (s *synthetic) next(dst []byte, now time.Time) flv.Tag {
	picture, sound := s.times()
	if sound < picture {
		s.sounding++
		dst = append(dst, stereoAAC, packetFrame)
		return flv.Tag{Type: flv.TagAudio, Time: sound, Body: append(dst, s.sound...)}
	}
	from := len(dst)
	number := s.picture % s.group
	size, first, slice := s.keySize, byte(keyH264), s.key[s.picture/s.group%2]
	if number > 0 {
		size = s.deltaSize * (75 + s.random.IntN(51)) / 100
		first, slice = deltaH264, s.deltaBytes[number%len(s.deltaBytes)]
	}
	dst = append(dst, first, packetFrame, 0, 0, 0)
	dst = appendStampUnit(dst, stamp{now, uint32(s.picture), s.stream})
	dst = appendUnit(dst, slice)
	dst = appendFiller(dst, size-(len(dst)-from))
	s.picture++
	return flv.Tag{Type: flv.TagVideo, Time: picture, Body: dst}
}
