package media

// Track describes one elementary stream of a layout. It is immutable: a publisher that sends
// its headers again makes a new Track, so a different pointer with an equal value is a repeat.
type Track struct {
	ID    int // the publisher's number for it within its kind; 0 where it has only one
	Kind  Kind
	Codec Codec

	// Config is the decoder configuration, in the form MP4 uses: an
	// AVCDecoderConfigurationRecord, an HEVCDecoderConfigurationRecord, an
	// AV1CodecConfigurationRecord, a VPCodecConfigurationRecord, an AudioSpecificConfig, an
	// OpusHead. It is empty where the codec needs none (MP3) or none has come yet.
	Config []byte

	// Header is the configuration as the publisher sent it, in the form that Form names; a
	// writer of that same form sends it on byte for byte.
	Header []byte
	Form   Form

	// Info is what the configuration says, for people.
	Info Info
}

// Info is what a track's configuration tells about it. A zero field is not known.
type Info struct {
	Profile       string  // "High", "Main", "LC"
	Level         string  // "3.1"
	Width, Height int     // pixels, after cropping
	FPS           float64 // frames per second, where the configuration states it
	SampleRate    int     // Hz
	Channels      int
}

// same reports whether a decoder set up for t can go on with u.
func (t *Track) same(u *Track) bool {
	return t == u || t.ID == u.ID && t.Kind == u.Kind && t.Codec == u.Codec &&
		string(t.Config) == string(u.Config)
}
