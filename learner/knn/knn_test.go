package knn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/storage/signature"
)

func build(t testing.TB, name, parameter string) *Index {
	t.Helper()
	v, err := config.Parse([]byte(parameter))
	if err != nil {
		t.Fatal(err)
	}
	x, err := New(name, v, ".parameter", "me")
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func vector(features map[string]float64) *fv.Vector {
	v := &fv.Vector{}
	for _, k := range []string{"a", "b", "x", "y"} {
		if value, ok := features[k]; ok {
			v.Append([]byte(k+"@num"), value)
		}
	}
	return v
}

func (x *Index) add(t testing.TB, id string, v *fv.Vector) {
	t.Helper()
	var s Signature
	x.Hash(v, &s)
	if _, err := x.Set([]byte(id), &s); err != nil {
		t.Fatal(err)
	}
}

func (x *Index) ranking(list []Neighbor) string {
	out := ""
	for _, n := range list {
		out += fmt.Sprintf("%s %v,", x.Table().ID(n.Row), n.Distance)
	}
	return out
}

func TestWorked(t *testing.T) {
	type features = map[string]float64
	x := build(t, "lsh", `{"hash_num":64}`)
	x.add(t, "x", vector(features{"a": 1, "b": -0.5}))
	x.add(t, "y", vector(features{"a": 1, "b": 0.5}))
	var s Signature
	x.Of(0, &s)
	if got := x.ranking(x.Nearest(&s, 10, nil)); got != "x 0,y 0.25," {
		t.Errorf("neighbours of x: %s", got)
	}
	x.Hash(vector(features{"a": 1}), &s)
	if got := x.ranking(x.Nearest(&s, 10, nil)); got != "y 0.09375,x 0.15625," {
		t.Errorf("neighbours of a: %s", got)
	}
	if x.Similarity(0.09375) != 0.90625 {
		t.Errorf("similarity %v", x.Similarity(0.09375))
	}
	for _, c := range []struct{ method, want string }{
		{"lsh", "a 0,b 0,c 0,"},
		{"minhash", "a 0,b 0,c 0,"},
		{"euclid_lsh", "a 0,b 0,c 1.4142135623730951,"},
	} {
		x := build(t, c.method, `{"hash_num":64}`)
		x.add(t, "a", vector(features{"x": 1, "y": 1}))
		x.add(t, "b", vector(features{"x": 1, "y": 1}))
		x.add(t, "c", vector(features{"x": 2, "y": 2}))
		x.Of(1, &s)
		if got := x.ranking(x.Nearest(&s, 3, nil)); got != c.want {
			t.Errorf("%s: %s, want %s", c.method, got, c.want)
		}
		if got := x.Nearest(&s, -1, nil); len(got) != 0 {
			t.Errorf("%s: a negative limit gives %v", c.method, got)
		}
	}
	if bits := math.Float64bits(build(t, "euclid_lsh", `{"hash_num":64}`).Similarity(0)); bits != 1<<63 {
		t.Errorf("similarity of nothing between is %x, want -0", bits)
	}
	// Features that repeat count apart.
	v := &fv.Vector{}
	v.Append([]byte("x"), 1)
	v.Append([]byte("x"), 2)
	if v.Norm() != math.Sqrt(5) {
		t.Errorf("norm %v", v.Norm())
	}
}

// Whatever the bounds and the parts, the ranking is that of all distances.
func TestAgainstSorting(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		bits := rapid.SampledFrom([]int{1, 7, 64, 100, 128, 200}).Draw(r, "bits")
		name := rapid.SampledFrom([]string{"lsh", "euclid_lsh", "minhash"}).Draw(r, "method")
		x := build(t, name, fmt.Sprintf(`{"hash_num":%d,"threads":2}`, bits))
		value := rapid.SampledFrom([]float64{1, 2, 0.5, -1, -3, 1e-170, 1e160})
		draw := func() *fv.Vector {
			f := map[string]float64{}
			for _, k := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "x", "y"}), 0, 4, rapid.ID[string]).Draw(r, "keys") {
				f[k] = value.Draw(r, "value")
			}
			return vector(f)
		}
		n := rapid.IntRange(0, 40).Draw(r, "rows")
		for i := range n {
			x.add(t, fmt.Sprint(i), draw())
		}
		var s Signature
		x.Hash(draw(), &s)
		var want []Neighbor
		for row := range n {
			h := signature.Hamming(s.words, x.table.WordsOf(0, row))
			d := float64(h) / float64(bits)
			if name == "euclid_lsh" {
				m := x.table.Doubles(1)[row]
				d = math.Abs(s.norm - m)
				if h != 0 {
					d = math.Sqrt((float64(s.norm*s.norm) + float64(m*m)) - float64(float64(2*s.norm*m)*x.cosines.At(h)))
				}
			}
			want = append(want, Neighbor{row, d})
		}
		slices.SortStableFunc(want, func(a, b Neighbor) int {
			switch {
			case a.Distance < b.Distance || b.Distance != b.Distance && a.Distance == a.Distance:
				return -1
			case a.Distance > b.Distance || a.Distance != a.Distance && b.Distance == b.Distance:
				return 1
			}
			return 0
		})
		for _, limit := range []int{0, 1, 3, n, math.MaxInt} {
			got := x.Nearest(&s, limit, nil)
			if w := want[:min(limit, n)]; !slices.EqualFunc(got, w, func(a, b Neighbor) bool {
				return a.Row == b.Row && (a.Distance == b.Distance || a.Distance != a.Distance && b.Distance != b.Distance)
			}) {
				r.Fatalf("%s, limit %d: %v, want %v", name, limit, got, w)
			}
		}
	})
}

// A large table is searched in parts, with the same result.
func TestParts(t *testing.T) {
	for _, name := range []string{"lsh", "euclid_lsh"} {
		one, two := build(t, name, `{"hash_num":512}`), build(t, name, `{"hash_num":512,"threads":2}`)
		rng := rand.New(rand.NewPCG(1, 2))
		s := Signature{words: make([]uint64, 8)}
		for i := range 2 * worthSplitting / 8 {
			for j := range s.words {
				s.words[j] = rng.Uint64() & 3
			}
			s.norm = float64(rng.IntN(5))
			for _, x := range []*Index{one, two} {
				if _, err := x.Set(fmt.Append(nil, i), &s); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got, want := two.Nearest(&s, 1000, nil), one.Nearest(&s, 1000, nil); !slices.Equal(got, want) {
			t.Errorf("%s: in %d parts the ranking is another", name, two.parts())
		}
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct{ method, parameter, want string }{
		{"LSH", `{"hash_num":64}`, "unsupported method (LSH)"},
		{"lsh", `null`, "Object is expected, but Null is given. (.parameter)"},
		{"lsh", `{}`, `"hash_num" is not found (.parameter)`},
		{"lsh", `{"hash_num":64.0}`, `Integer is expected, but Float is given. (.parameter.hash_num)`},
		{"lsh", `{"hash_num":0}`, "invalid parameter (expected: 1 <= hash_num)"},
		{"minhash", `{"hash_num":-1}`, "invalid parameter (expected: 1 <= hash_num)"},
		{"euclid_lsh", `{"hash_num":0}`, "invalid parameter (expected: 1 <= hash_num)"},
		{"lsh", `{"hash_num":1,"cache_size":-1}`, "invalid parameter (expected: 0 <= cache_size)"},
		{"minhash", `{"hash_num":1,"cache_size":1}`, `"cache_size" is not used (.parameter)`},
		{"lsh", `{"hash_num":1,"unlearner":"lru"}`, `"unlearner" is not used (.parameter)`},
		{"lsh", `{"hash_num":1,"threads":null,"cache_size":null}`, ""},
		{"euclid_lsh", `{"hash_num":1,"threads":-1,"cache_size":10}`, ""},
		{"minhash", `{"hash_num":1,"threads":3}`, ""},
	} {
		v, err := config.Parse([]byte(c.parameter))
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(c.method, v, ".parameter", "")
		got := ""
		var mistake *config.Error
		if errors.As(err, &mistake) {
			got = mistake.What
			if len(mistake.Messages) > 0 {
				got = mistake.Messages[0]
			}
		}
		if got != c.want {
			t.Errorf("%s %s: %q, want %q", c.method, c.parameter, got, c.want)
		}
	}
	if _, err := New("lsh", nil, ".parameter", ""); err == nil || err.Error() != "Object is expected, but Null is given. ()" {
		t.Errorf("no parameter: %v", err)
	}
}

func benchmark(b *testing.B, name string, bits, rows int) {
	x := build(b, name, fmt.Sprintf(`{"hash_num":%d}`, bits))
	rng := rand.New(rand.NewPCG(1, 2))
	s := Signature{words: make([]uint64, signature.Words(bits))}
	for i := range rows {
		for j := range s.words {
			s.words[j] = rng.Uint64()
		}
		s.norm = 5 + rng.Float64()
		if _, err := x.Set(fmt.Append(nil, i), &s); err != nil {
			b.Fatal(err)
		}
	}
	var dst []Neighbor
	b.ReportAllocs()
	for b.Loop() {
		dst = x.Nearest(&s, 10, dst)
	}
}

func BenchmarkLSH64of20000(b *testing.B)        { benchmark(b, "lsh", 64, 20000) }
func BenchmarkLSH64of1000000(b *testing.B)      { benchmark(b, "lsh", 64, 1000000) }
func BenchmarkEuclidLSH128of20000(b *testing.B) { benchmark(b, "euclid_lsh", 128, 20000) }
