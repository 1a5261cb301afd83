package fanout

import "net"

const logBlock = 64 << 10

// blocks keeps bytes at growing offsets. They never change once they are there: slices of them
// stay good after drop.
type blocks struct {
	list [][]byte // each full but the last
	base int64    // offset of the first block
	end  int64
}

// append copies pieces to the end.
func (b *blocks) append(pieces net.Buffers) {
	for _, p := range pieces {
		for len(p) > 0 {
			last := len(b.list) - 1
			if last < 0 || len(b.list[last]) == logBlock {
				if last < 0 {
					b.base = b.end
				}
				b.list = append(b.list, make([]byte, 0, logBlock))
				last++
			}
			block := b.list[last]
			n := min(len(p), logBlock-len(block))
			b.list[last] = append(block, p[:n]...)
			b.end += int64(n)
			p = p[n:]
		}
	}
}

// drop forgets whole blocks before an offset.
func (b *blocks) drop(before int64) {
	n := 0
	for n < len(b.list) && b.base+int64(len(b.list[n])) <= before {
		b.base += int64(len(b.list[n]))
		n++
	}
	if n > 0 {
		kept := copy(b.list, b.list[n:])
		clear(b.list[kept:])
		b.list = b.list[:kept]
	}
}

// slices appends the bytes from one offset to another, which are all there.
func (b *blocks) slices(dst net.Buffers, from, to int64) net.Buffers {
	at := b.base
	for _, block := range b.list {
		end := at + int64(len(block))
		if from < end && at < to {
			dst = append(dst, block[max(from, at)-at:min(to, end)-at])
		}
		at = end
	}
	return dst
}
