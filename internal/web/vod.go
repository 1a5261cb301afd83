package web

import (
	"io"
	"net/http"
	"os"
	"strconv"

	"weir/internal/format/flv"
	"weir/internal/media"
)

// Where the headers of a recording are looked for: they are its first tags.
const (
	maxSetup     = 4 << 20 // bytes of the file
	maxSetupTags = 64
)

// from returns where a player wants a recording of size bytes to start: at a tag, of which its
// metadata has told. 0 is at the beginning.
func from(r *http.Request, size int64) int64 {
	start, err := strconv.ParseInt(r.URL.Query().Get("start"), 10, 64)
	if err != nil || start <= flvHead || start >= size {
		return 0
	}
	return start
}

// flvHead is the length of what stands before the first tag.
const flvHead = 13

// sendFrom answers with the recording's header, what sets up the decoders, and all from start on.
// It is false if this is no FLV.
func sendFrom(w http.ResponseWriter, r *http.Request, f *os.File, start, size int64) bool {
	head, err := setup(io.NewSectionReader(f, 0, min(start, maxSetup)))
	if err != nil {
		return false
	}
	if _, err := f.Seek(start, io.SeekStart); err != nil {
		return false
	}
	w.Header().Set("Content-Length", strconv.FormatInt(int64(len(head))+size-start, 10))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return true
	}
	if _, err := w.Write(head); err == nil {
		_, _ = io.CopyN(w, f, size-start) // the client has gone: nobody is left to tell
	}
	return true
}

// setup returns the header of a file and those of its first tags that set up a decoder.
func setup(src io.Reader) ([]byte, error) {
	in := flv.NewReader(src)
	audio, video, err := in.ReadHeader()
	if err != nil {
		return nil, err
	}
	head := flv.AppendFileHeader(nil, audio, video)
	missing := map[flv.TagType]bool{flv.TagAudio: audio, flv.TagVideo: video}
	for range maxSetupTags {
		tag, err := in.ReadTag()
		if err != nil || !missing[flv.TagAudio] && !missing[flv.TagVideo] {
			return head, nil //nolint:nilerr // what is cut off here is none of the headers
		}
		sets, plays := purpose(tag)
		if sets {
			if head, err = flv.AppendTag(head, tag); err != nil {
				return nil, err
			}
		}
		if sets || plays {
			missing[tag.Type] = false
		}
	}
	return head, nil
}

// purpose reports whether a tag sets up a decoder, and whether it is for one.
func purpose(tag flv.Tag) (sets, plays bool) {
	var packets []flv.Packet
	switch tag.Type {
	case flv.TagAudio:
		packets, _ = flv.ParseAudio(nil, tag.Body)
	case flv.TagVideo:
		packets, _ = flv.ParseVideo(nil, tag.Body)
	}
	for _, p := range packets {
		sets = sets || p.Type == flv.SequenceStart
		plays = plays || p.Type == flv.CodedFrames && p.Codec != media.Unknown
	}
	return sets, plays
}
