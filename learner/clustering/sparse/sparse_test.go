package sparse

import (
	"maps"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// features is a vector in its plainest form, and a Source.
type features map[string]float64

func (f features) names() []string       { return slices.Sorted(maps.Keys(f)) }
func (f features) Len() int              { return len(f) }
func (f features) Key(i int) []byte      { return []byte(f.names()[i]) }
func (f features) Value(i int) float64   { return f[f.names()[i]] }
func (f features) intern(k *Keys) Vector { var b Batch; b.Add(f); return k.Intern(&b, 0) }

// euclid and cosineOf are what the distances must be to the last bit.
func euclid(a, b features) float64 {
	all := maps.Clone(a)
	maps.Copy(all, b)
	sum := 0.0
	for _, name := range all.names() {
		d := a[name] - b[name]
		sum += d * d
	}
	return math.Sqrt(sum)
}

func cosineOf(a, b features) float64 {
	dot, na, nb := 0.0, 0.0, 0.0
	for _, name := range a.names() {
		na += a[name] * a[name]
		if x, ok := b[name]; ok {
			dot += a[name] * x
		}
	}
	for _, name := range b.names() {
		nb += b[name] * b[name]
	}
	if na == 0 || nb == 0 {
		return 1
	}
	return 1 - max(-1, min(1, dot/math.Sqrt(na)/math.Sqrt(nb)))
}

func drawFeatures(rt *rapid.T, names []string) features {
	return rapid.MapOfN(rapid.SampledFrom(names), rapid.Float64Range(-10, 10), 0, len(names)).Draw(rt, "vector")
}

var (
	someNames  = []string{"b", "d", "dd", "f", "zz"}
	otherNames = []string{"a", "b", "c", "d", "da", "e", "f", "g", "zz", ""}
)

// Vectors that come at any time, among rankings, are as far apart as their
// plain forms.
func TestDistances(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k := NewKeys()
		var plain []features
		var stored []Vector
		for i := range rapid.IntRange(1, 6).Draw(rt, "n") {
			f := drawFeatures(rt, [][]string{someNames, otherNames}[i%2])
			plain, stored = append(plain, f), append(stored, f.intern(k))
			if rapid.Bool().Draw(rt, "rank") {
				k.Rank()
			}
		}
		for _, metric := range []Metric{ByEuclid, ByCosine} {
			s := NewSample(k, metric, 0)
			for _, v := range stored {
				s.Add(v, 1)
			}
			want := func(a, b features) float64 {
				if metric == ByCosine {
					return cosineOf(a, b)
				}
				return euclid(a, b)
			}
			eps := rapid.Float64Range(0, 20).Draw(rt, "eps")
			for i, p := range plain {
				near := map[int]bool{}
				for _, j := range s.Within(i, eps, nil) {
					near[int(j)] = true
				}
				for j, q := range plain {
					if near[j] != (want(q, p) < eps) {
						rt.Fatalf("%v is within %v of %v: %v", q, eps, p, near[j])
					}
				}
			}
			asked := drawFeatures(rt, append(otherNames, "x", "y"))
			var row Row
			k.Locate(asked, &row)
			var targets []Normed
			for i := range stored {
				for j := range stored {
					if got := s.Distance(i, j); got != want(plain[i], plain[j]) {
						rt.Fatalf("%v and %v are %v apart, want %v", plain[i], plain[j], got, want(plain[i], plain[j]))
					}
				}
				targets = append(targets, s.At(i))
			}
			best := 0
			for i, p := range plain {
				if want(asked, p) < want(asked, plain[best]) {
					best = i
				}
			}
			at, d := metric.Nearest(metric.Normed(row), targets)
			if at != best || d != want(asked, plain[best]) {
				rt.Fatalf("nearest to %v is %d at %v, want %d of %v", asked, at, d, best, plain)
			}
		}
	})
}

// A vector that is stored after the last ranking is located between what is
// ranked.
func TestLocator(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k := NewKeys()
		center := drawFeatures(rt, someNames)
		s := NewSample(k, ByEuclid, 1)
		v := center.intern(k)
		k.Rank()
		s.Add(v, 1)
		l := k.Locator(s.Row(0))
		for range 4 {
			f := drawFeatures(rt, otherNames)
			v := f.intern(k)
			for range 2 {
				if got := Euclidean(l.Row(v), s.Row(0)); got != euclid(f, center) {
					rt.Fatalf("%v is %v from %v, want %v", f, got, center, euclid(f, center))
				}
			}
		}
		if got := s.Row(0); !slices.IsSorted(got.Places) || len(got.Places) != len(center) {
			rt.Fatal("the locator has changed the row that it is to be like")
		}
	})
}

// The nearest of many dense rows, by the fast way.
func TestNearestDense(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.SampledFrom([]float64{0, 1, 2, 3, 1e-9, -1})
		places := []uint32{1, 3, 5}
		row := func() Row {
			return Row{Places: places, Values: rapid.SliceOfN(value, 3, 3).Draw(rt, "row")}
		}
		x := Normed{Row: row()}
		var targets []Normed
		for range rapid.IntRange(1, 11).Draw(rt, "targets") {
			targets = append(targets, Normed{Row: row()})
		}
		best := 0
		for i, r := range targets {
			if Euclidean(x.Row, r.Row) < Euclidean(x.Row, targets[best].Row) {
				best = i
			}
		}
		if got, d := ByEuclid.Nearest(x, targets); got != best || d != Euclidean(x.Row, targets[best].Row) {
			rt.Fatalf("%d, want %d", got, best)
		}
	})
}

func TestAdopt(t *testing.T) {
	from, to := NewKeys(), NewKeys()
	a, b := features{"x": 1, "y": 2}, features{"y": 3, "z": 4}
	va, vb := a.intern(from), b.intern(from)
	b.intern(to)
	wa, again, wb := to.Adopt(va, from), to.Adopt(va, from), to.Adopt(vb, from)
	for i, id := range wa.Keys {
		if to.Name(id) != a.names()[i] || wa.Values[i] != a.Value(i) {
			t.Errorf("feature %d is %s", i, to.Name(id))
		}
	}
	if &wa.Keys[0] != &again.Keys[0] {
		t.Error("vectors with the same features do not share their keys")
	}
	if to.Name(wb.Keys[0]) != "y" || to.Name(wb.Keys[1]) != "z" || to.Len() != 3 {
		t.Errorf("%d keys", to.Len())
	}
}

func TestAddUnsorted(t *testing.T) {
	var b Batch
	b.AddUnsorted([][]byte{[]byte("b"), []byte("a"), []byte("b"), []byte("")}, []float64{1, 2, 3, 4})
	b.AddUnsorted(nil, nil)
	b.AddUnsorted([][]byte{[]byte("a"), []byte("a")}, []float64{5, 6})
	k := NewKeys()
	var got []string
	for i := range b.Len() {
		v := k.Intern(&b, i)
		for j, id := range v.Keys {
			got = append(got, k.Name(id)+string(rune('0'+int(v.Values[j]))))
		}
	}
	if want := []string{"4", "a2", "b3", "a6"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// What is exactly as far away as eps is not within it, to the last bit.
func TestWithinIsStrict(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k := NewKeys()
		var stored []Vector
		for range 2 {
			f := features{"x": rapid.Float64Range(-9, 9).Draw(rt, "x"), "y": rapid.Float64Range(-9, 9).Draw(rt, "y")}
			stored = append(stored, f.intern(k))
		}
		s := NewSample(k, ByEuclid, 2)
		s.Add(stored[0], 1)
		s.Add(stored[1], 1)
		d := s.Distance(0, 1)
		if n := len(s.Within(0, d, nil)); n > 1 {
			rt.Fatalf("%d within %v", n, d)
		}
		if n := len(s.Within(0, math.Nextafter(d, 100), nil)); n != 2 {
			rt.Fatalf("%d within a little more than %v", n, d)
		}
	})
}
