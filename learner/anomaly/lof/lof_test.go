package lof

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/knn"
)

// table is statistics in memory.
type table struct{ kdist, lrd map[int]float64 }

func newTable() *table { return &table{map[int]float64{}, map[int]float64{}} }

func (s *table) KDist(row int) (float64, bool)   { d, ok := s.kdist[row]; return d, ok }
func (s *table) LRD(row int) (float64, bool)     { d, ok := s.lrd[row]; return d, ok }
func (s *table) SetKDist(row int, kdist float64) { s.kdist[row] = kdist }
func (s *table) SetLRD(row int, lrd float64)     { s.lrd[row] = lrd }

// points are rows on a line.
type points []float64

// nearest ranks the points by their distance from x.
func (p points) nearest(x float64, limit int) []knn.Neighbor {
	var list []knn.Neighbor
	for row, y := range p {
		list = append(list, knn.Neighbor{Row: row, Distance: math.Abs(x - y)})
	}
	slices.SortStableFunc(list, func(a, b knn.Neighbor) int { return cmp.Compare(a.Distance, b.Distance) })
	return list[:min(limit, len(list))]
}

func (p points) lists(rows []int, limit int) *knn.Lists {
	lists := &knn.Lists{}
	for _, row := range rows {
		lists.Append(p.nearest(p[row], limit))
	}
	return lists
}

// add adds a point as an engine does, and returns its score.
func (p *points) add(t *testing.T, s *table, x float64, k, ck int, d Density) float64 {
	t.Helper()
	row := len(*p)
	*p = append(*p, x)
	var rows []int
	for _, n := range p.nearest(x, ck) {
		rows = append(rows, n.Row)
	}
	if !slices.Contains(rows, row) {
		rows = append(rows, row)
	}
	Refresh(rows, p.lists(rows, k), s, d)
	score, err := Score(Others(p.nearest(x, k+1), row), s)
	if err != nil {
		t.Fatal(err)
	}
	return score
}

func TestWorkedExample(t *testing.T) {
	type statistics struct {
		row        int
		kdist, lrd float64
	}
	for _, c := range []struct {
		d      Density
		scores []float64
		after  []statistics
	}{
		{Exact, []float64{math.Inf(1), 1, 2.5, 3.75, 2.25}, []statistics{
			{0, 1, 1}, {1, 1, 1}, {2, 0.5, 2}, {3, 4, 0.25}, {4, 0.5, 2},
		}},
		{Damped, []float64{math.Inf(1), 0.9999999999999996, 2.4999999999999987, 3.7499999999999987, 2.2499999999999982}, []statistics{
			{2, 0.5, 1.9999999999999978}, {4, 0.5, 1.9999999999999978},
		}},
	} {
		var p points
		s := newTable()
		for i, x := range []float64{1, 2, 4, 8, 4.5} {
			score := p.add(t, s, x, 2, 3, c.d)
			if math.Abs(score-c.scores[i]) > 1e-15 {
				t.Errorf("density %d: adding %v scores %v, want %v", c.d, x, score, c.scores[i])
			}
			if i == 0 {
				want := math.Inf(1)
				if c.d == Damped {
					want = 999999999999999.9
				}
				if s.kdist[0] != 0 || s.lrd[0] != want {
					t.Errorf("density %d: the first row has %v, %v", c.d, s.kdist[0], s.lrd[0])
				}
			}
		}
		for _, w := range c.after {
			if s.kdist[w.row] != w.kdist || s.lrd[w.row] != w.lrd {
				t.Errorf("density %d: row %d has %v, %v, want %v, %v", c.d, w.row, s.kdist[w.row], s.lrd[w.row], w.kdist, w.lrd)
			}
		}
		// What the last addition did not refresh is outdated, which scores show.
		got, err := Score(p.nearest(3, 2), s)
		if err != nil || math.Abs(got-1.5) > 2e-15 {
			t.Errorf("density %d: 3 scores %v, %v, want 1.5", c.d, got, err)
		}
	}
}

// Rankings without the row itself, as the definition has them.
func TestDefinition(t *testing.T) {
	p := points{-1, 0, 1, 10}
	lists := &knn.Lists{}
	rows := []int{0, 1, 2, 3}
	for _, row := range rows {
		lists.Append(Others(p.nearest(p[row], 4), row))
	}
	// Others does not keep the order, so cut and sort again.
	sorted := &knn.Lists{}
	for i := range rows {
		l := lists.At(i)
		slices.SortStableFunc(l, func(a, b knn.Neighbor) int { return cmp.Compare(a.Distance, b.Distance) })
		sorted.Append(l[:2])
	}
	s := newTable()
	Refresh(rows, sorted, s, Exact)
	for row, want := range []struct{ kdist, lrd float64 }{{2, 2. / 3}, {1, 1. / 2}, {2, 2. / 3}, {10, 2. / 19}} {
		if s.kdist[row] != want.kdist || math.Abs(s.lrd[row]-want.lrd) > 1e-15 {
			t.Errorf("row %d: %v, %v, want %v", row, s.kdist[row], s.lrd[row], want)
		}
	}
	if got := density(p.nearest(2, 2), s, Exact); got != 0.5 {
		t.Errorf("density at 2 is %v, want 0.5", got)
	}
}

func TestDegenerate(t *testing.T) {
	for _, d := range []Density{Damped, Exact} {
		var p points
		s := newTable()
		same := map[Density]float64{Damped: 0, Exact: 1}[d]
		if got := p.add(t, s, 5, 2, 3, d); !math.IsInf(got, 1) {
			t.Errorf("the first row scores %v", got)
		}
		for range 2 {
			if got := p.add(t, s, 5, 2, 3, d); got != same {
				t.Errorf("density %d: a row like the others scores %v, want %v", d, got, same)
			}
		}
		got, err := Score(p.nearest(6, 2), s)
		if err != nil || d == Exact && !math.IsInf(got, 1) || d == Damped && got < 1e14 {
			t.Errorf("density %d: a row off a point scores %v, %v", d, got, err)
		}
	}
	if got, err := Score(nil, newTable()); err != nil || !math.IsInf(got, 1) {
		t.Errorf("a row without neighbours scores %v, %v", got, err)
	}
	s := newTable()
	s.SetKDist(1, 1)
	s.SetLRD(1, 1)
	var missing *MissingError
	if _, err := Score([]knn.Neighbor{{Row: 1}, {Row: 7}}, s); !errors.As(err, &missing) || missing.Row != 7 {
		t.Errorf("an unknown neighbour: %v", err)
	}
	// Of those who are near but unknown only the number counts.
	lists := &knn.Lists{}
	lists.Append([]knn.Neighbor{{Row: 1, Distance: 0}, {Row: 7, Distance: 3}})
	lists.Append(nil)
	s.SetKDist(2, 9)
	Refresh([]int{1, 2}, lists, s, Exact)
	if s.kdist[1] != 3 || s.lrd[1] != 2./3 {
		t.Errorf("with an unknown neighbour: %v, %v", s.kdist[1], s.lrd[1])
	}
	if s.kdist[2] != 9 || s.lrd[2] != 1 {
		t.Errorf("without neighbours: %v, %v", s.kdist[2], s.lrd[2])
	}
}

func TestSamePoint(t *testing.T) {
	zero := knn.Neighbor{}
	for _, c := range []struct {
		list []knn.Neighbor
		k    int
		want bool
	}{
		{nil, 2, false}, {nil, 1, false},
		{[]knn.Neighbor{zero}, 2, true},
		{[]knn.Neighbor{zero}, 3, false},
		{[]knn.Neighbor{zero, zero}, 3, true},
		{[]knn.Neighbor{zero, {Distance: 1e-300}}, 3, false},
	} {
		if got := SamePoint(c.list, c.k); got != c.want {
			t.Errorf("%v, k %d: %v", c.list, c.k, got)
		}
	}
}

// If every row is refreshed at every addition, the statistics are those of the
// definition, whatever the order of the rows.
func TestRefreshingAllIsBatch(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-100, 100), 1, 20).Draw(r, "values")
		k := rapid.IntRange(2, 5).Draw(r, "k")
		var p points
		s := newTable()
		for _, x := range values {
			p.add(t, s, x, k, len(values), Exact)
		}
		batch := newTable()
		rows := make([]int, len(p))
		for i := range rows {
			rows[i] = i
		}
		Refresh(rows, p.lists(rows, k), batch, Exact)
		for row := range rows {
			if s.kdist[row] != batch.kdist[row] || s.lrd[row] != batch.lrd[row] {
				r.Fatalf("row %d of %v: %v, %v, want %v, %v", row, values, s.kdist[row], s.lrd[row], batch.kdist[row], batch.lrd[row])
			}
		}
	})
}

func BenchmarkRefresh30(b *testing.B) {
	var p points
	for i := range 30 {
		p = append(p, float64(i*i))
	}
	rows := make([]int, len(p))
	s := slab{make([]float64, len(p)), make([]float64, len(p))}
	for i := range rows {
		rows[i] = i
	}
	lists := p.lists(rows, 10)
	b.ReportAllocs()
	for b.Loop() {
		Refresh(rows, lists, s, Exact)
	}
}

type slab struct{ kdist, lrd []float64 }

func (s slab) KDist(row int) (float64, bool)   { return s.kdist[row], true }
func (s slab) LRD(row int) (float64, bool)     { return s.lrd[row], true }
func (s slab) SetKDist(row int, kdist float64) { s.kdist[row] = kdist }
func (s slab) SetLRD(row int, lrd float64)     { s.lrd[row] = lrd }
