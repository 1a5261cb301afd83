package amf0

import "testing"

// metadata is onMetaData as OBS sends it.
func metadata() []any {
	return []any{"@setDataFrame", "onMetaData", ECMAArray(props(
		"duration", 0, "fileSize", 0, "width", 1920, "height", 1080, "videocodecid", 7, "videodatarate", 6000,
		"framerate", 60, "audiocodecid", 10, "audiodatarate", 160, "audiosamplerate", 48000, "audiosamplesize", 16,
		"audiochannels", 2, "stereo", true, "2.1", false, "3.1", false, "4.0", false, "4.1", false, "5.1", false,
		"7.1", false, "encoder", "obs-output module (libobs version 31.0.2)"))}
}

func BenchmarkMetadata(b *testing.B) {
	values := metadata()
	wire := Append(nil, values...)
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(wire)))
		for b.Loop() {
			if all, err := ParseAll(wire); len(all) != len(values) || err != nil {
				b.Fatal(all, err)
			}
		}
	})
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(wire)))
		dst := make([]byte, 0, len(wire))
		for b.Loop() {
			if dst = Append(dst[:0], values...); len(dst) != len(wire) {
				b.Fatal(len(dst))
			}
		}
	})
}
