package remux

import (
	"net"

	"weir/internal/fanout"
	"weir/internal/media"
)

// form is a way to write streams.
type form struct {
	name   string // of the log
	mime   string
	sound  media.Codec // of a form for sound alone; Unknown for others
	starts []byte      // what every answer begins with, besides headers of FLV
	// encoder makes the bytes that all viewers share.
	encoder func(key logKey, times *times, describe describe) fanout.Encoder
	// carries reports whether there is a track in a layout that can be written.
	carries func(l *media.Layout, k kinds) bool
	// enters reports whether somebody may begin with a frame, which has those bytes.
	enters func(f *media.Frame, own net.Buffers) bool
}

// kinds are those tracks that are left out.
type kinds struct{ noAudio, noVideo bool }

func (k kinds) leaves(kind media.Kind) bool {
	return k.noAudio && kind == media.Audio || k.noVideo && kind == media.Video
}

// logKey is what a log of bytes depends on, beside the stream.
type logKey struct {
	form   string
	jitter string // of FLV; off stands for atc too
	reduce bool   // of FLV: headers that only come again are left out
	kinds  kinds
	// Of a shard's viewers of HTTP/1.1: each frame is a chunk.
	chunked bool
}

// formOf returns the form that an extension stands for, or nil.
func formOf(ext string) *form {
	switch ext {
	case ".flv":
		return &form{
			name: "flv", mime: "video/x-flv", encoder: newFLV,
			carries: func(*media.Layout, kinds) bool { return true },
			enters:  func(*media.Frame, net.Buffers) bool { return true },
		}
	case ".ts":
		return &form{name: "ts", mime: "video/MP2T", encoder: newTS, carries: carriesTS, enters: beginsWithTables}
	case ".aac":
		return soundForm("aac", "audio/x-aac", media.AAC, nil)
	case ".mp3":
		return soundForm("mp3", "audio/mpeg", media.MP3, id3)
	}
	return nil
}

// millis returns whole milliseconds, rounded down.
func millis(ns int64) int64 {
	const ms = 1_000_000
	if ns < 0 {
		ns -= ms - 1
	}
	return ns / ms
}
