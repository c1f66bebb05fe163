package gmm

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
	"github.com/jubatus/jubatus-go/learner/mt19937"
)

// row is names and values: "a", 1.0, …
type row []any

func sampleOf(rows ...row) *sparse.Sample {
	k := sparse.NewKeys()
	var stored []sparse.Vector
	for _, r := range rows {
		var names [][]byte
		var values []float64
		for i := 0; i < len(r); i += 2 {
			names, values = append(names, []byte(r[i].(string))), append(values, r[i+1].(float64))
		}
		var b sparse.Batch
		b.AddUnsorted(names, values)
		stored = append(stored, k.Intern(&b, 0))
	}
	s := sparse.NewSample(k, sparse.ByEuclid, len(rows))
	for _, v := range stored {
		s.Add(v, 1)
	}
	return s
}

// Factors give back the matrix, its determinant, and its inverse.
func TestFactor(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(rt, "n")
		// A matrix that is positive definite: B Bᵀ + I.
		b := make([][]float64, n)
		for i := range b {
			b[i] = rapid.SliceOfN(rapid.Float64Range(-2, 2), n, n).Draw(rt, "row")
		}
		f, m := newFactor(n), make([][]float64, n)
		for i := range m {
			m[i] = make([]float64, n)
		}
		for i := range n {
			for j := range n {
				for x := range n {
					m[i][j] += b[i][x] * b[j][x]
				}
				if i == j {
					m[i][j]++
				}
				if j <= i {
					f.row(i)[j] = m[i][j]
				}
			}
		}
		f.decompose()
		logDeterminant := 0.0
		for i := range n {
			logDeterminant += math.Log(f.row(i)[i])
			for j := range i + 1 {
				sum := 0.0
				for x := range j + 1 {
					l := f.row(i)[x]
					if x == i {
						l = 1
					}
					r := f.row(j)[x]
					if x == j {
						r = 1
					}
					sum += l * f.row(x)[x] * r
				}
				if math.Abs(sum-m[i][j]) > 1e-9 {
					rt.Fatalf("cell %d,%d is %v, want %v", i, j, sum, m[i][j])
				}
			}
		}
		if math.Abs(f.logDeterminant-logDeterminant) > 1e-9 {
			rt.Fatalf("log determinant %v, want %v", f.logDeterminant, logDeterminant)
		}
		// With y = M z, yᵀ M⁻¹ y is yᵀ z.
		z, y, want := rapid.SliceOfN(rapid.Float64Range(-3, 3), n, n).Draw(rt, "z"), make([]float64, n), 0.0
		for i := range n {
			for j := range n {
				y[i] += m[i][j] * z[j]
			}
			want += y[i] * z[i]
		}
		if got := f.quadratic(y); math.Abs(got-want) > 1e-8*(1+want) {
			rt.Fatalf("quadratic form %v, want %v", got, want)
		}
	})
}

// One component is the mean and the covariance of all.
func TestOneComponent(t *testing.T) {
	s := sampleOf(row{"a", 9.0, "b", 9.0}, row{"a", 1.0, "b", 2.0}, row{"a", 3.0, "b", 0.0}, row{"a", 5.0, "b", 1.0})
	g := New(1, 0)
	if err := g.Run(s); err != nil {
		t.Fatal(err)
	}
	// The first one has lost its a.
	mean := g.Mean(0)
	for i, want := range []float64{9.0 / 4, 12.0 / 4} {
		if math.Abs(mean.Values[i]-want) > 1e-12 {
			t.Errorf("mean %v", mean.Values)
		}
	}
	variance := (1+9+25)/4.0 - 81.0/16 + ridge
	if got := g.parts[0].factor.row(0)[0]; math.Abs(got-variance) > 1e-12 {
		t.Errorf("variance %v, want %v", got, variance)
	}
}

func TestDims(t *testing.T) {
	s := sampleOf(row{"m", 1.0, "z", 2.0}, row{"a", 3.0, "m", 4.0, "n", 5.0}, row{"a", 6.0, "z", 7.0})
	p := place(s)
	var names string
	for _, d := range p.dims {
		names += s.Keys().Name(d)
	}
	if names != "mzan" {
		t.Errorf("dimensions %s, want mzan", names)
	}
	if got, want := fmt.Sprint(p.vectors), "[[{1 2}] [{3 5}] [{2 6} {1 7}]]"; got != want {
		t.Errorf("vectors %s, want %s", got, want)
	}
	if got := fmt.Sprint(p.kept); got != "[1 2 3]" {
		t.Errorf("dimensions with values %s", got)
	}
}

func TestTwoComponents(t *testing.T) {
	random := mt19937.New(3)
	var rows []row
	for i := range 200 {
		c := float64(i%2) * 20
		rows = append(rows, row{"x", c + random.Gauss(), "y", -c + random.Gauss()})
	}
	s := sampleOf(rows...)
	g := New(2, 1)
	if err := g.Run(s); err != nil {
		t.Fatal(err)
	}
	var q Query
	for i := range rows {
		if g.Nearest(s.Vector(s.Row(i)), &q) == g.Nearest(s.Vector(s.Row((i+1)%200)), &q) {
			t.Fatalf("points %d and %d are of one component", i, i+1)
		}
	}
	means := map[bool]bool{}
	for c := range 2 {
		m := g.Mean(c)
		// The order is that of appearance; the first point has lost its x.
		x, y := m.Values[0], m.Values[1]
		if math.Abs(x+y) > 0.5 || math.Min(math.Abs(x), math.Abs(x-20)) > 0.3 {
			t.Errorf("mean %v", m.Values)
		}
		means[x > 10] = true
	}
	if len(means) != 2 {
		t.Error("the components are one")
	}
}

// The generator starts anew with Reset, and goes on otherwise.
func TestReset(t *testing.T) {
	var rows []row
	for i := range 9 {
		rows = append(rows, row{"x", float64(i * i)})
	}
	s := sampleOf(rows...)
	fit := func(g *GMM) string {
		if err := g.Run(s); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(g.Mean(0).Values, g.Mean(1).Values, g.Mean(2).Values)
	}
	g := New(3, 5)
	first, second := fit(g), fit(g)
	if err := g.Run(sampleOf()); err != nil || g.Performed() {
		t.Errorf("a run over nothing: %v, %v", err, g.Performed())
	}
	if again := fit(g); again != first || second == first {
		t.Errorf("%s, then %s, and after a reset %s", first, second, again)
	}
}

// A mixture stays what it is when its features get other numbers.
func TestRekey(t *testing.T) {
	s := sampleOf(row{"m", 1.0, "z", 2.0}, row{"a", 30.0, "m", 4.0}, row{"a", 31.0, "z", 3.0}, row{"m", 1.5, "z", 2.0})
	g := New(2, 3)
	if err := g.Run(s); err != nil {
		t.Fatal(err)
	}
	named := func(k *sparse.Keys) (text string) {
		for c := range 2 {
			m := g.Mean(c)
			for i, key := range m.Keys {
				text += fmt.Sprint(k.Name(key), m.Values[i], " ")
			}
		}
		return text
	}
	var q Query
	v := s.Vector(s.Row(2))
	before, at := named(s.Keys()), g.Nearest(v, &q)
	to := sparse.NewKeys()
	var b sparse.Batch
	b.AddUnsorted([][]byte{[]byte("y"), []byte("z")}, []float64{1, 1})
	to.Intern(&b, 0)
	g.Rekey(s.Keys(), to)
	if after := named(to); after != before {
		t.Errorf("means %s, before %s", after, before)
	}
	if again := g.Nearest(to.Adopt(v, s.Keys()), &q); again != at {
		t.Errorf("nearest %d, before %d", again, at)
	}
}

func TestTooLarge(t *testing.T) {
	var r row
	for i := range 5000 {
		r = append(r, fmt.Sprintf("f%05d", i), 1.0)
	}
	g := New(1, 0)
	if err := g.Run(sampleOf(row{"x", 1.0})); err != nil {
		t.Fatal(err)
	}
	if err := g.Run(sampleOf(r)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v", err)
	}
	if !g.Performed() || g.Mean(0).Values[0] != 1 {
		t.Error("the mixture is gone")
	}
	if err := New(math.MaxInt32, 0).Run(sampleOf(row{"x", 1.0})); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v", err)
	}
}

func BenchmarkRun300x16(b *testing.B) {
	random := mt19937.New(3)
	var rows []row
	for i := range 300 {
		var r row
		for j := range 16 {
			r = append(r, fmt.Sprintf("f%02d", j), random.Gauss()+float64(i%3*j))
		}
		rows = append(rows, r)
	}
	s, g := sampleOf(rows...), New(3, 0)
	b.ReportAllocs()
	for b.Loop() {
		if err := g.Run(s); err != nil {
			b.Fatal(err)
		}
	}
}
