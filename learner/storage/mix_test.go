package storage

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

type fataler interface{ Fatalf(string, ...any) }

// fold folds diffs in this order.
func fold(t fataler, m engine.Mixable, diffs ...[]byte) []byte {
	f := m.NewFold()
	for _, d := range diffs {
		r := mpack.NewReader(d)
		if err := f.Add(&r); err != nil {
			t.Fatalf("folding: %v", err)
		}
	}
	return f.Append(nil)
}

func put(t fataler, m engine.Mixable, mixed []byte) bool {
	r := mpack.NewReader(mixed)
	ok, err := m.Put(&r)
	if err != nil {
		t.Fatalf("putting: %v", err)
	}
	return ok
}

// exchange mixes tables with each other.
func exchange(t fataler, tables ...*Linear) {
	var diffs [][]byte
	for _, table := range tables {
		diffs = append(diffs, table.Diff(nil))
	}
	mixed := fold(t, tables[0], diffs...)
	for i, table := range tables {
		if !put(t, table, mixed) {
			t.Fatalf("table %d refused the mix", i)
		}
	}
}

// diffOf writes a diff: "feature label w v u" by entry.
func diffOf(count, version uint64, entries ...string) []byte {
	b := mpack.AppendArrayHeader(nil, 2)
	b = mpack.AppendUint(b, count)
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendArrayHeader(b, len(entries))
	for _, e := range entries {
		var feature, label string
		var v triple
		if _, err := fmt.Sscan(e, &feature, &label, &v[0], &v[1], &v[2]); err != nil {
			panic(err)
		}
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendRaw(b, feature)
		b = mpack.AppendArrayHeader(b, 1)
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendRaw(b, label)
		b = mpack.AppendArrayHeader(b, 3)
		for _, x := range v {
			b = mpack.AppendFloat64(b, x)
		}
	}
	b = mpack.AppendArrayHeader(b, 1)
	return mpack.AppendUint(b, version)
}

// show prints a diff: "count@version feature.label=(w v u) …".
func show(t fataler, diff []byte) string {
	r := mpack.NewReader(diff)
	d, err := parseDiff(&r)
	if err != nil {
		t.Fatalf("parsing: %v", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d@%d", d.count, d.version)
	d.each(func(feature, label []byte, v triple) {
		fmt.Fprintf(&b, " %s.%s=(%v %v %v)", feature, label, v[0], v[1], v[2])
	})
	return b.String()
}

func TestFold(t *testing.T) {
	for _, c := range []struct {
		name  string
		diffs [][]byte
		want  string
	}{
		{"average", [][]byte{diffOf(3, 0, "f1 l1 2 3 4"), diffOf(5, 0, "f1 l1 1 2 3")}, "8@0 f1.l1=(1.375 2 3.375)"},
		{"weighted", [][]byte{
			diffOf(1, 0, "x pos 0.75 0 0", "x neg -0.25 0 0", "w pos -0.5 0 0", "w neg 0.5 0 0"),
			diffOf(2, 0, "x pos 4 0.5 1"),
		}, "3@0 x.pos=(2.9166666666666665 0 0.6666666666666666) x.neg=(-0.08333333333333333 0 0)" +
			" w.neg=(0.16666666666666666 0 0) w.pos=(-0.16666666666666666 0 0)"},
		{"one side", [][]byte{diffOf(1, 4, "f a 1 0.5 0"), diffOf(1, 4, "g b 1 2 0")}, "2@4 g.b=(0.5 1 0) f.a=(0.5 0.5 0)"},
		{"newer wins", [][]byte{diffOf(2, 1, "f a 1 1 0"), diffOf(1, 2, "f a 3 1 0", "e b 0 1 0")}, "1@2 f.a=(3 1 0) e.b=(0 1 0)"},
		{"older is dropped", [][]byte{diffOf(1, 2, "f a 3 1 0"), diffOf(2, 1, "f a 1 1 0")}, "1@2 f.a=(3 1 0)"},
		{"nothing", [][]byte{diffOf(1, 2), diffOf(1, 2)}, "2@2"},
	} {
		if got := show(t, fold(t, NewLinear(Options{}), c.diffs...)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestFoldRefuses(t *testing.T) {
	for name, diff := range map[string][]byte{
		"no nodes":   diffOf(0, 0),
		"too many":   diffOf(1<<40, 0),
		"empty":      {0x90},
		"not a list": {0xc0},
		"cut off":    diffOf(1, 0, "f a 1 1 0")[:20],
	} {
		f := NewLinear(Options{}).NewFold()
		r := mpack.NewReader(diffOf(1, 7, "f a 1 1 0"))
		if err := f.Add(&r); err != nil {
			t.Fatal(err)
		}
		r = mpack.NewReader(diff)
		if err := f.Add(&r); err == nil {
			t.Errorf("%s: no error", name)
		}
		if got := show(t, f.Append(nil)); got != "1@7 f.a=(1 1 0)" {
			t.Errorf("%s: the fold changed to %s", name, got)
		}
	}
}

// drawDiff draws a diff with dyadic weights, whose sums are exact.
func drawDiff(rt *rapid.T, version uint64) []byte {
	var entries []string
	for _, f := range []string{"p", "q", "r"} {
		if rapid.Bool().Draw(rt, f) {
			entries = append(entries, fmt.Sprintf("%s %s %d %v 0", f,
				rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "label"),
				rapid.IntRange(-64, 64).Draw(rt, "w"),
				rapid.Float64Range(0, 2).Draw(rt, "v")))
		}
	}
	return diffOf(1, version, entries...)
}

func TestFoldCommutes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		table := NewLinear(Options{Shared: true})
		x, y := drawDiff(rt, 0), drawDiff(rt, 0)
		values := func(mixed []byte) map[string]triple {
			m := map[string]triple{}
			r := mpack.NewReader(mixed)
			d, err := parseDiff(&r)
			if err != nil {
				rt.Fatalf("%v", err)
			}
			d.each(func(feature, label []byte, v triple) { m[string(feature)+"."+string(label)] = v })
			return m
		}
		xy, yx := values(fold(rt, table, x, y)), values(fold(rt, table, y, x))
		if len(xy) != len(yx) {
			rt.Fatalf("%v and %v", xy, yx)
		}
		for k, v := range xy {
			if yx[k] != v {
				rt.Fatalf("%s: %v and %v", k, v, yx[k])
			}
		}
	})
}

// addTo adds to weights, as an additive rule does.
func addTo(table *Linear, label string, entries ...any) {
	v := vector(entries...)
	var s Scores
	table.Score(v, &s)
	y, _ := table.Register([]byte(label))
	table.Move(v, &s, y, NoLabel, 1)
}

// assign assigns weights and variances, as a confident rule does.
func assign(table *Linear, label, feature string, weight, variance float64) {
	v := vector(feature, 1.0)
	var s Scores
	table.Score(v, &s)
	y, _ := table.Register([]byte(label))
	p := table.pair(v, &s, 0, y, NoLabel)
	p.set(p.y, weight, variance)
}

func check(t *testing.T, table *Linear, feature, label string, weight, variance float64) {
	t.Helper()
	w, v, ok := table.Value([]byte(feature), table.Find([]byte(label)))
	if !ok || w != weight || v != variance {
		t.Errorf("%s.%s is %v, %v, %v, want %v, %v", feature, label, w, v, ok, weight, variance)
	}
}

func TestDiffBytes(t *testing.T) {
	table := NewLinear(Options{Shared: true, Variance: true})
	assign(table, "A", "f", math.Float64frombits(0xbfcffffffffffffc), 0.625)
	assign(table, "B", "f", 0.375, 0.65625)
	assign(table, "A", "g", math.Float64frombits(0x3fc745d1745d1746), math.Float64frombits(0x3fe45d1745d1745d))
	zero := "cb0000000000000000"
	want := "92" + "01" + "92" + "92" +
		"92a166" + "92" +
		"92a141" + "93" + "cbbfcffffffffffffc" + "cb3fe4000000000000" + zero +
		"92a142" + "93" + "cb3fd8000000000000" + "cb3fe5000000000000" + zero +
		"92a167" + "91" +
		"92a141" + "93" + "cb3fc745d1745d1746" + "cb3fe45d1745d1745d" + zero +
		"9100"
	if got := hex.EncodeToString(table.Diff(nil)); got != want {
		t.Errorf("diff\n%s, want\n%s", got, want)
	}
}

func TestPutChecksVersion(t *testing.T) {
	table := NewLinear(Options{Shared: true})
	addTo(table, "a", "f", 1.0)
	before := table.Pack(nil)
	if put(t, table, diffOf(1, 1, "f a 1 0 0")) {
		t.Error("a diff of another version was put")
	}
	if string(before) != string(table.Pack(nil)) {
		t.Error("the refused diff changed the table")
	}
	if !put(t, table, table.Diff(nil)) || table.Version() != 1 {
		t.Errorf("a diff of the same version was refused, or left version %d", table.Version())
	}
	check(t, table, "f", "a", 1, 0)
}

// What is learned between Diff and Put is kept, and is in the next diff.
func TestNothingIsLostDuringAMix(t *testing.T) {
	table := NewLinear(Options{Shared: true})
	addTo(table, "a", "f", 1.0)
	sent := table.Diff(nil)
	addTo(table, "a", "f", 2.0, "g", 4.0)
	if !put(t, table, sent) {
		t.Fatal("refused")
	}
	check(t, table, "f", "a", 3, 0)
	check(t, table, "g", "a", 4, 0)
	if got, want := show(t, table.Diff(nil)), "1@1 g.a=(4 0 0) f.a=(2 0 0)"; got != want {
		t.Errorf("the next diff is %s, want %s", got, want)
	}
}

// After a round that failed the next diff has it all.
func TestDiffAfterFailedRound(t *testing.T) {
	table := NewLinear(Options{Shared: true})
	addTo(table, "a", "f", 1.0)
	table.Diff(nil)
	addTo(table, "a", "f", 2.0)
	if got, want := show(t, table.Diff(nil)), "1@0 f.a=(3 0 0)"; got != want {
		t.Errorf("the diff is %s, want %s", got, want)
	}
}

// A mix that lacks what this node sent was made without it: nothing is taken
// out then.
func TestDiffThatDidNotArrive(t *testing.T) {
	table := NewLinear(Options{Shared: true})
	addTo(table, "a", "f", 1.0, "g", 1.0)
	table.Diff(nil)
	if !put(t, table, diffOf(1, 0, "f a 8 0 0")) {
		t.Fatal("refused")
	}
	check(t, table, "f", "a", 9, 0)
	if got, want := show(t, table.Diff(nil)), "1@1 g.a=(1 0 0) f.a=(1 0 0)"; got != want {
		t.Errorf("the next diff is %s, want %s", got, want)
	}
}

// A variance that shrank further during a mix shrinks by the same factor
// afterwards; plain subtraction could make it negative.
func TestVarianceLearnedDuringAMix(t *testing.T) {
	table := NewLinear(Options{Shared: true, Variance: true})
	assign(table, "a", "f", 1, 0.5)
	table.Diff(nil)
	assign(table, "a", "f", 2, 0.25)
	assign(table, "a", "g", 1, 0.5)
	if !put(t, table, diffOf(2, 0, "f a 0.5 0.125 0", "g a 3 0.25 0")) {
		t.Fatal("refused")
	}
	check(t, table, "f", "a", 1.5, 0.0625) // half of what it had sent
	check(t, table, "g", "a", 4, 0.125)    // half of the implied 1
}

// Some nodes send entries that have sunk to zero. They count as absent.
func TestZeroEntriesAreAbsent(t *testing.T) {
	table := NewLinear(Options{Shared: true, Variance: true})
	if !put(t, table, diffOf(1, 0, "f a 0 0 0")) {
		t.Fatal("refused")
	}
	if _, _, ok := table.Value([]byte("f"), table.Find([]byte("a"))); ok || table.Len() != 0 {
		t.Error("there is an entry")
	}
	assign(table, "a", "g", 1, 0.5)
	sent := table.Diff(nil)
	assign(table, "a", "g", 2, 0.25)
	if !put(t, table, sent) || !put(t, table, diffOf(1, 2, "g a -1 -0.5 0")) {
		t.Fatal("refused")
	}
	check(t, table, "g", "a", 1, 0.5)
	table.Diff(nil)
	if !put(t, table, diffOf(1, 3, "g a 0 0 0")) || table.Len() != 0 {
		t.Errorf("an entry of zeros stays")
	}
}

// Labels deleted during a mix come back with what the others know, and only
// with that.
func TestDeleteDuringAMix(t *testing.T) {
	table := NewLinear(Options{Shared: true})
	addTo(table, "a", "f", 1.0, "g", 1.0)
	addTo(table, "b", "f", 1.0)
	sent := table.Diff(nil)
	table.Delete([]byte("a"))
	addTo(table, "a", "g", 5.0)
	if !put(t, table, sent) {
		t.Fatal("refused")
	}
	check(t, table, "f", "a", 1, 0)
	check(t, table, "f", "b", 1, 0)
	check(t, table, "g", "a", 6, 0)
	if got, want := show(t, table.Diff(nil)), "1@1 g.a=(5 0 0)"; got != want {
		t.Errorf("the next diff is %s, want %s", got, want)
	}
}

// Over any course of trainings and mixes nothing is lost: with a single node
// every weight is the sum of what was added to it, whatever is unmixed.
func TestNoUpdateIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		table := NewLinear(Options{Shared: true})
		counts := NewCounts()
		sums, trained := map[string]float64{}, map[string]uint64{}
		var sent, sentCounts []byte
		for range rapid.IntRange(0, 30).Draw(rt, "steps") {
			switch rapid.IntRange(0, 4).Draw(rt, "what") {
			case 0:
				sent, sentCounts = table.Diff(nil), counts.Diff(nil)
			case 1:
				if sent != nil {
					// Only what was sent is in the mix; an answer can be late.
					put(rt, table, sent)
					put(rt, counts, sentCounts)
				}
				sent = nil
			default:
				f := rapid.SampledFrom([]string{"p", "q", "r"}).Draw(rt, "feature")
				l := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "label")
				x := float64(rapid.IntRange(-8, 8).Draw(rt, "x"))
				addTo(table, l, f, x)
				counts.Add([]byte(l))
				sums[f+"."+l] += x
				trained[l]++
			}
		}
		for k, want := range sums {
			f, l, _ := strings.Cut(k, ".")
			if w, _, _ := table.Value([]byte(f), table.Find([]byte(l))); w != want {
				rt.Fatalf("%s is %v, want %v", k, w, want)
			}
		}
		for l, want := range trained {
			if got := counts.Of([]byte(l)); got != want {
				rt.Fatalf("%s counted %d, want %d", l, got, want)
			}
		}
		// What is left to send completes the base.
		exchange(rt, table)
		peer := NewLinear(Options{Shared: true})
		unpack(rt, peer, table.Pack(nil), true)
		for k, want := range sums {
			f, l, _ := strings.Cut(k, ".")
			if w, _, _ := peer.Value([]byte(f), peer.Find([]byte(l))); w != want {
				rt.Fatalf("a peer has %v for %s, want %v", w, k, want)
			}
		}
	})
}

// A table of a node that joins drops what its donor will report itself.
func TestUnpackFromPeer(t *testing.T) {
	table := NewLinear(Options{Shared: true, Variance: true})
	assign(table, "a", "f", 1, 0.5)
	exchange(t, table)
	assign(table, "a", "f", 3, 0.25)
	assign(table, "b", "g", 1, 0.5)
	packed := table.Pack(nil)

	all, base := NewLinear(Options{Shared: true, Variance: true}), NewLinear(Options{Shared: true, Variance: true})
	unpack(t, all, packed, false)
	check(t, all, "f", "a", 3, 0.25)
	check(t, all, "g", "b", 1, 0.5)
	if got, want := show(t, all.Diff(nil)), "1@1 f.a=(2 -0.25 0) g.b=(1 0.5 0)"; got != want {
		t.Errorf("loaded diff %s, want %s", got, want)
	}
	unpack(t, base, packed, true)
	check(t, base, "f", "a", 1, 0.5)
	if got, want := show(t, base.Diff(nil)), "1@1"; got != want {
		t.Errorf("diff %s, want %s", got, want)
	}
	if base.Labels() != 2 {
		t.Errorf("%d labels, want 2", base.Labels())
	}
}

type onlyKnown map[string]bool

func (k onlyKnown) Touch(label []byte) bool { return k[string(label)] }
func (k onlyKnown) Knows(label []byte) bool { return k[string(label)] }

func TestPutAsksTheFilter(t *testing.T) {
	table := NewLinear(Options{Shared: true})
	table.SetFilter(onlyKnown{"a": true})
	if !put(t, table, diffOf(1, 0, "f a 1 0 0", "f b 1 0 0", "g b 1 0 0")) {
		t.Fatal("refused")
	}
	if table.Labels() != 1 || table.Len() != 1 {
		t.Errorf("%d labels, %d features, want 1 and 1", table.Labels(), table.Len())
	}
}
