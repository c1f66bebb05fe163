package lshindex

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	diff "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/storage/signature"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

var (
	_ engine.Mixable = (*Index)(nil)
	_ engine.Keeper  = (*Index)(nil)
)

// recorded are hashes of the original's.
type recorded struct {
	Index []struct {
		HashNum  int     `json:"hash_num"`
		TableNum int     `json:"table_num"`
		BinWidth float32 `json:"bin_width"`
		Seed     uint32
		SFV      [][2]any
		Shift    []string `json:"shift_first4_bits"`
		Buckets  []string
		Simhash  []string
		Norm     float64
		Probes   [][2]any `json:"first_probes"`
	} `json:"euclid_lsh_recommender"`
}

func hex(t *testing.T, texts []string) (out []uint64) {
	t.Helper()
	for _, s := range texts {
		x, err := strconv.ParseUint(s, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}

func TestRecorded(t *testing.T) {
	text, err := os.ReadFile("../../testdata/golden/vectors-similarity.json")
	if err != nil {
		t.Fatal(err)
	}
	var r recorded
	if err := json.Unmarshal(text, &r); err != nil || len(r.Index) == 0 {
		t.Fatal(err, len(r.Index))
	}
	probed := 0
	for _, c := range r.Index {
		x := New(Options{Hashes: c.HashNum, Tables: c.TableNum, Width: c.BinWidth, Seed: c.Seed})
		for j, want := range hex(t, c.Shift) {
			if got := uint64(math.Float32bits(x.shift[j])); got != want {
				t.Errorf("shift %d is %x, want %x", j, got, want)
			}
		}
		v := &fv.Vector{}
		for _, f := range c.SFV {
			v.Append([]byte(f[0].(string)), f[1].(float64))
		}
		var s Signature
		x.Hash(v, &s)
		q := x.borrow()
		x.place(q, &s)
		if d := diff.Diff(hex(t, c.Buckets), x.layout().buckets(q.record)); d != "" {
			t.Errorf("buckets of %v: %s", c.SFV, d)
		}
		if d := diff.Diff(hex(t, c.Simhash), x.layout().words(q.record)); d != "" {
			t.Errorf("signature of %v: %s", c.SFV, d)
		}
		if norm(q.record) != c.Norm {
			t.Errorf("norm of %v is %v, want %v", c.SFV, norm(q.record), c.Norm)
		}
		q.probes.start(q.rest, c.HashNum)
		for i, want := range c.Probes {
			key, table, _ := q.probes.next(q.base)
			got := fmt.Sprint(table, key)
			if want := fmt.Sprint(want[0], want[1]); got != want {
				t.Errorf("probe %d of %v is %s, want %s", i, c.SFV, got, want)
			}
			probed++
		}
	}
	if probed == 0 {
		t.Error("nothing was probed")
	}
}

func TestBuckets(t *testing.T) {
	for _, c := range []struct {
		key   []int32
		table int
		want  uint64
	}{
		{[]int32{0, 0}, 0, 0x5467b0da1d106495},
		{[]int32{-1, 2}, 1, 0x8b7ccab66add6be8},
	} {
		if got := bucketOf(c.key, c.table); got != c.want {
			t.Errorf("%v of table %d is %x, want %x", c.key, c.table, got, c.want)
		}
	}
	for x, want := range map[float32]int32{
		0.5: 0, -0.5: -1, -3: -3, 2e9: 2000000000, 3e9: math.MinInt32, -3e9: math.MinInt32,
		float32(math.Inf(1)): math.MinInt32, float32(math.NaN()): math.MinInt32,
	} {
		if got := floor(x); got != want {
			t.Errorf("bin of %v is %d, want %d", x, got, want)
		}
	}
}

func TestProbes(t *testing.T) {
	for _, c := range []struct {
		at     []float32
		hashes int
		want   []string
	}{
		{
			[]float32{0.2, 0.3, 0.4, 1.5, 1.65, 1.75}, 3,
			[]string{"0 [-1 0 0]", "1 [1 1 2]", "0 [0 -1 0]", "1 [1 2 1]", "0 [-1 -1 0]", "0 [0 0 -1]", "1 [1 2 2]"},
		},
		{[]float32{-0.4, 1.2}, 2, []string{"0 [-1 0]", "0 [0 1]", "0 [0 0]", "0 [-2 1]"}},
	} {
		var base []int32
		var rest []float32
		for _, x := range c.at {
			base = append(base, floor(x))
			rest = append(rest, x-float32(floor(x)))
		}
		var p probes
		for range 2 {
			p.start(rest, c.hashes)
			for i, want := range c.want {
				key, table, _ := p.next(base)
				if got := fmt.Sprint(table, key); got != want {
					t.Errorf("probe %d of %v: %s, want %s", i, c.at, got, want)
				}
			}
		}
	}
	// The sets of moves are as many as they can be, and then they end.
	var p probes
	p.start([]float32{0.3}, 1)
	n := 0
	for ; n < 10; n++ {
		if _, _, ok := p.next([]int32{0}); !ok {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d sets of two moves, want 3", n)
	}
}

// Of equal points none is nearer; a distance of nothing is -0.
func TestNearIsFirst(t *testing.T) {
	x := New(Options{Hashes: 8, Tables: 3, Width: 2, Probes: 50, Seed: 1})
	var s Signature
	for i := range 20 {
		x.set(t, fmt.Sprint(i), float64(i), &s)
	}
	x.Hash(vector(7), &s)
	got := x.Similar(&s, 3, nil)
	if len(got) == 0 || string(x.ID(got[0].Row)) != "7" || math.Float64bits(got[0].Score) != 1<<63 {
		t.Errorf("neighbours of 7: %v", got)
	}
	row, _ := x.Find([]byte("3"))
	if got := x.SimilarTo(row, 1, nil); len(got) != 1 || got[0].Score != 0 {
		t.Errorf("neighbours of row 3: %v", got)
	}
	for _, limit := range []int{0, -1} {
		if got := x.Similar(&s, limit, nil); len(got) != 0 {
			t.Errorf("limit %d gives %v", limit, got)
		}
	}
}

func vector(x float64) *fv.Vector {
	v := &fv.Vector{}
	v.Append([]byte("x"), x)
	v.Append([]byte("y"), 3-x/2)
	return v
}

func (x *Index) set(t testing.TB, id string, value float64, s *Signature) {
	t.Helper()
	x.Hash(vector(value), s)
	if err := x.Set([]byte(id), s); err != nil {
		t.Fatal(err)
	}
}

// naive is an index that keeps lists.
type naive struct {
	x    *Index
	rows []naiveRow
	next int             // number
	dead map[string]bool // ids that are not set again
}

type naiveRow struct {
	id     string
	number int
	record []uint64
}

func (n *naive) find(id string) int {
	return slices.IndexFunc(n.rows, func(r naiveRow) bool { return r.id == id })
}

func (n *naive) similar(record []uint64, probes [][2]any, limit int) string {
	l := n.x.layout()
	found := map[int]bool{}
	buckets := append([]uint64(nil), l.buckets(record)...)
	for _, p := range probes {
		buckets = append(buckets, bucketOf(p[1].([]int32), p[0].(int)))
	}
	for _, bucket := range buckets {
		for i, r := range n.rows {
			if slices.Contains(l.buckets(r.record), bucket) {
				found[i] = true
			}
		}
		if len(found) >= limit {
			break
		}
	}
	type scored struct {
		i int
		d float64
	}
	var list []scored
	for i := range n.rows {
		if !found[i] {
			continue
		}
		a, b := norm(record), norm(n.rows[i].record)
		match := float64(n.x.bits - signature.Hamming(l.words(record), l.words(n.rows[i].record)))
		d := math.Abs(a - b)
		if match != float64(n.x.bits) {
			cos := math.Cos((1 - match/float64(n.x.bits)) * math.Pi)
			d = math.Sqrt(a*a + b*b - 2*(b*a*cos))
		}
		list = append(list, scored{i, d})
	}
	slices.SortStableFunc(list, func(a, b scored) int {
		switch {
		case a.d < b.d-1e-9:
			return -1
		case a.d > b.d+1e-9:
			return 1
		}
		m, n := n.rows[a.i].number, n.rows[b.i].number
		return cmp.Compare(m%11, n%11)*2 + cmp.Compare(n, m)
	})
	out := ""
	for _, s := range list[:min(limit, len(list))] {
		out += fmt.Sprintf("%s %.9f,", n.rows[s.i].id, math.Abs(s.d))
	}
	return out
}

func (x *Index) ranking(list []Neighbor) string {
	out := ""
	for _, n := range list {
		out += fmt.Sprintf("%s %.9f,", x.ID(n.Row), math.Abs(n.Score))
	}
	return out
}

// Rows that come, change and go, through model files, too, are found as in
// lists.
func TestAgainstLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Options{
			Hashes: rapid.SampledFrom([]int{1, 2, 3, 40}).Draw(t, "hashes"),
			Tables: rapid.IntRange(1, 4).Draw(t, "tables"),
			Width:  rapid.SampledFrom([]float32{0.5, 2, 100}).Draw(t, "width"),
			Probes: rapid.IntRange(0, 8).Draw(t, "probes"), Seed: 7,
		}
		x := New(o)
		n := naive{x: x, dead: map[string]bool{}}
		id := rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e", "f", "g", "h"})
		value := rapid.IntRange(-9, 9)
		var s Signature
		draw := func() *search {
			x.Hash(vector(float64(value.Draw(t, "value"))), &s)
			q := x.borrow()
			x.place(q, &s)
			return q
		}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			id := id.Draw(t, "id")
			i := n.find(id)
			switch rapid.IntRange(0, 12).Draw(t, "op") {
			case 0:
				x.Clear()
				n.rows, n.next = nil, 0
				clear(n.dead)
			case 1:
				other := New(o)
				unpack(t, other, x.Pack(nil), engine.FromFile)
				unpack(t, x, other.Pack(nil), engine.FromFile)
				n.next = 0
				for i := range n.rows {
					n.rows[i].number = n.next
					n.next++
				}
				clear(n.dead)
			case 2, 3, 4:
				if got := x.Remove([]byte(id)); got != (i >= 0) {
					t.Fatalf("removed %q: %v", id, got)
				}
				if i >= 0 {
					n.rows = slices.Delete(n.rows, i, i+1)
					n.dead[id] = true
				}
			default:
				if n.dead[id] {
					continue
				}
				record := slices.Clone(draw().record)
				if err := x.Set([]byte(id), &s); err != nil {
					t.Fatal(err)
				}
				if i < 0 {
					n.rows = append(n.rows, naiveRow{id: id, number: n.next})
					n.next++
					i = len(n.rows) - 1
				}
				n.rows[i].record = record
			}
			if x.Len() != len(n.rows) {
				t.Fatalf("%d rows, want %d", x.Len(), len(n.rows))
			}
			limit := rapid.IntRange(1, 12).Draw(t, "limit")
			limit = min(limit, len(n.rows))
			q := draw()
			q.probes.start(q.rest, o.Hashes)
			var probes [][2]any
			for range o.Probes {
				if key, table, ok := q.probes.next(q.base); ok {
					probes = append(probes, [2]any{table, slices.Clone(key)})
				}
			}
			if got, want := x.ranking(x.Similar(&s, limit, nil)), n.similar(q.record, probes, limit); got != want {
				t.Fatalf("similar, limit %d: %s, want %s", limit, got, want)
			}
			for _, r := range n.rows {
				row, ok := x.Find([]byte(r.id))
				if !ok || !slices.Equal(x.Record(row), r.record) {
					t.Fatalf("row %q is %d, %v", r.id, row, ok)
				}
				if got, want := x.ranking(x.SimilarTo(row, limit, nil)), n.similar(r.record, nil, limit); got != want {
					t.Fatalf("similar to %q, limit %d: %s, want %s", r.id, limit, got, want)
				}
			}
		}
	})
}

func unpack(t interface{ Fatal(...any) }, x *Index, model []byte, from engine.Source) {
	r := mpack.NewReader(model)
	commit, err := x.Unpack(&r, from)
	if err != nil {
		t.Fatal(err)
	}
	commit()
}

func benchIndex(b *testing.B, rows int, width float32) (*Index, []*fv.Vector) {
	b.Helper()
	x := New(Options{Hashes: 64, Tables: 4, Width: width, Probes: 64, Seed: 1091})
	r := rand.New(rand.NewPCG(1, 2))
	vectors := make([]*fv.Vector, rows)
	var s Signature
	for i := range vectors {
		vectors[i] = &fv.Vector{}
		for j := range 16 {
			vectors[i].Append(fmt.Appendf(nil, "x%d@num", j), r.NormFloat64())
		}
		x.Hash(vectors[i], &s)
		if err := x.Set(fmt.Appendf(nil, "row%d", i), &s); err != nil {
			b.Fatal(err)
		}
	}
	return x, vectors
}

func BenchmarkSimilar10of10000(b *testing.B) {
	for _, width := range []float32{100, 10} {
		b.Run(fmt.Sprint("width", width), func(b *testing.B) {
			x, vectors := benchIndex(b, 10000, width)
			var s Signature
			var list []Neighbor
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				x.Hash(vectors[i%len(vectors)], &s)
				list = x.Similar(&s, 10, list)
			}
		})
	}
}

func BenchmarkSet(b *testing.B) {
	x, vectors := benchIndex(b, 10000, 100)
	var s Signature
	var id []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		id = fmt.Appendf(id[:0], "row%d", i%10000)
		x.Hash(vectors[i*7%len(vectors)], &s)
		if err := x.Set(id, &s); err != nil {
			b.Fatal(err)
		}
	}
}
