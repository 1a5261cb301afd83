package stream

import (
	"cmp"
	"iter"
	"slices"
)

// maxShelf is how many entries of a roll move at most when one comes or goes.
const maxShelf = 256

// roll is a list in the order of its ids, which no two of its entries share. Among many entries
// it finds one by its id, and those of a page by their place, without looking at the others. It
// is guarded by its owner's lock.
type roll[T any] struct {
	shelves [][]slot[T] // in order; none is empty, or longer than maxShelf
}

type slot[T any] struct {
	tag
	value T
}

// tag is an id, with its first bytes as a number: they nearly always tell two ids apart, and the
// rest need not be fetched from elsewhere.
type tag struct {
	head uint64
	id   string
}

func tagOf(id string) tag {
	var head uint64
	for n := range 8 {
		head <<= 8
		if n < len(id) {
			head |= uint64(id[n])
		}
	}
	return tag{head, id}
}

func (t tag) compare(u tag) int {
	if t.head != u.head {
		return cmp.Compare(t.head, u.head)
	}
	return cmp.Compare(t.id, u.id)
}

// place returns where the entry with that tag is or belongs: the shelf and the place in it.
func (r *roll[T]) place(t tag) (shelf, at int, found bool) {
	shelf, found = slices.BinarySearchFunc(r.shelves, t, func(s []slot[T], t tag) int { return s[0].compare(t) })
	if found || shelf == 0 {
		return shelf, 0, found
	}
	shelf--
	at, found = slices.BinarySearchFunc(r.shelves[shelf], t, func(s slot[T], t tag) int { return s.compare(t) })
	return shelf, at, found
}

func (r *roll[T]) find(id string) (v T, found bool) {
	shelf, at, found := r.place(tagOf(id))
	if found {
		v = r.shelves[shelf][at].value
	}
	return v, found
}

// add enters v under id, in the place of what is there.
func (r *roll[T]) add(id string, v T) {
	t := tagOf(id)
	shelf, at, found := r.place(t)
	switch {
	case found:
		r.shelves[shelf][at] = slot[T]{t, v}
		return
	case len(r.shelves) == 0:
		r.shelves = append(r.shelves, nil)
	case len(r.shelves[shelf]) == maxShelf:
		r.split(shelf)
		shelf, at, _ = r.place(t)
	}
	r.shelves[shelf] = slices.Insert(r.shelves[shelf], at, slot[T]{t, v})
}

// split makes two shelves out of one.
func (r *roll[T]) split(shelf int) {
	full := r.shelves[shelf]
	upper := slices.Clone(full[maxShelf/2:])
	r.shelves[shelf] = slices.Delete(full, maxShelf/2, maxShelf)
	r.shelves = slices.Insert(r.shelves, shelf+1, upper)
}

func (r *roll[T]) remove(id string) {
	shelf, at, found := r.place(tagOf(id))
	if !found {
		return
	}
	r.shelves[shelf] = slices.Delete(r.shelves[shelf], at, at+1)
	if len(r.shelves[shelf]) == 0 {
		r.shelves = slices.Delete(r.shelves, shelf, shelf+1)
	}
}

// page gives the entries from start on, count at most.
func (r *roll[T]) page(start, count int) iter.Seq[T] {
	return func(yield func(T) bool) {
		skip, left := max(0, start), count
		for _, shelf := range r.shelves {
			if skip >= len(shelf) {
				skip -= len(shelf)
				continue
			}
			for _, s := range shelf[skip:] {
				if left--; left < 0 || !yield(s.value) {
					return
				}
			}
			skip = 0
		}
	}
}
