package fanout

import "net"

// Burst is what is to be written to a player at one go: pieces, and behind them a span of a file.
// The pieces' slice is consumed by who sends it.
type Burst struct {
	Pieces   net.Buffers
	file     *memfile
	from, to int64
}

// Empty reports whether nothing is left to write.
func (b *Burst) Empty() bool { return len(b.Pieces) == 0 && b.from >= b.to }

// load turns the span into a piece: a copy, for whoever cannot send it while it is there.
func (b *Burst) load() error {
	if b.from >= b.to {
		return nil
	}
	copied, err := b.file.read(b.from, b.to)
	if err != nil {
		return err
	}
	b.Pieces = append(b.Pieces, copied)
	b.from, b.to = 0, 0
	return nil
}

// consume takes n bytes off the front of bufs, whose slice it changes.
func consume(bufs net.Buffers, n int) net.Buffers {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs[0] = nil
		bufs = bufs[1:]
	}
	if n > 0 {
		bufs[0] = bufs[0][n:]
	}
	return bufs
}
