package burst

import (
	"math"
	"slices"
)

// options are the parameters of the configuration.
type options struct {
	batches  int     // of a window
	interval float64 // the length of a batch
	stored   int     // how many windows of a keyword are kept
	reused   int     // of how many batches a window takes over the state
	cut      float64 // how unlikely a burst must be to be cut off; positive
}

// count is a batch: how many documents there were, and how many of them had
// the keyword.
type count struct{ all, relevant int32 }

// add counts one more document. A count that is full stays so.
func (c *count) add(relevant bool) {
	if c.all == math.MaxInt32 {
		return
	}
	c.all++
	if relevant {
		c.relevant++
	}
}

// window is a run of batches, of which batch i covers the positions from start
// + i*interval, and that not, to start + (i+1)*interval.
type window struct {
	start  float64
	counts []count
}

// total is how many documents a window has.
func (w *window) total() (n int64) {
	for i := range w.counts {
		n += int64(w.counts[i].all)
	}
	return n
}

// end is the first position behind a window.
func (o *options) end(start float64) float64 {
	return start + float64(float64(o.batches)*o.interval)
}

// contains reports whether a position lies in a window.
func (o *options) contains(start, pos float64) bool { return start <= pos && pos < o.end(start) }

// batch is the number of the batch that has a position, which lies in the
// window.
func (o *options) batch(start, pos float64) int {
	return min(int((pos-start)/o.interval), o.batches-1)
}

// shift is by how many batches a window lies behind another one: 0 to batches,
// which is also the answer when they have no batch in common.
func (o *options) shift(from, to float64) int {
	if n := math.Round((to - from) / o.interval); n >= 0 && n < float64(o.batches) {
		return int(n)
	}
	return o.batches
}

// same reports whether windows that start at a and at b are the same one.
func (o *options) same(a, b float64) bool { return math.Abs(a-b)/o.interval < 0.01 }

// near is up to how many batches from zero the original can count.
const near = 1 << 31

// open returns the start of a new window with that position in its middle, a
// whole number of batches behind a base. Positions so far away from it that
// numbers there are coarser than batches have no window.
func (o *options) open(base, pos float64) (start float64, ok bool) {
	n := math.Floor((pos - base) / o.interval)
	start = base + float64(o.interval*(n-float64(o.batches/2)))
	return start, math.Abs(n) < near || o.contains(start, pos)
}

// take appends a window to the newest of a list, with what it has in common
// with that, and drops the oldest beyond the number that is kept.
func (o *options) take(list []window, start float64) []window {
	w := window{start, make([]count, o.batches)}
	if len(list) > 0 {
		copy(w.counts, list[0].counts[o.shift(list[0].start, start):])
	}
	list = slices.Insert(list, 0, w)
	if len(list) > o.stored {
		list = slices.Delete(list, o.stored, len(list))
	}
	return list
}

// prune drops the oldest windows of a list that have no batch in common with
// the newest. No document can reach them any more.
func (o *options) prune(list []window) []window {
	n := len(list)
	for n > 1 && o.shift(list[n-1].start, list[0].start) == o.batches {
		n--
	}
	return slices.Delete(list, n, len(list))
}
