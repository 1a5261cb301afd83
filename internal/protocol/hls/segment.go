package hls

import (
	"errors"
	"os"
	"time"

	"weir/internal/shelf"
	"weir/internal/stream"
)

// Segment is a segment that is complete, for those who are to be told.
type Segment struct {
	Request       *stream.Request // of the publisher
	Duration      time.Duration
	Seq           uint64
	CWD           string // the directory that relative paths start at
	File, URL     string // the segment's file, and its name in the playlist
	M3U8, M3U8URL string // the playlist's file, and its path on the web server
}

// segment is one that is complete, or of which there are parts.
type segment struct {
	seq           uint64
	duration      time.Duration
	discontinuity bool      // something was cut before it
	wall          time.Time // of its first frame; zero if not known
	header        *header   // nil: it needs none
	key           *key      // nil: not encrypted
	uri           string    // in the playlist
	file          string    // below hls_path
	path          string    // of the URL at which we serve it
	size          int64
	pictures      int
	at            time.Time    // when it was completed
	disk          bool         // there is a file
	data          shelf.Pieces // nil: there is nothing but the file
	due           time.Time    // when it may be deleted, once the playlist has it no more

	parts    []*part   // of low latency, for as long as somebody may ask for them; guarded by output.mu
	unlisted time.Time // since when the playlist has them no more; guarded by output.mu
}

const flushAt = 64 << 10 // bytes that a file is written by

// writing is a segment that is being made.
type writing struct {
	segment
	dir     shelf.Dir
	buf     []byte       // what has not been written
	pieces  shelf.Pieces // what stays as it came
	crypt   *encrypter
	emptied int      // the output's, when this began
	memory  bool     // keeps all in memory
	low     bool     // keeps it until the segment is complete
	tmp     string   // the file's name until it is complete
	handle  *os.File // nil: not opened
	written int64
	err     error // of the file; what follows is not written any more
}

// total returns how many bytes there are by now.
func (w *writing) total() int64 {
	if w.memory || w.low {
		return w.pieces.Size() + int64(len(w.buf))
	}
	return w.written + int64(len(w.buf))
}

// add takes bytes that nobody will change.
func (w *writing) add(b []byte) {
	switch {
	case len(b) == 0:
	case w.crypt != nil:
		w.buf = append(w.buf, b...)
		w.flush()
	case w.memory || w.low:
		w.pieces = append(w.pieces, b)
	default:
		w.write(b)
		w.written += int64(len(b))
	}
}

// flush writes to the file what has come, unless it is to stay in memory.
func (w *writing) flush() {
	if w.memory || w.low || len(w.buf) < flushAt {
		return
	}
	n := len(w.buf)
	if w.crypt != nil {
		n = w.crypt.whole(w.buf)
	}
	w.write(w.buf[:n])
	w.written += int64(n)
	w.buf = w.buf[:copy(w.buf, w.buf[n:])]
}

func (w *writing) write(b []byte) {
	if w.err == nil && w.handle == nil {
		w.handle, w.err = w.dir.Create(w.tmp)
	}
	if w.err == nil {
		_, w.err = w.handle.Write(b)
	}
}

// finish completes the segment, under the name that its file has now.
func (w *writing) finish() (*segment, error) {
	if w.crypt != nil {
		w.buf = w.crypt.last(w.buf)
	}
	if w.disk {
		for _, p := range w.pieces {
			w.write(p)
		}
		w.write(w.buf)
		if w.handle != nil {
			w.err = errors.Join(w.err, w.handle.Close())
			w.handle = nil
		}
		if w.err == nil {
			w.err = w.dir.Rename(w.tmp, w.file)
		}
		if w.err != nil {
			w.dir.Remove(w.tmp)
			w.disk = false
		}
	}
	w.size = w.total()
	if w.memory || w.low && !w.disk {
		w.data = w.pieces
		if len(w.buf) > 0 {
			w.data = append(w.data, w.buf)
		}
	}
	s := w.segment
	return &s, w.err
}

// drop throws the segment away.
func (w *writing) drop() {
	if w.handle != nil {
		_ = w.handle.Close() // its bytes are not wanted
		w.dir.Remove(w.tmp)
	}
}
