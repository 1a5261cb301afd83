package media

import (
	"errors"
	"io"
)

// Reader gives frames. ReadFrame blocks until there is one. The error is io.EOF at a clean
// end, and then no frame comes with it.
type Reader interface {
	ReadFrame() (*Frame, error)
}

// Writer takes frames, in the order of their arrival. It keeps what it needs of them and must
// not change them.
type Writer interface {
	WriteFrame(*Frame) error
}

// BatchReader is a Reader that can give several frames at once: it blocks until there is at
// least one and returns how many of dst it has filled.
type BatchReader interface {
	ReadBatch(dst []*Frame) (int, error)
}

// BatchWriter is a Writer that gains from several frames at once. It must not keep the slice.
type BatchWriter interface {
	WriteBatch([]*Frame) error
}

// MaxBatch is how many frames Copy moves at once.
const MaxBatch = 128

// Copy moves frames from src to dst until src ends or one of them fails, and returns how many
// it moved. A clean end of src is no error. It moves batches where both sides can.
func Copy(dst Writer, src Reader) (int64, error) {
	in, batchIn := src.(BatchReader)
	out, batchOut := dst.(BatchWriter)
	if batchIn && batchOut {
		return copyBatches(out, in)
	}
	var moved int64
	for {
		f, err := src.ReadFrame()
		if err != nil {
			return moved, clean(err)
		}
		if err := dst.WriteFrame(f); err != nil {
			return moved, err
		}
		moved++
	}
}

func copyBatches(dst BatchWriter, src BatchReader) (int64, error) {
	var moved int64
	batch := make([]*Frame, MaxBatch)
	for {
		n, err := src.ReadBatch(batch)
		if n > 0 {
			if err := dst.WriteBatch(batch[:n]); err != nil {
				return moved, err
			}
			moved += int64(n)
			clear(batch[:n]) // an idle copy pins no frames
		}
		if err != nil {
			return moved, clean(err)
		}
	}
}

func clean(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
