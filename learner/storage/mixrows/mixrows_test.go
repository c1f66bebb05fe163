package mixrows

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/unlearner"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

var (
	_ engine.Mixable = (*Rows)(nil)
	_ engine.Keeper  = (*Rows)(nil)
	_ Gate           = unlearner.Unlearner(nil)
)

// number writes a record of two words, the second of which is the first's
// complement, as the first, and -1 for a removed row.
type number struct{}

func (number) Append(b []byte, record []uint64) []byte { return mpack.AppendUint(b, record[0]) }
func (number) AppendRemoved(b []byte) []byte           { return mpack.AppendInt(b, -1) }
func (number) Read(r *mpack.Reader, record []uint64) (removed bool, err error) {
	v, err := r.Int64()
	record[0], record[1] = uint64(v), ^uint64(v)
	return v < 0, err
}

// watched counts what is there by record, and checks that it is told of all.
type watched struct {
	c    *Content
	rows map[int]uint64
}

func (w *watched) Enter(row int) {
	if _, ok := w.rows[row]; ok {
		panic("entered twice")
	}
	w.rows[row] = w.c.Record(row)[0]
}

func (w *watched) Leave(row int) {
	if w.rows[row] != w.c.Record(row)[0] {
		panic("left with another record")
	}
	delete(w.rows, row)
}

func fresh() *Rows {
	return New(Shape{Width: 2, Layout: number{}, Serial: true, Watch: func(c *Content) Watcher {
		return &watched{c, map[int]uint64{}}
	}})
}

func (x *Rows) give(id string, v uint64) {
	if err := x.Set([]byte(id), []uint64{v, ^v}); err != nil {
		panic(err)
	}
}

func (x *Rows) all() map[string]uint64 {
	m := map[string]uint64{}
	for row := range x.Len() {
		r := x.Record(row)
		if found, _ := x.Find(x.ID(row)); found != row || r[1] != ^r[0] || x.Watcher().(*watched).rows[row] != r[0] {
			panic("rows are not sound")
		}
		m[string(x.ID(row))] = r[0]
	}
	if len(x.Watcher().(*watched).rows) != x.Len() {
		panic("the watcher watches others")
	}
	return m
}

type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func collect(t fataler, nodes ...*Rows) []byte {
	t.Helper()
	fold := fresh().NewFold()
	for _, x := range nodes {
		r := mpack.NewReader(x.Diff(nil))
		if err := fold.Add(&r); err != nil {
			t.Fatal(err)
		}
	}
	return fold.Append(nil)
}

func put(t fataler, diff []byte, nodes ...*Rows) {
	t.Helper()
	for _, x := range nodes {
		r := mpack.NewReader(diff)
		if ok, err := x.Put(&r); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
}

func want(t fataler, x *Rows, want map[string]uint64) {
	t.Helper()
	if got := x.all(); !maps.Equal(got, want) {
		t.Fatalf("rows are %v, want %v", got, want)
	}
}

type rows = map[string]uint64

// Both halves are kept apart, in packs, too.
func TestHalves(t *testing.T) {
	x := fresh()
	x.give("a", 1)
	x.give("b", 2)
	put(t, collect(t, x), x)
	x.give("a", 3)
	x.give("c", 4)
	x.Remove([]byte("b"))
	if x.Remove([]byte("b")) || x.Remove([]byte("nobody")) {
		t.Error("removed what is not there")
	}
	want(t, x, rows{"a": 3, "c": 4})
	for _, dropDiff := range []bool{true, false} {
		master, diff := mpack.NewReader(x.AppendMaster(nil)), mpack.NewReader(x.AppendDiff(nil))
		y := fresh()
		c := y.NewContent()
		if err := c.ReadMaster(&master); err != nil {
			t.Fatal(err)
		}
		if !dropDiff {
			if err := c.ReadDiff(&diff); err != nil {
				t.Fatal(err)
			}
		}
		y.Replace(c)
		if dropDiff {
			want(t, y, rows{"a": 1, "b": 2})
		} else {
			want(t, y, rows{"a": 3, "c": 4})
			put(t, collect(t, y), x)
			put(t, collect(t, y), y)
			want(t, y, rows{"a": 3, "c": 4})
		}
	}
}

// What happens between Diff and Put is there afterwards and in the next mix.
func TestChangesWhileMixing(t *testing.T) {
	x, y := fresh(), fresh()
	for i, id := range []string{"kept", "changed", "removed"} {
		x.give(id, uint64(i))
	}
	diff := collect(t, x, y)
	x.give("changed", 10)
	x.give("new", 11)
	x.Remove([]byte("removed"))
	put(t, diff, x, y)
	want(t, x, rows{"kept": 0, "changed": 10, "new": 11})
	want(t, y, rows{"kept": 0, "changed": 1, "removed": 2})
	put(t, collect(t, x, y), x, y)
	want(t, x, rows{"kept": 0, "changed": 10, "new": 11})
	want(t, y, x.all())
	if got := x.Diff(nil); string(got) != "\x80" {
		t.Errorf("what is left: %x", got)
	}
}

// What did not arrive is sent again.
func TestNotArrived(t *testing.T) {
	x, y := fresh(), fresh()
	x.give("a", 1)
	y.give("b", 2)
	for _, keep := range []bool{true, false} {
		collect(t, x)
		if keep {
			x.Keep()
		}
		put(t, collect(t, y), x, y)
		want(t, x, rows{"a": 1, "b": 2})
		want(t, y, rows{"b": 2})
	}
	put(t, collect(t, x, y), x, y)
	want(t, y, rows{"a": 1, "b": 2})
}

// A removal hides what a mix brings until a mixed diff has it.
func TestRemovalStays(t *testing.T) {
	x, y := fresh(), fresh()
	x.give("a", 1)
	put(t, collect(t, x, y), x, y)
	x.Remove([]byte("a"))
	y.give("a", 2)
	put(t, collect(t, x, y), x, y) // y comes later
	want(t, x, rows{})
	want(t, y, rows{"a": 2})
	put(t, collect(t, x, y), x, y)
	want(t, y, rows{})
	if x.Version() != 3 {
		t.Errorf("version %d after 3 mixes", x.Version())
	}
}

func TestClearWhileMixing(t *testing.T) {
	x, y := fresh(), fresh()
	x.give("a", 1)
	x.give("b", 1)
	y.give("c", 1)
	diff := collect(t, x, y)
	x.Clear()
	x.give("b", 2)
	put(t, diff, x, y)
	want(t, x, rows{"b": 2, "c": 1})
	put(t, collect(t, x, y), x, y)
	want(t, y, rows{"a": 1, "b": 2, "c": 1})
}

// Whatever nodes do while mixes go on, with or without them: once all are
// quiet, what a row was last set to by its only owner is what all have.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := []*Rows{fresh(), fresh(), fresh()}
		truth := rows{}
		step := func(label string) {
			for range rapid.IntRange(0, 6).Draw(t, label) {
				owner := rapid.IntRange(0, 2).Draw(t, "owner")
				id := fmt.Sprint(owner, rapid.IntRange(0, 3).Draw(t, "row"))
				if rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
					nodes[owner].Remove([]byte(id))
					delete(truth, id)
				} else {
					v := uint64(rapid.IntRange(0, 1000).Draw(t, "value"))
					nodes[owner].give(id, v)
					truth[id] = v
				}
			}
		}
		for range rapid.IntRange(1, 6).Draw(t, "mixes") {
			step("before")
			var taking, all []*Rows
			for _, x := range nodes {
				switch rapid.IntRange(0, 5).Draw(t, "part") {
				case 0: // its diff is lost, and it is told
					x.Diff(nil)
					x.Keep()
					all = append(all, x)
				case 1: // its diff is lost
					x.Diff(nil)
					all = append(all, x)
				default:
					taking = append(taking, x)
					all = append(all, x)
				}
			}
			diff := collect(t, taking...)
			step("during")
			put(t, diff, all...)
		}
		for range 2 {
			put(t, collect(t, nodes...), nodes...)
		}
		for _, x := range nodes {
			want(t, x, truth)
		}
	})
}

// The fold of folds is the fold.
func TestFoldIsAssociative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var diffs [][]byte
		for range 4 {
			x := fresh()
			for i := range 3 {
				x.give(fmt.Sprint(i), 1)
			}
			put(t, collect(t, x), x)
			for range rapid.IntRange(0, 4).Draw(t, "steps") {
				id := fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "id"))
				if rapid.Bool().Draw(t, "remove") {
					x.Remove([]byte(id))
				} else {
					x.give(id, uint64(rapid.IntRange(0, 9).Draw(t, "value")))
				}
			}
			diffs = append(diffs, x.Diff(nil))
		}
		fold := func(diffs ...[]byte) []byte {
			f := fresh().NewFold()
			for _, d := range diffs {
				r := mpack.NewReader(d)
				if err := f.Add(&r); err != nil {
					t.Fatal(err)
				}
			}
			return f.Append(nil)
		}
		a, b := fresh(), fresh()
		put(t, fold(diffs...), a)
		put(t, fold(fold(diffs[:2]...), fold(diffs[2:]...)), b)
		want(t, b, a.all())
	})
}

// gated puts an unlearner in front.
func gated(size int, sticky string) *Rows {
	x := fresh()
	u := unlearner.NewLRU(size, func(id []byte) bool { return bytes.HasPrefix(id, []byte(sticky)) && sticky != "" })
	u.OnForget(func(id string) { x.Remove([]byte(id)) })
	x.Gate = u
	return x
}

func (x *Rows) learn(id string, v uint64) {
	if x.Gate.CanTouch([]byte(id)) {
		x.give(id, v)
		x.Gate.Touch([]byte(id))
	}
}

// Rows that come are touched, and make others go; what the unlearner holds is
// what is there.
func TestGate(t *testing.T) {
	x, y := gated(3, "sticky"), fresh()
	x.learn("a", 1)
	x.learn("b", 1)
	y.give("c", 1)
	y.give("d", 1)
	put(t, collect(t, x, y), x, y)
	if x.Len() != 3 {
		t.Errorf("rows are %v, want 3", x.all())
	}
	y.give("sticky1", 1)
	y.give("sticky2", 1)
	y.give("sticky3", 1)
	put(t, collect(t, y), x)
	want(t, x, rows{"sticky1": 1, "sticky2": 1, "sticky3": 1})
	y.give("e", 1)
	y.Remove([]byte("sticky2"))
	put(t, collect(t, y), x)
	if x.Gate.Knows([]byte("sticky2")) || x.Len() > 3 {
		t.Errorf("rows are %v", x.all())
	}
}

func TestGateHoldsWhatIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := gated(rapid.IntRange(1, 4).Draw(t, "size"), rapid.SampledFrom([]string{"", "1"}).Draw(t, "sticky")), fresh()
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			id := fmt.Sprint(rapid.IntRange(0, 7).Draw(t, "id"))
			switch rapid.IntRange(0, 6).Draw(t, "op") {
			case 0:
				x.Remove([]byte(id))
				x.Gate.Remove([]byte(id))
			case 1:
				y.Remove([]byte(id))
			case 2, 3:
				x.learn(id, 1)
			case 4:
				y.give(id, 2)
			default:
				diff := collect(t, x, y)
				x.learn(id, 3)
				put(t, diff, x, y)
			}
			for row := range x.Len() {
				if !x.Gate.Knows(x.ID(row)) {
					t.Fatalf("row %q is there, the unlearner does not know it", x.ID(row))
				}
			}
			x.all()
		}
	})
}

func TestSerials(t *testing.T) {
	x := fresh()
	for i, id := range []string{"a", "b", "c"} {
		x.give(id, uint64(i))
	}
	x.Remove([]byte("a"))
	x.give("b", 7)
	x.give("a", 8)
	var ids []string
	for row := range x.Len() {
		ids = append(ids, string(x.ID(row)))
	}
	slices.SortFunc(ids, func(a, b string) int {
		i, _ := x.Find([]byte(a))
		j, _ := x.Find([]byte(b))
		return int(x.Serial(i)) - int(x.Serial(j))
	})
	if !slices.Equal(ids, []string{"b", "c", "a"}) {
		t.Errorf("rows came as %v", ids)
	}
}

func TestLimit(t *testing.T) {
	x := New(Shape{Width: 2, Layout: number{}, Limit: 1})
	x.give("a", 1)
	x.give("a", 2)
	if err := x.Set([]byte("b"), []uint64{1, 2}); err != ErrFull {
		t.Errorf("a second row: %v", err)
	}
}

// Diffs from outside change all or nothing, and never panic.
func FuzzPut(f *testing.F) {
	x := fresh()
	x.give("a", 1)
	put(f, collect(f, x), x)
	x.give("b", 2)
	x.Remove([]byte("a"))
	f.Add(x.Diff(nil))
	f.Add([]byte("\x82\xa1a\x01\xa1a\xff"))
	f.Fuzz(func(t *testing.T, diff []byte) {
		x := gated(3, "")
		x.learn("a", 1)
		x.learn("b", 1)
		put(t, collect(t, x), x)
		x.learn("c", 1)
		x.Diff(nil)
		x.learn("b", 2)
		before := x.all()
		r := mpack.NewReader(diff)
		if ok, err := x.Put(&r); !ok || err != nil {
			want(t, x, before)
		}
		x.all()
		fold := x.NewFold()
		r = mpack.NewReader(diff)
		if fold.Add(&r) == nil {
			put(t, fold.Append(nil), x)
		}
		x.all()
	})
}
