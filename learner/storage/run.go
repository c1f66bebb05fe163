package storage

import "math"

// A run is where the cells of a feature are: words in a page, which are
//
//	head | weights | variances | tags, two a word | shadows, four words each
//
// with the same number of places in each section, so that what scoring reads
// lies together. Variances are in tables that have them, shadows in shared ones.
// Cells are in the order of their labels. So a label is never behind the place
// of its number, and a run that has all labels up to its last is an array that
// they index: it is called dense, and nobody reads its tags.
type run []uint64 // from the head on; there may be words of others behind it

// runAt is where a run begins: page and offset.
type runAt uint32

// noRun is where the cells of a feature without cells are. There is a run of
// no places.
const noRun runAt = 0

// head says how many places there are, how many of them are cells, and whether
// the run is dense.
type head uint64

func newHead(places, n int, dense bool) head {
	h := head(n)<<33 | head(uint32(places))
	if dense {
		h |= 1 << 32
	}
	return h
}

func (h head) places() int { return int(uint32(h)) }
func (h head) n() int      { return int(h >> 33) }
func (h head) dense() bool { return h&(1<<32) != 0 }

// knows reports whether a dense run has a cell of that label.
func (h head) knows(l Label) bool { return uint64(l) < uint64(h>>33) }

// A tag is the label of a cell, and its flags. So there can be 500 million
// labels, whose names alone would fill the memory.
const tagBits = 3

// The flags of a cell of a shared table.
const (
	hasBase   = 1 << iota // it is in the base table
	hasDiff               // it is in the diff table
	mentioned             // it is in the diff being put
)

// shadow is what an effective value is the sum of.
type shadow struct{ base, diff value }

type value struct{ weight, variance float64 }

// words is how long a run with so many places is.
func (o Options) words(places int) int {
	n := o.shadows(places)
	if o.Shared {
		n += 4 * places
	}
	return n
}

func (o Options) variances(places int) int { return 1 + places }

func (o Options) tags(places int) int {
	if o.Variance {
		return 1 + 2*places
	}
	return 1 + places
}

func (o Options) shadows(places int) int { return o.tags(places) + (places+1)/2 }

// cells is a run, opened.
type cells struct {
	run
	Options
	places, n int
	dense     bool
}

func (o Options) open(r run) cells {
	h := head(r[0])
	return cells{r, o, h.places(), h.n(), h.dense()}
}

func (c *cells) weight(i int) float64       { return math.Float64frombits(c.run[1+i]) }
func (c *cells) setWeight(i int, w float64) { c.run[1+i] = math.Float64bits(w) }

// varianceAt is 0 in a table that has none.
func (c *cells) varianceAt(i int) float64 {
	if !c.Variance {
		return 0
	}
	return math.Float64frombits(c.run[1+c.places+i])
}

// setVarianceAt does nothing in a table that has none.
func (c *cells) setVarianceAt(i int, v float64) {
	if c.Variance {
		c.run[1+c.places+i] = math.Float64bits(v)
	}
}

func (c *cells) tag(i int) uint32 {
	return uint32(c.run[c.tags(c.places)+i/2] >> (i % 2 * 32))
}

// labelAt is the label in tag i.
func labelAt(tags []uint64, i uint) Label {
	return Label(uint32(tags[i/2]>>(i%2*32)) >> tagBits)
}

func (c *cells) setTag(i int, tag uint32) {
	w, shift := &c.run[c.tags(c.places)+i/2], i%2*32
	*w = *w&^(math.MaxUint32<<shift) | uint64(tag)<<shift
}

func (c *cells) label(i int) Label        { return labelAt(c.run[c.tags(c.places):], uint(i)) }
func (c *cells) has(i int, f uint32) bool { return c.tag(i)&f == f }
func (c *cells) mark(i int, f uint32)     { c.setTag(i, c.tag(i)|f) }
func (c *cells) unmark(i int, f uint32)   { c.setTag(i, c.tag(i)&^f) }

// having counts the cells with that flag, all of them without one.
func (c *cells) having(flag uint32) (n int) {
	for i := range c.n {
		if c.has(i, flag) {
			n++
		}
	}
	return n
}

func (c *cells) shadow(i int) shadow {
	w := c.run[c.shadows(c.places)+4*i:][:4]
	return shadow{
		value{math.Float64frombits(w[0]), math.Float64frombits(w[1])},
		value{math.Float64frombits(w[2]), math.Float64frombits(w[3])},
	}
}

// setShadow sets an effective value too.
func (c *cells) setShadow(i int, s shadow) {
	w := c.run[c.shadows(c.places)+4*i:][:4]
	w[0], w[1] = math.Float64bits(s.base.weight), math.Float64bits(s.base.variance)
	w[2], w[3] = math.Float64bits(s.diff.weight), math.Float64bits(s.diff.variance)
	c.setWeight(i, s.base.weight+s.diff.weight)
	c.setVarianceAt(i, s.base.variance+s.diff.variance)
}

// move copies n cells from place i of another run, or of this one, to a place.
func (c *cells) move(to int, from *cells, i, n int) {
	copy(c.run[1+to:][:n], from.run[1+i:][:n])
	if c.Variance {
		copy(c.run[c.variances(c.places)+to:][:n], from.run[from.variances(from.places)+i:][:n])
	}
	if c.Shared {
		copy(c.run[c.shadows(c.places)+4*to:][:4*n], from.run[from.shadows(from.places)+4*i:][:4*n])
	}
	if to > i {
		for j := n - 1; j >= 0; j-- {
			c.setTag(to+j, from.tag(i+j))
		}
		return
	}
	for j := range n {
		c.setTag(to+j, from.tag(i+j))
	}
}

// setLen sets how many cells there are. They must be in the order of their
// labels.
func (c *cells) setLen(n int) {
	c.n = n
	c.dense = n > 0 && int(c.label(n-1)) == n-1
	c.run[0] = uint64(newHead(c.places, n, c.dense))
}

// search returns the place of a label's cell, or -1-p if there is none and it
// belongs at p.
func (c *cells) search(l Label) int {
	i := min(c.n-1, int(l))
	if c.dense && i == int(l) {
		return i
	}
	tags := c.run[c.tags(c.places):]
	for ; i >= 0; i-- {
		if at := labelAt(tags, uint(i)); at <= l {
			if at == l {
				return i
			}
			break
		}
	}
	return -2 - i
}

// insert makes a cell at place i of a label that has none. There must be room.
// Its weight is 0 and its variance 1.
func (c *cells) insert(i int, l Label) {
	if i < c.n {
		c.move(i+1, c, i, c.n-i)
	}
	if c.Shared {
		c.setShadow(i, shadow{})
	}
	c.setWeight(i, 0)
	c.setVarianceAt(i, 1)
	c.setTag(i, uint32(l)<<tagBits)
	c.setLen(c.n + 1)
}

// remove takes cell i out.
func (c *cells) remove(i int) {
	c.move(i, c, i+1, c.n-i-1)
	c.setLen(c.n - 1)
}
