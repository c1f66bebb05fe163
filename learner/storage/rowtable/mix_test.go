package rowtable

import (
	"bytes"
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// collect folds the diffs of tables.
func collect(t fataler, tables []*Table) engine.Fold {
	t.Helper()
	fold := small("").NewFold()
	for _, table := range tables {
		r := mpack.NewReader(table.Diff(nil))
		if err := fold.Add(&r); err != nil {
			t.Fatal(err)
		}
	}
	return fold
}

func put(t fataler, fold engine.Fold, tables []*Table) {
	t.Helper()
	for _, table := range tables {
		r := mpack.NewReader(fold.Append(nil))
		if ok, err := table.Put(&r); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
}

func mix(t fataler, tables ...*Table) {
	t.Helper()
	put(t, collect(t, tables), tables)
}

func (t *Table) rows() map[string]uint64 {
	m := map[string]uint64{}
	for row := range t.Len() {
		m[string(t.ID(row))] = t.WordsOf(0, row)[0]
	}
	return m
}

// Whatever nodes set while mixes go on, with or without them, after the last
// mix all have all of it.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const nodes = 3
		var tables []*Table
		for i := range nodes {
			tables = append(tables, small(fmt.Sprint("node", i)))
		}
		want := map[string]int{}
		n := 0
		write := func() {
			for range rapid.IntRange(0, 6).Draw(t, "writes") {
				n++
				node := rapid.IntRange(0, nodes-1).Draw(t, "node")
				id := fmt.Sprint(node, "/", rapid.IntRange(0, 5).Draw(t, "id"))
				tables[node].set(id, n)
				want[id] = n
			}
		}
		for range rapid.IntRange(0, 8).Draw(t, "rounds") {
			write()
			// Those who answer too late keep what they have for the next mix.
			folded := rapid.IntRange(0, nodes).Draw(t, "folded")
			fold := collect(t, tables[:folded])
			for _, table := range tables[folded:] {
				table.Diff(nil)
			}
			write()
			for _, table := range tables[folded:] {
				table.Keep()
			}
			put(t, fold, tables)
			if rapid.IntRange(0, 9).Draw(t, "clear") == 0 {
				want = map[string]int{}
				for _, table := range tables {
					table.Clear()
				}
			}
		}
		mix(t, tables...)
		mix(t, tables...)
		for i, table := range tables {
			if table.Len() != len(want) {
				t.Fatalf("node %d has %d rows, want %d", i, table.Len(), len(want))
			}
			for id, x := range want {
				if row, ok := table.Find([]byte(id)); !ok || !table.is(row, x) {
					t.Fatalf("node %d does not have %s as it was set last", i, id)
				}
			}
			// Nothing is sent twice.
			if d := table.Diff(nil); string(d) != "\xa1\x90" {
				t.Fatalf("node %d still sends %x", i, d)
			}
		}
	})
}

// What is deleted or cleared between Diff and Put does not come back by what
// was sent before; what is set after that is sent.
func TestDeleteWhileMixing(t *testing.T) {
	for _, all := range []bool{false, true} {
		a, b := small("a"), small("b")
		tables := []*Table{a, b}
		a.set("gone", 1)
		a.set("stays", 2)
		fold := collect(t, tables)
		if all {
			a.Clear()
		} else {
			a.Delete([]byte("gone"))
		}
		a.set("new", 3)
		put(t, fold, tables)
		if _, ok := a.Find([]byte("gone")); ok {
			t.Error("a deleted row came back")
		}
		mix(t, tables...)
		if row, ok := b.Find([]byte("new")); !ok || !b.is(row, 3) {
			t.Errorf("what was set after a deletion did not arrive (all: %v)", all)
		}
		if _, ok := a.Find([]byte("stays")); ok == all {
			t.Errorf("the other row: %v", ok)
		}
	}
}

// A model that is loaded between Diff and Put is offered to all, and what is
// put then is there, too, whoever wrote it.
func TestLoadWhileMixing(t *testing.T) {
	a, b, saved := small("a"), small("b"), small("a")
	tables := []*Table{a, b}
	saved.set("loaded", 1)
	for i := range 5 {
		a.set(fmt.Sprint(i), i)
	}
	fold := collect(t, tables)
	load(t, a, saved.Pack(nil))
	put(t, fold, tables)
	mix(t, tables...)
	if !maps.Equal(a.rows(), b.rows()) || a.Len() != 6 {
		t.Errorf("%d and %d rows", a.Len(), b.Len())
	}
}

// After all have cleared, new rows are mixed from the first on.
func TestMixAfterClear(t *testing.T) {
	a, b := small("a"), small("b")
	for i := range 6 {
		a.set(fmt.Sprint(i), i)
	}
	mix(t, a, b)
	a.Clear()
	b.Clear()
	for i := range 6 {
		a.set(fmt.Sprint("new", i), i)
	}
	mix(t, a, b)
	if b.Len() != 6 {
		t.Errorf("%d rows arrived, want 6", b.Len())
	}
}

func TestPutRules(t *testing.T) {
	a, b := small("a"), small("b")
	b.set("x", 1)
	b.set("x", 2) // time 1
	a.set("x", 3) // time 0, older
	a.set("y", 4)
	mix(t, a, b)
	for _, table := range []*Table{a, b} {
		if row, ok := table.Find([]byte("x")); !ok || !table.is(row, 2) {
			t.Error("the later x is not there")
		}
		if table.clock != 2 {
			t.Errorf("clock %d, want 2", table.clock)
		}
		if table.Version() != 1 {
			t.Errorf("version %d", table.Version())
		}
	}
	// Of the same time, the last of the nodes wins.
	a.set("z", 5)
	b.set("z", 6)
	mix(t, a, b)
	for _, table := range []*Table{a, b} {
		if row, _ := table.Find([]byte("z")); !table.is(row, 6) {
			t.Error("z is not b's")
		}
	}
}

func TestHooks(t *testing.T) {
	a, b := small("a"), small("b")
	var asked []string
	changes := 0
	b.Admit = func(id []byte) bool {
		asked = append(asked, string(id))
		b.Delete([]byte("own"))
		return string(id) != "no"
	}
	b.Changed = func() { changes++ }
	b.set("own", 9)
	a.set("no", 1)
	a.set("yes", 2)
	fold := collect(t, []*Table{a})
	put(t, fold, []*Table{b})
	if fmt.Sprint(asked) != "[no yes]" || changes != 1 || b.Len() != 1 || string(b.ID(0)) != "yes" || !b.is(0, 2) {
		t.Errorf("asked %v, %d changes, %v", asked, changes, b.rows())
	}
}

// Nodes that only push and pull get to know all of each other, and what they
// say they have is what they have.
func TestPushAndPull(t *testing.T) {
	a, b := New("127.0.0.1_21211", Bits(64)), New("127.0.0.1_21212", Bits(64))
	row, _ := a.Set([]byte("ra"))
	a.Words(0)[row] = 0x49d27477e7120faa
	b.Set([]byte("rb"))
	exchange := func() (hers []byte) {
		pull := func(from, to *Table) []byte {
			r := mpack.NewReader(to.PullArgument(nil))
			rows, err := from.Pull(&r, nil)
			if err != nil {
				t.Fatal(err)
			}
			return rows
		}
		hers = pull(b, a)
		mine := pull(a, b)
		for _, p := range []struct {
			to   *Table
			rows []byte
		}{{b, mine}, {a, hers}} {
			r := mpack.NewReader(p.rows)
			if err := p.to.Push(&r); err != nil {
				t.Fatal(err)
			}
		}
		return hers
	}
	if arg := a.PullArgument(nil); string(arg) != "\x80" {
		t.Errorf("argument %x of who has received nothing", arg)
	}
	exchange()
	if arg := a.PullArgument(nil); string(arg) != "\x81\x91\xaf127.0.0.1_21212\x00" {
		t.Errorf("argument %q", arg)
	}
	if !maps.Equal(a.rows(), b.rows()) || a.Len() != 2 {
		t.Errorf("%v and %v", a.rows(), b.rows())
	}
	exchange()
	if hers := exchange(); string(hers) != "\x90" {
		t.Errorf("still sends %x", hers)
	}
}

func TestBadRows(t *testing.T) {
	table := small("me")
	table.set("a", 1)
	good := table.Diff(nil)
	before := table.Pack(nil)
	for n := range good {
		r := mpack.NewReader(good[:n])
		if ok, err := table.Put(&r); ok || err == nil {
			t.Errorf("the first %d bytes of %d: %v", n, len(good), err)
		}
	}
	other := New("other", Bits(64), Double())
	other.Set([]byte("b"))
	absurd := small("absurd")
	absurd.set("c", 1)
	absurd.versions.set(0, newVersion(0, maxClock))
	for _, diff := range [][]byte{other.Diff(nil), New("x", Double()).Diff(nil), absurd.Diff(nil), {0xa2, 0x91, 0xc0}} {
		r := mpack.NewReader(diff)
		if ok, err := table.Put(&r); (!ok || err != nil) == (string(diff) == "\xa1\x90") {
			t.Errorf("%x: %v, %v", diff, ok, err)
		}
		r = mpack.NewReader(diff)
		if err := table.NewFold().Add(&r); (err != nil) == (string(diff) == "\xa1\x90") {
			t.Errorf("%x: %v", diff, err)
		}
	}
	if !bytes.Equal(table.Pack(nil), before) {
		t.Error("bad rows changed the table")
	}
}

func FuzzPut(f *testing.F) {
	table := small("other")
	table.set("a", 1)
	table.set("b", 2)
	f.Add(table.Diff(nil))
	f.Add(table.PullArgument(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		table := small("me")
		table.set("a", 5)
		before := table.Pack(nil)
		fold := table.NewFold()
		r := mpack.NewReader(b)
		folded := fold.Add(&r)
		r = mpack.NewReader(b)
		ok, err := table.Put(&r)
		if ok != (err == nil) || ok != (folded == nil) {
			t.Errorf("put: %v, %v; folded: %v", ok, err, folded)
		}
		if !ok && !bytes.Equal(before, table.Pack(nil)) {
			t.Error("a bad diff changed the table")
		}
		if ok {
			again := small("me")
			again.set("a", 5)
			r = mpack.NewReader(fold.Append(nil))
			if ok, err := again.Put(&r); !ok || err != nil || !bytes.Equal(again.Pack(nil), table.Pack(nil)) {
				t.Errorf("what was folded is not what was put: %v", err)
			}
		}
		r = mpack.NewReader(b)
		if _, err := table.Pull(&r, nil); err == nil && len(b) == 0 {
			t.Error("nothing is an argument")
		}
	})
}

func BenchmarkPut(b *testing.B) {
	from := New("from", Bits(64))
	for i := range 10000 {
		from.Set(fmt.Appendf(nil, "row%d", i))
	}
	diff := from.Diff(nil)
	to := New("to", Bits(64))
	b.ReportAllocs()
	for b.Loop() {
		r := mpack.NewReader(diff)
		if ok, err := to.Put(&r); !ok || err != nil {
			b.Fatal(err)
		}
	}
}
