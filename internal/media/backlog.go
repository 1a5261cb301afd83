package media

// Backlog is frames that a reader has made and not given yet. A silent source pins none that have been given.
type Backlog []*Frame

// Give moves the first of them to dst, and returns how many.
func (b *Backlog) Give(dst []*Frame) int {
	n := copy(dst, *b)
	left := copy(*b, (*b)[n:])
	clear((*b)[left:])
	*b = (*b)[:left]
	return n
}
