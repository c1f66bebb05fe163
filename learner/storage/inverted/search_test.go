package inverted

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/fv"
)

// odd is values with which sums are hard to get right in another order.
var odd = []float64{1, 2, -1, -2, 0.1, -0.1, 1e200, -1e200, 1e-200, math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1), math.NaN()}

// drawOdd draws a vector of some of so many features, in their order or not.
func drawOdd(t *rapid.T, features int, values []float64) *fv.Vector {
	v := &fv.Vector{}
	some := rapid.IntRange(0, features).Draw(t, "some")
	inOrder := rapid.Bool().Draw(t, "in order")
	for i := range some {
		f := i
		if !inOrder {
			f = rapid.IntRange(0, features).Draw(t, "feature")
		}
		v.AppendString(fmt.Sprint("f", f), rapid.SampledFrom(values).Draw(t, "value"))
	}
	return v
}

// drawOddIndex draws an index with cells and rows that were removed.
func drawOddIndex(t *rapid.T, features int, values []float64) *Index {
	x := New()
	for range rapid.IntRange(0, 60).Draw(t, "steps") {
		id := fmt.Append(nil, "r", rapid.IntRange(0, 30).Draw(t, "row"))
		switch rapid.IntRange(0, 15).Draw(t, "step") {
		case 0, 1, 2:
			x.Remove(id)
		case 3:
			mix(t, func() {}, x)
		default:
			x.Set(id, drawOdd(t, features, append(values, 0)))
		}
	}
	return x
}

// equal compares to the bit, but what is not a number is all the same.
func equal(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b }

func equalNeighbors(a, b []Neighbor) bool {
	return slices.EqualFunc(a, b, func(a, b Neighbor) bool { return a.Row == b.Row && equal(a.Score, b.Score) })
}

// dots multiplies all rows with a vector, one product after another.
func (x *Index) dots(v *fv.Vector) (dots []float64, square float64) {
	dots = make([]float64, len(x.norms))
	for i := range v.Len() {
		square += float64(v.Value(i) * v.Value(i))
		f, ok := x.features.Find(v.Key(i))
		if !ok {
			continue
		}
		for row := range dots {
			if at := x.postings[f].find(uint32(row)); at >= 0 && x.postings[f].live(at) {
				dots[row] += float64(v.Value(i) * x.postings[f].values[at])
			}
		}
	}
	return dots, square
}

// cosine ranks all rows by sorting them.
func (x *Index) cosine(v *fv.Vector, limit int) (list []Neighbor) {
	dots, square := x.dots(v)
	if square == 0 {
		return nil
	}
	for row, norm := range x.norms {
		if dots[row] == 0 || norm == 0 {
			continue
		}
		s := 1.0
		if norm != square || dots[row] != norm {
			s = (dots[row] / math.Sqrt(norm)) / math.Sqrt(square)
		}
		list = append(list, Neighbor{row, s})
	}
	slices.SortFunc(list, func(a, b Neighbor) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.Row, a.Row)) // not a number is least
	})
	list = list[:min(limit, len(list))]
	for i := range list {
		list[i].Score = max(-1, min(list[i].Score, 1))
	}
	return list
}

// All rows are gone through or only those of the lists: it is the same.
func TestCosineOfAllRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := odd[:rapid.IntRange(2, len(odd)).Draw(t, "values")]
		x := drawOddIndex(t, 9, values)
		for range 3 {
			v := drawOdd(t, 9, append(values, 0))
			limit := rapid.IntRange(1, 40).Draw(t, "limit")
			x.same(t, v, limit)
		}
	})
}

// same compares the ways to find similar rows.
func (x *Index) same(t tb, v *fv.Vector, limit int) {
	t.Helper()
	var some, all search
	x.look(&some, v)
	x.look(&all, v)
	want := x.cosine(v, limit)
	if got := x.Cosine(v, limit, nil); !equalNeighbors(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	if some.square == 0 {
		return
	}
	if got := x.similar(&all, limit, true, nil); !equalNeighbors(got, want) {
		t.Fatalf("all rows: %v, want %v", got, want)
	}
	if got := x.similar(&some, limit, false, nil); !equalNeighbors(got, want) {
		t.Fatalf("rows of lists: %v, want %v", got, want)
	}
	common := x.nearestInCommon(&some, limit, false, nil)
	if got := x.nearestInCommon(&all, limit, true, nil); !equalNeighbors(got, common) {
		t.Fatalf("in common of all rows: %v, want %v", got, common)
	}
	for row, sum := range slices.Concat(some.sums, all.sums) {
		if math.Float64bits(sum) != 0 {
			t.Fatalf("the sum of row %d remains: %v", row, sum)
		}
	}
}

func TestCosineOfAllRowsOfMany(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	x := New()
	draw := func() *fv.Vector {
		v := &fv.Vector{}
		for f := range 30 {
			if r.IntN(10) > 0 {
				v.AppendString(fmt.Sprint("f", f), float64(r.IntN(9))*0.1)
			}
		}
		return v
	}
	for i := range 500 {
		x.Set(fmt.Append(nil, i), draw())
	}
	for i := range 300 {
		x.Remove(fmt.Append(nil, r.IntN(400)))
		if i%10 == 0 {
			x.same(t, draw(), 20)
		}
	}
}

// The dot products are what adding one product after another makes of them,
// whichever are added at a time.
func TestProducts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := odd[:rapid.IntRange(2, len(odd)).Draw(t, "values")]
		x := drawOddIndex(t, 9, values)
		v := drawOdd(t, 9, append(values, 0))
		want, square := x.dots(v)
		var q search
		x.look(&q, v)
		x.products(&q)
		if !slices.EqualFunc(q.dots, want, equal) || !equal(q.square, square) {
			t.Fatalf("%v and %v, want %v and %v", q.dots, q.square, want, square)
		}
	})
}

// Rows that are in common are ranked once, even if their sums were 0 meanwhile.
func TestEuclidInCommonOnce(t *testing.T) {
	x := New()
	x.Set([]byte("a"), vector("f", 1.0, "g", 1.0, "h", 1.0))
	x.Set([]byte("b"), vector("h", 2.0))
	for range 2 {
		got := x.named(x.Euclid(vector("f", 1.0, "g", -1.0, "h", 1.0), 9, InCommon, nil))
		same(t, "ranking", got, []scored{{"b", math.Sqrt(3)}, {"a", 2}}, 0)
	}
}

// A list tells live cells by their values alone.
func (x *Index) checkLists(t tb) {
	t.Helper()
	for f := range x.postings {
		l := &x.postings[f]
		garbage, diffs := uint32(0), uint32(0)
		for i, row := range l.rows {
			if i > 0 && l.rows[i-1] >= row {
				t.Fatalf("rows %v", l.rows)
			}
			if l.states[i] == 0 {
				garbage++
				if l.live(i) {
					t.Fatalf("garbage has the value %v", l.values[i])
				}
			}
			if l.states[i]&inDiff != 0 {
				diffs++
			}
			if l.states[i] == inMaster && !l.live(i) {
				t.Fatal("the master has a cell without a value")
			}
		}
		if garbage != l.garbage || diffs != l.diffs || len(l.values) != l.len() || len(l.states) != l.len() {
			t.Fatalf("%d values, %d rows, %d states, %d garbage, %d diffs, want %d and %d",
				len(l.values), l.len(), len(l.states), l.garbage, l.diffs, garbage, diffs)
		}
	}
}
