package dash

import (
	"errors"
	"os"
	"sync"
	"time"

	"weir/internal/shelf"
)

// segment is one of one track. It has an address before it is there, and its bytes may still be coming: who asks
// early waits.
type segment struct {
	// Set at construction.
	number uint64
	file   string
	path   string // of the URL at which we serve it

	// Guarded by output.mu.
	start    int64  // ticks: when its first frame is shown
	duration uint64 // ticks, as far as it is known
	whole    bool
	cut      bool      // it is the last of its period, and may be shorter than segments are
	due      time.Time // when it may be deleted, once the manifest has it no more

	feed
}

// end returns where the segment ends, in ticks, as far as that is known.
func (g *segment) end() int64 { return g.start + int64(g.duration) }

// header is what decoders are set up with.
type header struct {
	data []byte
	file string
	path string
	disk bool
	due  time.Time
}

// feed is the bytes of a segment, for those who read them while they come.
type feed struct {
	mu     sync.Mutex // guards what follows
	pieces shelf.Pieces
	size   int64
	more   chan struct{} // closed when there is more, or no more to come
	done   bool
	at     time.Time // when that was
	disk   bool      // there is a file
	gone   bool      // what there is, is that file
	never  bool      // it will not come
	reads  int       // those who are sent it as it comes: what they have not had stays
}

// add takes bytes that nobody will change.
func (f *feed) add(b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pieces, f.size = append(f.pieces, b), f.size+int64(len(b))
	f.rouse()
}

func (f *feed) rouse() {
	if f.more != nil {
		close(f.more)
		f.more = nil
	}
}

// finish says that all has come, whether there is a file of it, and whether it need not stay in memory.
func (f *feed) finish(disk, drop bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done, f.at, f.disk = true, time.Now(), disk
	f.gone = disk && drop
	f.tidy()
	f.rouse()
}

// tidy forgets what is in the file, if nobody reads it here; mu is held.
func (f *feed) tidy() {
	if f.gone && f.reads == 0 {
		f.pieces = nil
	}
}

// enter and leave count who reads the segment as it comes.
func (f *feed) enter() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
}

func (f *feed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads--
	f.tidy()
}

// drop says that it will never be there.
func (f *feed) drop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.never, f.done, f.pieces = true, true, nil
	f.rouse()
}

// look returns what there is from a piece on, and, where that is not all, what tells of more.
func (f *feed) look(from int) (pieces shelf.Pieces, more <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	pieces = f.pieces[min(from, len(f.pieces)):]
	if f.done {
		return pieces, nil
	}
	if f.more == nil {
		f.more = make(chan struct{})
	}
	return pieces, f.more
}

// state tells of a segment as a whole.
func (f *feed) state() (size int64, at time.Time, done, gone bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.size, f.at, f.done && !f.never, f.gone
}

// writing is the file of a segment that is being made.
type writing struct {
	dir    shelf.Dir
	file   string
	handle *os.File // nil: not opened
	err    error
}

func (w *writing) write(b []byte) {
	if w.err == nil && w.handle == nil {
		w.handle, w.err = w.dir.Create(w.file + shelf.Temporary)
	}
	if w.err == nil {
		_, w.err = w.handle.Write(b)
	}
}

// finish puts the file in its place.
func (w *writing) finish() error {
	if w.handle != nil {
		w.err = errors.Join(w.err, w.handle.Close())
		w.handle = nil
	}
	if w.err == nil {
		w.err = w.dir.Rename(w.file+shelf.Temporary, w.file)
	}
	if w.err != nil {
		w.dir.Remove(w.file + shelf.Temporary)
	}
	return w.err
}

// drop throws the file away.
func (w *writing) drop() {
	if w.handle != nil {
		_ = w.handle.Close() // its bytes are not wanted
		w.handle = nil
		w.dir.Remove(w.file + shelf.Temporary)
	}
}
