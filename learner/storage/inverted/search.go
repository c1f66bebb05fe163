package inverted

import (
	"math"

	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/storage/topk"
)

// Neighbor is a row and its similarity or distance.
type Neighbor struct {
	Row   int
	Score float64
}

// search is the memory of one search.
type search struct {
	sums    []sum // by row
	epoch   uint32
	touched []uint32 // the rows with a sum of this epoch
	dots    []float64
	top     topk.Smallest[float64]
}

// sum is the dot product of a row with what is searched for.
type sum struct {
	dot   float64
	epoch uint32
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
	defer x.searches.Put(q)
	square := x.multiply(q, v)
	if square == 0 {
		return dst
	}
	root := math.Sqrt(square)
	q.top.Reset(min(limit, len(q.touched)))
	bound := 0.0 // what the square of a dot product must reach, per squared norm
	for _, row := range q.touched {
		dot, norm := q.sums[row].dot, x.norms[row]
		if dot == 0 || norm == 0 {
			continue
		}
		if bound > 0 {
			// Most rows are seen to be too far off without a root and two
			// divisions.
			if least := bound * norm; dot < 0 || float64(dot*dot) < least && least > 1e-280 && least < math.MaxFloat64 {
				continue
			}
		}
		s := 1.0
		if norm != square || dot != norm {
			s = (dot / math.Sqrt(norm)) / root
		}
		if q.top.Add(-s, ^row) {
			if last, full := q.top.Last(); full && last.X < 0 {
				bound = float64(last.X*last.X) * square * (1 - 1e-12)
			}
		}
	}
	for _, item := range q.top.Sorted() {
		dst = append(dst, Neighbor{int(^item.Row), max(-1, min(-item.X, 1))})
	}
	return dst
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
	defer x.searches.Put(q)
	if rows == AllRows {
		var square float64
		square, q.dots = x.products(v, q.dots)
		return x.nearest(square, q.dots, limit, &q.top, dst)
	}
	square := x.multiply(q, v)
	q.top.Reset(min(limit, x.n))
	for _, row := range q.touched {
		if norm := x.norms[row]; norm > 0 {
			q.top.Add(math.Sqrt(clip((square+norm)-2*q.sums[row].dot)), ^row)
		}
	}
	for _, item := range q.top.Sorted() {
		dst = append(dst, Neighbor{int(^item.Row), item.X})
	}
	return dst
}

// nearest ranks all rows by their distance from a vector, of which the squared
// length and the dot products with all rows are given.
func (x *Index) nearest(square float64, dots []float64, limit int, top *topk.Smallest[float64], dst []Neighbor) []Neighbor {
	dst = dst[:0]
	top.Reset(min(limit, x.n))
	bound := math.Inf(1) // on the square of the distance
	dots = dots[:len(x.norms)]
	for row, norm := range x.norms {
		if !(norm > 0) {
			continue
		}
		d2 := (square + norm) - 2*dots[row]
		if d2 > bound {
			continue
		}
		if top.Add(math.Sqrt(clip(d2)), ^uint32(row)) {
			if last, full := top.Last(); full && last.X == last.X {
				bound = float64(last.X*last.X) * (1 + 1e-14)
			}
		}
	}
	for _, item := range top.Sorted() {
		dst = append(dst, Neighbor{int(^item.Row), item.X})
	}
	return dst
}

// products computes the dot products of a vector with all rows, in dots if
// there is room, the features in its order, and returns its squared length.
func (x *Index) products(v *fv.Vector, dots []float64) (square float64, _ []float64) {
	n := len(x.norms)
	if cap(dots) < n {
		dots = make([]float64, n+n/4)
	}
	dots = dots[:n]
	clear(dots)
	var some terms
	for i := range v.Len() {
		value := v.Value(i)
		square += float64(value * value)
		f, ok := x.features.Find(v.Key(i))
		if !ok {
			continue
		}
		if value-value != 0 { // infinite, or not a number
			some.add(dots)
			for _, c := range x.postings[f].cells {
				if c.state&live != 0 {
					dots[c.row] += float64(value * c.value)
				}
			}
			continue
		}
		some.values[some.n], some.cells[some.n] = value, x.postings[f].cells
		if some.n++; some.n == len(some.cells) {
			some.add(dots)
		}
	}
	some.add(dots)
	return square, dots
}

// terms are features that are added to dot products at a time.
type terms struct {
	values [4]float64
	cells  [4][]cell
	n      int
}

// add adds what was collected, each row's products in the order of the
// features. Cells that are not live are 0 and change nothing. Features that
// all rows have, from the first on, are added together.
func (t *terms) add(dots []float64) {
	from := 0
	if t.n == len(t.cells) {
		a, b, c, d := t.cells[0], t.cells[1], t.cells[2], t.cells[3]
		if n := len(a); len(b) == n && len(c) == n && len(d) == n {
			from = addAligned(dots, &t.values, a, b, c, d)
		}
	}
	for i := range t.n {
		value := t.values[i]
		for _, c := range t.cells[i][from:] {
			dots[c.row] += float64(value * c.value)
		}
	}
	t.n = 0
}

// dense reports whether cells are those of the first rows, all of them.
func dense(cells []cell) bool {
	n := len(cells)
	return n > 0 && int(cells[n-1].row) == n-1
}

// addAligned adds four features as long as their cells are of the same rows,
// and returns of how many.
func addAligned(dots []float64, values *[4]float64, a, b, c, d []cell) int {
	x, y, z, w := values[0], values[1], values[2], values[3]
	b, c, d = b[:len(a)], c[:len(a)], d[:len(a)]
	if dense(a) && dense(b) && dense(c) && dense(d) {
		dots = dots[:len(a)]
		for i, sum := range dots {
			sum += float64(x * a[i].value)
			sum += float64(y * b[i].value)
			sum += float64(z * c[i].value)
			dots[i] = sum + float64(w*d[i].value)
		}
		return len(a)
	}
	for i := range a {
		row := a[i].row
		if b[i].row != row || c[i].row != row || d[i].row != row {
			return i
		}
		sum := dots[row] + float64(x*a[i].value)
		sum += float64(y * b[i].value)
		sum += float64(z * c[i].value)
		dots[row] = sum + float64(w*d[i].value)
	}
	return len(a)
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

// multiply computes the dot products of all rows that have something in common
// with a vector, the features in its order, and returns its squared norm.
func (x *Index) multiply(q *search, v *fv.Vector) (square float64) {
	if len(q.sums) < len(x.norms) {
		q.sums = append(q.sums, make([]sum, len(x.norms)-len(q.sums))...)
	}
	if q.epoch++; q.epoch == 0 {
		clear(q.sums)
		q.epoch = 1
	}
	sums, epoch, touched := q.sums, q.epoch, q.touched[:0]
	for i := range v.Len() {
		value := v.Value(i)
		square += float64(value * value)
		f, ok := x.features.Find(v.Key(i))
		if !ok {
			continue
		}
		for _, c := range x.postings[f].cells {
			if c.state&live == 0 {
				continue
			}
			s := &sums[c.row]
			if s.epoch != epoch {
				s.epoch = epoch
				s.dot = 0
				touched = append(touched, c.row)
			}
			s.dot += float64(value * c.value)
		}
	}
	q.touched = touched
	return square
}
