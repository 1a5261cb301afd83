package media

import "sync"

// Memo is a pure function of a frame whose result is computed once, kept with the frame and
// shared by all who ask: one payload for a thousand players. Make it once, at package level;
// its address is its key.
type Memo[T any] struct {
	make func(*Frame) T
}

// NewMemo returns a memo of f. F must not ask for its own memo of the same frame.
func NewMemo[T any](f func(*Frame) T) *Memo[T] {
	return &Memo[T]{f}
}

type memoNode struct {
	key   any
	once  sync.Once
	value any
	next  *memoNode
}

// Of returns the memo's value for f, computing it if nobody has asked before. Several
// goroutines may ask at once: one computes, the others wait for it. If that panics, those who
// ask later get the zero value.
func (m *Memo[T]) Of(f *Frame) T {
	n := m.node(f)
	n.once.Do(func() { n.value = m.make(f) })
	v, _ := n.value.(T) // a nil interface has no type to assert
	return v
}

func (m *Memo[T]) node(f *Frame) *memoNode {
	var fresh *memoNode
	for {
		head := f.memo.Load()
		for n := head; n != nil; n = n.next {
			if n.key == any(m) {
				return n
			}
		}
		if fresh == nil {
			fresh = &memoNode{key: m}
		}
		fresh.next = head
		if f.memo.CompareAndSwap(head, fresh) {
			return fresh
		}
	}
}
