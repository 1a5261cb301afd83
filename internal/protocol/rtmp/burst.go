package rtmp

import "net"

// burst is what is to be written to a player at one go: pieces, and behind them a span of a file.
type burst struct {
	pieces   net.Buffers
	file     *memfile
	from, to int64
}

func (b *burst) empty() bool { return len(b.pieces) == 0 && b.from >= b.to }

// load turns the span into a piece: a copy, for whoever cannot send it while it is there.
func (b *burst) load() error {
	if b.from >= b.to {
		return nil
	}
	copied, err := b.file.read(b.from, b.to)
	if err != nil {
		return err
	}
	b.pieces = append(b.pieces, copied)
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
