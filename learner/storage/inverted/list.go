package inverted

import (
	"slices"
	"unsafe"

	"github.com/jubatus/jubatus-go/learner/storage/prefetch"
)

// list is the cells of a feature, by ascending row. What a search needs of
// them lies close together: a dense one reads nothing but values.
type list struct {
	values  []float64 // 0 in cells that are not live, and only in those
	rows    []uint32
	states  []uint8
	garbage uint32 // cells of state 0
	diffs   uint32 // cells of the diff
}

// The states of a cell. Those of none hold nothing any more.
const (
	inDiff   = 1 << iota // the value, or that there is none, is of the diff
	inMaster             // the master has a value
)

func (l *list) len() int { return len(l.rows) }

// listLines is how many lines prefetch adds.
const listLines = 3

// prefetch adds what multiplying needs of a short list.
func (l *list) prefetch(lines *prefetch.Lines) {
	n := l.len()
	if n == 0 {
		return
	}
	lines.Add(unsafe.Pointer(&l.rows[0]))
	lines.Add(unsafe.Pointer(&l.values[0]))
	lines.Add(unsafe.Pointer(&l.values[min(n-1, prefetch.LineBytes/8)]))
}

// live reports whether a cell has a value.
func (l *list) live(i int) bool { return l.values[i] != 0 }

// search returns the index of the first cell that is not of a row before, and
// whether it is of the row.
func (l *list) search(row uint32) (i int, ok bool) {
	n := len(l.rows)
	if n == 0 || l.rows[n-1] < row {
		return n, false
	}
	low, high := 0, n-1
	for low < high {
		if mid := (low + high) / 2; l.rows[mid] < row {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, l.rows[low] == row
}

// find returns the index of the cell of a row; -1 if there is none.
func (l *list) find(row uint32) int {
	if i, ok := l.search(row); ok {
		return i
	}
	return -1
}

// at returns the index of the cell of a row, garbage if it is new.
func (l *list) at(row uint32) int {
	i, ok := l.search(row)
	if !ok {
		l.values = slices.Insert(l.values, i, 0)
		l.rows = slices.Insert(l.rows, i, row)
		l.states = slices.Insert(l.states, i, 0)
		l.garbage++
	}
	return i
}

// append appends a cell of a later row than all others, which is not garbage.
func (l *list) append(row uint32, value float64, state uint8) {
	l.values = append(l.values, value)
	l.rows = append(l.rows, row)
	l.states = append(l.states, state)
}

// compact takes garbage out if most of the cells are that.
func (l *list) compact() {
	const few = 16
	if l.garbage <= few || 2*int(l.garbage) <= l.len() {
		return
	}
	n := 0
	for i, state := range l.states {
		if state != 0 {
			l.values[n], l.rows[n], l.states[n] = l.values[i], l.rows[i], state
			n++
		}
	}
	l.values, l.rows, l.states = shrunk(l.values, n), shrunk(l.rows, n), shrunk(l.states, n)
	l.garbage = 0
}

// shrunk is the first elements of a slice, without the memory of the others if
// that is much.
func shrunk[T any](s []T, n int) []T {
	if cap(s) > 4*n {
		return slices.Clone(s[:n])
	}
	return s[:n]
}

// leading is how many of the first rows are there without a gap: their values
// are at their numbers.
func (l *list) leading() int {
	n := len(l.rows)
	if n == 0 || l.rows[0] != 0 {
		return 0
	}
	if int(l.rows[n-1]) == n-1 {
		return n
	}
	// The rows ascend, and so the gaps before them do.
	low, high := 0, n
	for low < high {
		if mid := (low + high) / 2; int(l.rows[mid]) == mid {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}
