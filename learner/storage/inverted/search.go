package inverted

import (
	"math"
	"slices"
	"unsafe"

	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/storage/numbering"
	"github.com/jubatus/jubatus-go/learner/storage/prefetch"
	"github.com/jubatus/jubatus-go/learner/storage/topk"
)

// Neighbor is a row and its similarity or distance.
type Neighbor struct {
	Row   int
	Score float64
}

// search is the memory of one search.
type search struct {
	terms   []term
	numbers []uint32  // of features that were looked up
	cells   int       // of all terms
	square  float64   // the squared length of what is searched for
	dots    []float64 // by row
	sums    []float64 // by row, 0 between searches
	touched []uint32  // the rows that have a sum; some may repeat
	top     topk.Smallest[float64]
}

// term is a feature of what is searched for that the index knows.
type term struct {
	value float64
	list  *list
}

// Cosine returns at most limit rows that have features in common with a
// vector, by their cosine similarity to it: the largest first, and of rows
// that are equally similar the later one. Those whose dot product is 0 are
// left out. The features may repeat; then they count apart in the norm. The
// result is in dst if there is room.
func (x *Index) Cosine(v *fv.Vector, limit int, dst []Neighbor) []Neighbor {
	dst = dst[:0]
	if limit <= 0 || v.Len() == 0 {
		return dst
	}
	q := x.borrow()
	x.look(q, v)
	if q.square != 0 {
		const few = 3 // rows of all, measured, take as long as a cell of some
		dst = x.similar(q, limit, few*q.cells >= len(x.norms), dst)
	}
	q.forget()
	x.searches.Put(q)
	return dst
}

// similar ranks rows by their cosine similarity to what was looked up. Where
// cells are many it is faster to go through all rows: all says so, and makes no
// other difference.
func (x *Index) similar(q *search, limit int, all bool, dst []Neighbor) []Neighbor {
	q.top.Reset(min(limit, len(x.norms)))
	c := cosines{top: &q.top, square: q.square, root: math.Sqrt(q.square)}
	if all {
		x.products(q)
		dots := q.dots[:len(x.norms)]
		for row := len(dots) - 1; row >= 0; row-- {
			if dot, norm := dots[row], x.norms[row]; !c.far(dot, norm) {
				c.add(dot, norm, uint32(row))
			}
		}
	} else {
		x.multiply(q)
		for _, row := range slices.Backward(q.touched) {
			dot, norm := q.sums[row], x.norms[row]
			q.sums[row] = 0 // and so a row counts once
			if !c.far(dot, norm) {
				c.add(dot, norm, row)
			}
		}
	}
	for _, item := range q.top.Sorted() {
		dst = append(dst, Neighbor{int(^item.Row), max(-1, min(-item.X, 1))})
	}
	return dst
}

// cosines collects the most similar rows. Of rows that are equally similar it
// does best to see the later ones first.
type cosines struct {
	top          *topk.Smallest[float64]
	square, root float64 // of the length of what is searched for, and itself
	bound        float64 // what the square of a dot product must reach, per squared norm

	// The last row's. Where values are all alike, so are most rows.
	dot, norm, similarity float64
}

// far reports whether a row is seen to be too far off without a root and two
// divisions, as most are.
func (c *cosines) far(dot, norm float64) bool {
	least := c.bound * norm
	return float64(dot*math.Abs(dot)) < least && least > 1e-280 && least < math.MaxFloat64
}

// add adds a row unless it has nothing in common or is not there.
func (c *cosines) add(dot, norm float64, row uint32) {
	if dot == 0 || norm == 0 {
		return
	}
	if dot != c.dot || norm != c.norm {
		c.dot, c.norm, c.similarity = dot, norm, 1
		if norm != c.square || dot != norm {
			c.similarity = (dot / math.Sqrt(norm)) / c.root
		}
	}
	if c.top.Add(-c.similarity, ^row) {
		if last, full := c.top.Last(); full && last.X < 0 {
			c.bound = float64(last.X*last.X) * c.square * (1 - 1e-12)
		}
	}
}

// Rows is which rows Euclid ranks.
type Rows uint8

// The choices of rows.
const (
	AllRows  Rows = iota
	InCommon      // those that have a feature in common with what is searched for
)

// Euclid returns at most limit rows by their Euclidean distance from a vector:
// the nearest first, and of rows that are equally far the later one. The
// features may repeat; then they count apart in the norm. The result is in dst
// if there is room.
func (x *Index) Euclid(v *fv.Vector, limit int, rows Rows, dst []Neighbor) []Neighbor {
	dst = dst[:0]
	if limit <= 0 || x.n == 0 {
		return dst
	}
	q := x.borrow()
	x.look(q, v)
	if rows == AllRows {
		x.products(q)
		dst = x.nearest(q, limit, dst)
	} else {
		const many = 8 // per row, as their rows must be marked, too
		dst = x.nearestInCommon(q, limit, q.cells >= many*len(x.norms), dst)
	}
	q.forget()
	x.searches.Put(q)
	return dst
}

// nearestInCommon ranks the rows that have something in common with what was
// looked up. It may go through all rows as similar does.
func (x *Index) nearestInCommon(q *search, limit int, all bool, dst []Neighbor) []Neighbor {
	q.top.Reset(min(limit, x.n))
	if all {
		x.products(q)
		x.mark(q)
		d := newDistances(q)
		for row := len(q.dots) - 1; row >= 0; row-- {
			if q.sums[row] != 0 {
				q.sums[row] = 0
				norm := x.norms[row]
				if d2 := (d.square + norm) - 2*q.dots[row]; !(d2 >= d.bound) && norm > 0 {
					d.add(d2, uint32(row))
				}
			}
		}
	} else {
		x.multiply(q)
		taken := math.Copysign(0, -1) // no sum is: they start at 0
		for _, row := range q.touched {
			if dot := q.sums[row]; math.Float64bits(dot) != math.Float64bits(taken) {
				q.sums[row] = taken
				if norm := x.norms[row]; norm > 0 {
					q.top.Add(math.Sqrt(clip((q.square+norm)-2*dot)), ^row)
				}
			}
		}
		for _, row := range q.touched {
			q.sums[row] = 0
		}
	}
	for _, item := range q.top.Sorted() {
		dst = append(dst, Neighbor{int(^item.Row), item.X})
	}
	return dst
}

// distances collects the nearest rows. Of rows that are equally far it must see
// the later ones first: then it need not look at the others.
type distances struct {
	top    *topk.Smallest[float64]
	square float64 // of the length of what is searched for
	bound  float64 // which squares of distances do not reach, once there are enough rows
}

func newDistances(q *search) distances { return distances{&q.top, q.square, math.NaN()} }

func (d *distances) add(d2 float64, row uint32) {
	if d.top.Add(math.Sqrt(clip(d2)), ^row) {
		if last, full := d.top.Last(); full {
			d.bound = float64(last.X * last.X)
		}
	}
}

// nearest ranks all rows by their distance from what was looked up, of which
// the dot products with all rows are given.
func (x *Index) nearest(q *search, limit int, dst []Neighbor) []Neighbor {
	dst = dst[:0]
	q.top.Reset(min(limit, x.n))
	d, dots := newDistances(q), q.dots[:len(x.norms)]
	for row := len(dots) - 1; row >= 0; row-- {
		norm := x.norms[row]
		if d2 := (d.square + norm) - 2*dots[row]; !(d2 >= d.bound) && norm > 0 {
			d.add(d2, uint32(row))
		}
	}
	for _, item := range q.top.Sorted() {
		dst = append(dst, Neighbor{int(^item.Row), item.X})
	}
	return dst
}

// look looks up the features of a vector, in its order, and computes its
// squared length. Where rows have the same features in the same order, those
// follow one another by number, and then a comparison finds the next one. Once
// some do not, the others are looked up together.
func (x *Index) look(q *search, v *fv.Vector) {
	q.terms, q.cells, q.square = q.terms[:0], 0, 0
	f, known, follows := uint32(0), false, false
	strays := 0
	for i := range v.Len() {
		key, next := v.Key(i), f+1
		if follows && int(next) < x.features.Len() && x.features.Name(next) == string(key) {
			f = next
		} else if strays++; strays > 2 {
			x.lookAll(q, v, i)
			return
		} else if f, known = x.features.Find(key); known {
			follows = f == next
		} else {
			follows = false
			f = numbering.None
		}
		x.take(q, f, v.Value(i))
	}
}

// lookAll looks up the features from start on. What is to be loaded for them is
// loaded for all of them at once.
func (x *Index) lookAll(q *search, v *fv.Vector, start int) {
	q.numbers = x.features.FindAll(q.numbers[:0], v.Len()-start, func(i int) []byte { return v.Key(start + i) })
	var lines prefetch.Lines
	for some := range slices.Chunk(q.numbers, prefetch.Most/listLines) {
		for _, f := range some {
			if f != numbering.None {
				lines.Add(unsafe.Pointer(&x.postings[f]))
				lines.Add(unsafe.Pointer(&x.postings[f].states))
			}
		}
		lines.Load()
		for _, f := range some {
			if f != numbering.None {
				x.postings[f].prefetch(&lines)
			}
		}
		lines.Load()
	}
	for i, f := range q.numbers {
		x.take(q, f, v.Value(start+i))
	}
}

// take takes a feature of that value into a search. It may be None.
func (x *Index) take(q *search, f uint32, value float64) {
	q.square += float64(value * value)
	if f == numbering.None {
		return
	}
	l := &x.postings[f]
	q.terms = append(q.terms, term{value, l})
	q.cells += l.len()
}

// clip is a square that rounding has not made negative.
func clip(d2 float64) float64 {
	if d2 < 0 {
		return 0
	}
	return d2
}

func (x *Index) borrow() *search {
	if q, ok := x.searches.Get().(*search); ok {
		return q
	}
	return &search{}
}

// forget lets go of lists that may be replaced before the next search.
func (q *search) forget() { clear(q.terms) }

// mark makes 1 the sums of all rows that are there and have something in common
// with what was looked up.
func (x *Index) mark(q *search) {
	x.grow(q)
	left := x.n
	for _, t := range q.terms {
		if left == 0 {
			return
		}
		rows := t.list.rows
		for i, v := range t.list.values[:len(rows)] {
			if row := rows[i]; v != 0 && q.sums[row] == 0 && x.norms[row] > 0 {
				q.sums[row] = 1
				left--
			}
		}
	}
}

// grow makes room for the sums of all rows.
func (x *Index) grow(q *search) {
	if len(q.sums) < len(x.norms) {
		q.sums = append(q.sums, make([]float64, len(x.norms)-len(q.sums))...)
	}
}

// multiply computes the sums of all rows that have something in common with
// what was looked up, of each in the order of the features.
func (x *Index) multiply(q *search) {
	x.grow(q)
	q.touched = slices.Grow(q.touched[:0], q.cells)[:q.cells]
	n := 0
	sums, touched := q.sums, q.touched
	for _, t := range q.terms {
		values := t.list.values
		for i, row := range t.list.rows[:len(values)] {
			v := values[i]
			if v == 0 {
				continue
			}
			sum := sums[row]
			touched[n] = row // without a jump: it would be hard to foresee
			if sum == 0 {
				n++
			}
			sums[row] = sum + float64(t.value*v)
		}
	}
	q.touched = touched[:n]
}
