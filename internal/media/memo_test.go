package media

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestMemoIsComputedOnce(t *testing.T) {
	const frames, askers, memos = 100, 16, 3
	var calls atomic.Int64
	var all [memos]*Memo[int64]
	for i := range all {
		all[i] = NewMemo(func(f *Frame) int64 {
			calls.Add(1)
			return f.DTS*10 + int64(i)
		})
	}
	list := make([]*Frame, frames)
	for i := range list {
		list[i] = &Frame{DTS: int64(i)}
	}
	var group sync.WaitGroup
	for range askers {
		group.Go(func() {
			for _, f := range list {
				for i, m := range all {
					if got := m.Of(f); got != f.DTS*10+int64(i) {
						t.Errorf("memo %d of frame %d = %d", i, f.DTS, got)
					}
				}
			}
		})
	}
	group.Wait()
	if n := calls.Load(); n != frames*memos {
		t.Errorf("computed %d times, want %d", n, frames*memos)
	}
}

func TestMemoOfAnInterface(t *testing.T) {
	m := NewMemo(func(*Frame) error { return nil })
	if err := m.Of(&Frame{}); err != nil {
		t.Errorf("Of = %v", err)
	}
}

func TestMemoThatPanics(t *testing.T) {
	m := NewMemo(func(*Frame) []byte { panic("damaged") })
	f := &Frame{}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the first to ask does not see the panic")
			}
		}()
		m.Of(f)
	}()
	if got := m.Of(f); got != nil {
		t.Errorf("the next gets %q", got)
	}
}

func TestMemosMayNest(t *testing.T) {
	inner := NewMemo(func(f *Frame) int64 { return f.DTS + 1 })
	outer := NewMemo(func(f *Frame) int64 { return inner.Of(f) * 2 })
	if got := outer.Of(&Frame{DTS: 4}); got != 10 {
		t.Errorf("Of = %d", got)
	}
}

func BenchmarkMemoOf(b *testing.B) {
	m := NewMemo(func(f *Frame) []byte { return f.Raw() })
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f := Frame{wire: []byte("x")}
			m.Of(&f)
		}
	})
	b.Run("again", func(b *testing.B) {
		b.ReportAllocs()
		f := &Frame{wire: []byte("x")}
		for b.Loop() {
			m.Of(f)
		}
	})
	b.Run("again-parallel", func(b *testing.B) {
		b.ReportAllocs()
		f := &Frame{wire: []byte("x")}
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				m.Of(f)
			}
		})
	})
}
