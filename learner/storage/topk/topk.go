// Package topk selects the best few of many scored rows, in an order that is
// total: rows of the same score follow one another by their numbers. What is
// not a number comes last.
package topk

import (
	"cmp"
	"slices"
)

// Item is a row and its score.
type Item[X cmp.Ordered] struct {
	X   X
	Row uint32
}

// Smallest collects the rows with the smallest scores. Its memory is reused
// from one selection to the next. The zero Smallest takes nothing; Reset it
// first.
type Smallest[X cmp.Ordered] struct {
	// Tie, if set, tells whether row a comes before row b when their scores
	// are the same. Without it the smaller number comes first.
	Tie func(a, b uint32) bool

	items []Item[X] // a heap with the last on top, once it is full
	limit int
}

// keep is how many items an unused Smallest keeps memory for.
const keep = 1 << 16

// Reset starts a selection of at most limit rows. Memory is only taken as rows
// come, so that there may be no limit.
func (s *Smallest[X]) Reset(limit int) {
	if cap(s.items) > keep {
		s.items = nil
	}
	s.items, s.limit = s.items[:0], max(limit, 0)
}

// Len is how many rows are selected so far.
func (s *Smallest[X]) Len() int { return len(s.items) }

// Full reports whether a further row would displace one.
func (s *Smallest[X]) Full() bool { return len(s.items) >= s.limit }

// Last returns the worst of the selected rows, once it is full and not empty.
// A row that comes later by number, too, and has no smaller score than it
// would not be selected, unless Tie is set.
func (s *Smallest[X]) Last() (Item[X], bool) {
	if !s.Full() || len(s.items) == 0 {
		return Item[X]{}, false
	}
	return s.items[0], true
}

// Add considers a row and reports whether it is selected.
func (s *Smallest[X]) Add(x X, row uint32) bool {
	item := Item[X]{x, row}
	if len(s.items) < s.limit {
		s.items = append(s.items, item)
		if len(s.items) == s.limit {
			for i := len(s.items)/2 - 1; i >= 0; i-- {
				s.sink(i)
			}
		}
		return true
	}
	if len(s.items) == 0 || !s.before(item, s.items[0]) {
		return false
	}
	s.items[0] = item
	s.sink(0)
	return true
}

// Sorted ends the selection and returns it in order, valid until the next
// Reset.
func (s *Smallest[X]) Sorted() []Item[X] {
	slices.SortFunc(s.items, func(a, b Item[X]) int {
		if s.before(a, b) {
			return -1
		}
		return 1
	})
	return s.items
}

// before is the order.
func (s *Smallest[X]) before(a, b Item[X]) bool {
	switch {
	case a.X < b.X:
		return true
	case a.X > b.X:
		return false
	case a.X != b.X && (a.X == a.X) != (b.X == b.X):
		return a.X == a.X
	case s.Tie != nil:
		return s.Tie(a.Row, b.Row)
	default:
		return a.Row < b.Row
	}
}

// sink moves an item down to where it belongs in the heap.
func (s *Smallest[X]) sink(i int) {
	for {
		child := 2*i + 1
		if child >= len(s.items) {
			return
		}
		if right := child + 1; right < len(s.items) && s.before(s.items[child], s.items[right]) {
			child = right
		}
		if !s.before(s.items[i], s.items[child]) {
			return
		}
		s.items[i], s.items[child] = s.items[child], s.items[i]
		i = child
	}
}

// Largest collects the rows with the largest scores. Of rows with the same
// score the larger number comes first.
type Largest struct{ s Smallest[float64] }

// Reset starts a selection of at most limit rows.
func (l *Largest) Reset(limit int) { l.s.Reset(limit) }

// Len is how many rows are selected so far.
func (l *Largest) Len() int { return l.s.Len() }

// Add considers a row and reports whether it is selected.
func (l *Largest) Add(x float64, row uint32) bool { return l.s.Add(-x, ^row) }

// Sorted ends the selection and returns it in order, valid until the next
// Reset. It may be called once.
func (l *Largest) Sorted() []Item[float64] {
	items := l.s.Sorted()
	for i := range items {
		items[i] = Item[float64]{-items[i].X, ^items[i].Row}
	}
	return items
}
