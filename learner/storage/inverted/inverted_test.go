package inverted

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func vector(entries ...any) *fv.Vector {
	v := &fv.Vector{}
	for i := 0; i < len(entries); i += 2 {
		v.AppendString(entries[i].(string), entries[i+1].(float64))
	}
	return v
}

// tb is a test or a run of a property.
type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// scored is an id and a score.
type scored struct {
	id    string
	score float64
}

func (x *Index) named(list []Neighbor) (out []scored) {
	for _, n := range list {
		out = append(out, scored{x.ID(n.Row), n.Score})
	}
	return out
}

func same(t tb, what string, got, want []scored, tolerance float64) {
	t.Helper()
	ok := len(got) == len(want)
	for i := 0; ok && i < len(got); i++ {
		ok = got[i].id == want[i].id && math.Abs(got[i].score-want[i].score) <= tolerance
	}
	if !ok {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func TestCosine(t *testing.T) {
	x := New()
	x.Set([]byte("r1"), vector("c1", 1.0, "c2", 1.0, "c3", 1.0))
	x.Set([]byte("r2"), vector("c1", 1.0, "c3", 1.0, "c4", 1.0))
	x.Set([]byte("r3"), vector("c2", 1.0, "c5", 1.0))
	x.Set([]byte("empty"), vector())
	q := vector("c1", 1.0, "c2", 1.0)
	want := []scored{{"r1", 2 / math.Sqrt(3) / math.Sqrt(2)}, {"r3", 1 / math.Sqrt(2) / math.Sqrt(2)}, {"r2", 1 / math.Sqrt(3) / math.Sqrt(2)}}
	for limit := range 5 {
		same(t, "ranking", x.named(x.Cosine(q, limit, nil)), want[:min(limit, 3)], 0)
	}
	if got := x.Cosine(vector(), 3, nil); len(got) != 0 {
		t.Errorf("similar to nothing: %v", got)
	}
	if x.Len() != 3 {
		t.Errorf("%d rows", x.Len())
	}
	if s := x.Cosine(vector("c2", 1.0, "c5", 1.0), 1, nil); s[0].Score != 1 {
		t.Errorf("similarity to itself %v", s[0].Score)
	}
	x.Set([]byte("r4"), vector("c1", -1.0, "c2", -1.0))
	last := x.Cosine(q, 10, nil)
	if got := last[len(last)-1]; x.ID(got.Row) != "r4" || got.Score > -0.999999 || got.Score < -1 {
		t.Errorf("the opposite is similar by %v", got)
	}
}

func TestTiesAreByLaterRow(t *testing.T) {
	x := New()
	for _, id := range []string{"a", "b", "c", "d"} {
		x.Set([]byte(id), vector("f", 1.0))
	}
	want := []scored{{"d", 1}, {"c", 1}, {"b", 1}}
	same(t, "cosine", x.named(x.Cosine(vector("f", 2.0), 3, nil)), want, 0)
	// A row that comes again has its old number.
	x.Remove([]byte("d"))
	x.Remove([]byte("b"))
	x.Set([]byte("b"), vector("f", 1.0))
	x.Set([]byte("d"), vector("f", 1.0))
	same(t, "cosine again", x.named(x.Cosine(vector("f", 2.0), 3, nil)), want, 0)
	same(t, "euclid", x.named(x.Euclid(vector("f", 1.0), 2, AllRows, nil)), []scored{{"d", 0}, {"c", 0}}, 0)
}

func TestEuclid(t *testing.T) {
	x := New()
	x.Set([]byte("v1"), vector("a", 1.0, "b", 1.0))
	x.Set([]byte("v2"), vector("a", 4.0, "c", 5.0))
	for _, c := range []struct {
		q    *fv.Vector
		rows Rows
		want []scored
	}{
		{vector("a", 1.0), InCommon, []scored{{"v1", 1}, {"v2", math.Sqrt(34)}}},
		{vector("c", 1.0), InCommon, []scored{{"v2", math.Sqrt(32)}}},
		{vector("a", 1.0, "b", -1.0), InCommon, []scored{{"v1", 2}, {"v2", math.Sqrt(35)}}},
		{vector("z", 1.0), InCommon, nil},
		{vector("z", 1.0), AllRows, []scored{{"v1", math.Sqrt(3)}, {"v2", math.Sqrt(42)}}},
		{vector(), AllRows, []scored{{"v1", math.Sqrt(2)}, {"v2", math.Sqrt(41)}}},
		{vector(), InCommon, nil},
	} {
		same(t, fmt.Sprint(c.want), x.named(x.Euclid(c.q, 9, c.rows, nil)), c.want, 0)
	}
}

// naive is rows as maps.
type naive map[string]map[string]float64

func (m naive) set(id string, v *fv.Vector) {
	for i := range v.Len() {
		if m[id] == nil {
			m[id] = map[string]float64{}
		}
		if v.Value(i) == 0 {
			delete(m[id], string(v.Key(i)))
		} else {
			m[id][string(v.Key(i))] = v.Value(i)
		}
	}
	if len(m[id]) == 0 {
		delete(m, id)
	}
}

func (m naive) square(id string) (sum float64) {
	for _, x := range m[id] {
		sum += x * x
	}
	return sum
}

// rank ranks ids by a score, the smallest first.
func (m naive) rank(score func(id string) (float64, bool)) (list []scored) {
	for id := range m {
		if s, ok := score(id); ok {
			list = append(list, scored{id, s})
		}
	}
	slices.SortFunc(list, func(a, b scored) int { return cmp.Compare(a.score, b.score) })
	return list
}

// check compares all that can be asked. Values are integers, so that sums are
// exact; ids are told apart by scores only.
func check(t tb, m naive, x *Index, q *fv.Vector) {
	t.Helper()
	x.checkLists(t)
	var ids []string
	for row := range x.All {
		ids = append(ids, x.ID(row))
	}
	slices.Sort(ids)
	var want []string
	for id := range m {
		want = append(want, id)
	}
	slices.Sort(want)
	if !slices.Equal(ids, want) || x.Len() != len(want) {
		t.Fatalf("rows are %q (%d), want %q", ids, x.Len(), want)
	}
	square := 0.0
	for i := range q.Len() {
		square += q.Value(i) * q.Value(i)
	}
	dot := func(id string) (sum float64, common bool) {
		for i := range q.Len() {
			if y, ok := m[id][string(q.Key(i))]; ok {
				sum += y * q.Value(i)
				common = true
			}
		}
		return sum, common
	}
	scores := func(what string, got []Neighbor, want []scored) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: %v, want %v", what, x.named(got), want)
		}
		for i := range got {
			if math.Abs(got[i].Score-want[i].score) > 1e-12 {
				t.Fatalf("%s: %v, want %v", what, x.named(got), want)
			}
		}
	}
	cosine := m.rank(func(id string) (float64, bool) {
		d, _ := dot(id)
		return -d / math.Sqrt(m.square(id)) / math.Sqrt(square), d != 0
	})
	for i := range cosine {
		cosine[i].score = max(-1, min(-cosine[i].score, 1))
	}
	for _, limit := range []int{1, 3, 100} {
		scores("cosine", x.Cosine(q, limit, nil), cosine[:min(limit, len(cosine))])
		for _, rows := range []Rows{AllRows, InCommon} {
			euclid := m.rank(func(id string) (float64, bool) {
				d, common := dot(id)
				return math.Sqrt(square + m.square(id) - 2*d), common || rows == AllRows
			})
			scores("euclid", x.Euclid(q, limit, rows, nil), euclid[:min(limit, len(euclid))])
		}
	}
}

func drawID(t *rapid.T) string { return "r" + fmt.Sprint(rapid.IntRange(0, 40).Draw(t, "row")) }

func drawVector(t *rapid.T, smallest int) *fv.Vector {
	v := &fv.Vector{}
	for range rapid.IntRange(0, 5).Draw(t, "features") {
		v.AppendString("f"+fmt.Sprint(rapid.IntRange(0, 8).Draw(t, "feature")), float64(rapid.IntRange(smallest, 3).Draw(t, "value")))
	}
	return v
}

func reload(t tb, x *Index, dropDiff bool) *Index {
	t.Helper()
	r := mpack.NewReader(x.Pack(nil))
	y := New()
	commit, err := y.Unpack(&r, dropDiff)
	if err != nil {
		t.Fatal(err)
	}
	commit()
	return y
}

func mix(t tb, between func(), nodes ...*Index) {
	t.Helper()
	fold := nodes[0].NewFold()
	for _, x := range nodes {
		d := mpack.NewReader(x.Diff(nil))
		if err := fold.Add(&d); err != nil {
			t.Fatal(err)
		}
	}
	mixed := fold.Append(nil)
	between()
	for _, x := range nodes {
		r := mpack.NewReader(mixed)
		if ok, err := x.Put(&r); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
}

// A single index, mixed with itself now and then and loaded from what it
// packed, is as good as rows in maps, whatever is done in between.
func TestAgainstMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, m := New(), naive{}
		change := func() {
			id := drawID(t)
			switch rapid.IntRange(0, 9).Draw(t, "change") {
			case 0, 1:
				if _, ok := m[id]; x.Remove([]byte(id)) != ok {
					t.Fatalf("removing %s: not %v", id, ok)
				}
				delete(m, id)
			case 2:
				x.Clear()
				clear(m)
			default:
				v := drawVector(t, -3)
				x.Set([]byte(id), v)
				m.set(id, v)
			}
		}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				x = reload(t, x, false)
			case 1:
				mix(t, func() {
					for range rapid.IntRange(0, 3).Draw(t, "changes") {
						change()
					}
				}, x)
			case 2:
				x.Diff(nil)
				x.Keep()
			default:
				change()
			}
		}
		check(t, m, x, drawVector(t, 1))
	})
}

// Nodes that write different rows know all of them after a mix; what comes
// between is there after the next. A row that two nodes have written alike
// counts once.
func TestMix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := []*Index{New(), New(), New()}
		m := naive{}
		change := func() {
			id := drawID(t)
			v := drawVector(t, 1)
			remove := rapid.IntRange(0, 3).Draw(t, "remove") == 0
			for i, x := range nodes {
				// Each row has two homes.
				if i == int(id[len(id)-1])%3 {
					continue
				}
				if remove {
					x.Remove([]byte(id))
				} else {
					x.Set([]byte(id), v)
				}
			}
			if remove {
				delete(m, id)
			} else {
				m.set(id, v)
			}
		}
		some := func() {
			for range rapid.IntRange(0, 10).Draw(t, "changes") {
				change()
			}
		}
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			some()
			mix(t, some, nodes...)
		}
		mix(t, func() {}, nodes...)
		q := drawVector(t, 1)
		joined := reload(t, nodes[0], true)
		for _, x := range append(nodes, joined) {
			check(t, m, x, q)
		}
	})
}

func TestJoinedNodeDropsDiff(t *testing.T) {
	x := New()
	x.Set([]byte("mixed"), vector("f", 1.0))
	mix(t, func() {}, x)
	x.Set([]byte("mixed"), vector("f", 5.0))
	x.Set([]byte("new"), vector("f", 1.0))
	y := reload(t, x, true)
	check(t, naive{"mixed": {"f": 1}}, y, vector("f", 1.0))
	check(t, naive{"mixed": {"f": 5}, "new": {"f": 1}}, reload(t, x, false), vector("f", 1.0))
}

// A row that is cleared between Diff and Put does not come back.
func TestClearedWhileMixing(t *testing.T) {
	x, y := New(), New()
	x.Set([]byte("old"), vector("f", 1.0))
	y.Set([]byte("other"), vector("f", 2.0))
	mix(t, func() {
		x.Clear()
		x.Set([]byte("new"), vector("f", 3.0))
	}, x, y)
	check(t, naive{"new": {"f": 3}, "other": {"f": 2}}, x, vector("f", 1.0))
}

// gate lets in a few rows.
type gate struct {
	known []string
	size  int
	x     *Index
}

func (g *gate) CanTouch([]byte) bool { return true }
func (g *gate) Knows(id []byte) bool { return slices.Contains(g.known, string(id)) }
func (g *gate) Touch(id []byte) bool {
	if !g.Knows(id) {
		if len(g.known) == g.size {
			g.x.Remove([]byte(g.known[0]))
			g.known = g.known[1:]
		}
		g.known = append(g.known, string(id))
	}
	return true
}
func (g *gate) Remove(id []byte) bool {
	n := len(g.known)
	g.known = slices.DeleteFunc(g.known, func(k string) bool { return k == string(id) })
	return len(g.known) < n
}

func TestGate(t *testing.T) {
	x, y := New(), New()
	g := &gate{size: 2, x: x}
	x.Gate = g
	g.Touch([]byte("mine"))
	x.Set([]byte("mine"), vector("f", 1.0))
	for i := range 5 {
		y.Set(fmt.Append(nil, "row", i), vector("f", float64(i+1)))
	}
	mix(t, func() {}, y, x)
	if x.Len() != 2 {
		t.Errorf("%d rows were let in", x.Len())
	}
	for row := range x.All {
		if !g.Knows([]byte(x.ID(row))) {
			t.Errorf("%s is there, and nobody knows of it", x.ID(row))
		}
	}
	// A row that is removed elsewhere is forgotten.
	y = New()
	r := mpack.NewReader(mpack.AppendArrayHeader(nil, 0))
	if ok, err := y.Put(&r); !ok || err != nil {
		t.Fatal(ok, err)
	}
	gone := g.known[0]
	y.Set([]byte(gone), vector("f", 9.0))
	mix(t, func() {}, y)
	y.Remove([]byte(gone))
	x.Gate = nil
	x.Gate = g
	mix(t, func() {}, x, y)
	if g.Knows([]byte(gone)) || x.Len() != len(g.known) {
		t.Errorf("%s was removed: %d rows, known are %q", gone, x.Len(), g.known)
	}
}

// The norms of a row that is gone are gone.
func TestNothingRemains(t *testing.T) {
	x := New()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		x.Set(fmt.Append(nil, i%20), vector("f", r.NormFloat64(), "g", r.NormFloat64()))
	}
	mix(t, func() {}, x)
	for i := range 20 {
		x.Remove(fmt.Append(nil, i))
	}
	mix(t, func() {}, x)
	if got := x.Pack(nil); !bytes.HasPrefix(got, []byte{0x95, 0x80, 0x80, 0x80, 0x80}) {
		t.Errorf("packed %x", got)
	}
}

func FuzzUnpack(f *testing.F) {
	x := New()
	x.Set([]byte("a"), vector("f", 1.0, "g", 2.0))
	mix(f, func() {}, x)
	x.Set([]byte("b"), vector("f", 1.0))
	x.Remove([]byte("a"))
	f.Add(x.Pack(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		x := New()
		r := mpack.NewReader(b)
		commit, err := x.Unpack(&r, false)
		if err != nil {
			return
		}
		commit()
		x.Cosine(vector("f", 1.0), 3, nil)
		x.Euclid(vector("f", 1.0), 3, AllRows, nil)
		reload(t, x, true)
		x.Set([]byte("a"), vector("f", 1.0))
		mix(t, func() { x.Remove([]byte("b")) }, x)
		reload(t, x, false)
	})
}

func FuzzMix(f *testing.F) {
	x := New()
	x.Set([]byte("a"), vector("f", 1.0, "g", 2.0))
	f.Add(x.Diff(nil))
	mix(f, func() {}, x)
	x.Remove([]byte("a"))
	f.Add(x.Diff(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		x := New()
		x.Set([]byte("a"), vector("f", 1.0, "g", 2.0))
		before := x.Pack(nil)
		r := mpack.NewReader(b)
		if ok, err := x.Put(&r); err != nil {
			if ok || !bytes.Equal(x.Pack(nil), before) {
				t.Error("a diff that did not decode changed something")
			}
			fold, r := x.NewFold(), mpack.NewReader(b)
			if fold.Add(&r) == nil {
				t.Error("folded what cannot be put")
			}
			return
		}
		reload(t, x, false)
		fold := x.NewFold()
		r = mpack.NewReader(b)
		if err := fold.Add(&r); err != nil {
			t.Fatal(err)
		}
		r = mpack.NewReader(fold.Append(nil))
		if ok, err := x.Put(&r); !ok || err != nil {
			t.Error(ok, err)
		}
	})
}

// A row whose features are too small to have a norm is a row nevertheless.
func TestTinyRow(t *testing.T) {
	x := New()
	for _, value := range []float64{1.1, math.SmallestNonzeroFloat64} {
		var v fv.Vector
		v.Append([]byte("f"), value)
		x.Set([]byte("a"), &v)
		if x.Len() != 1 {
			t.Errorf("%v: %d rows, want 1", value, x.Len())
		}
	}
	x.Remove([]byte("a"))
	if x.Len() != 0 {
		t.Errorf("%d rows after the removal", x.Len())
	}
}
