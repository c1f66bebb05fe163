package lshindex

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func small() *Index { return New(Options{Hashes: 8, Tables: 2, Width: 10, Probes: 4, Seed: 1}) }

// The bytes of the original.
func TestBytes(t *testing.T) {
	v := &fv.Vector{}
	v.Append([]byte("x@num"), 2)
	v.Append([]byte("y@num"), 1)
	var s Signature
	x := New(Options{Hashes: 16, Tables: 2, Width: 10, Seed: 1})
	x.Hash(v, &s)
	if err := x.Set([]byte("r1"), &s); err != nil {
		t.Fatal(err)
	}
	row := mpack.AppendUint([]byte("\x93\x92"), 11351476129699174218)
	row = mpack.AppendUint(row, 10559333342415846977)
	row = append(row, "\x92\x20\xa8\x00\x00\x00\x00\xe7\x12\x0f\xaa"...)
	row = mpack.AppendFloat64(row, math.Sqrt(5))
	want := append([]byte("\x81\xa2r1"), row...)
	if got := x.Diff(nil); !bytes.Equal(got, want) {
		t.Errorf("diff\n%x, want\n%x", got, want)
	}
	r := mpack.NewReader(want)
	if ok, err := x.Put(&r); !ok || err != nil {
		t.Fatal(ok, err)
	}
	x.Remove([]byte("r1"))
	if got, want := x.Diff(nil), "\x81\xa2r1\x93\x90\x92\x00\xa0\xcb\x00\x00\x00\x00\x00\x00\x00\x00"; string(got) != want {
		t.Errorf("removal\n%x, want\n%x", got, want)
	}
	for j, want := range []float32{0.41702199, 0.72032452, 0.00011437, 0.30233258, 0.14675589} {
		if d := x.shift[j] - want; d > 1e-7 || d < -1e-7 {
			t.Errorf("shift %d is %v, want %v", j, x.shift[j], want)
		}
	}
}

// Rows that come by MIX are found, and what a peer has not mixed is not taken
// from its model.
func TestMix(t *testing.T) {
	a, b, c := small(), small(), small()
	var s Signature
	for i := range 5 {
		a.set(t, fmt.Sprint("a", i), float64(i), &s)
		b.set(t, fmt.Sprint("b", i), float64(i)+0.5, &s)
	}
	fold := a.NewFold()
	for _, x := range []*Index{a, b} {
		r := mpack.NewReader(x.Diff(nil))
		if err := fold.Add(&r); err != nil {
			t.Fatal(err)
		}
	}
	a.set(t, "late", 2, &s)
	for _, x := range []*Index{a, b} {
		r := mpack.NewReader(fold.Append(nil))
		if ok, err := x.Put(&r); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if a.Len() != 11 || b.Len() != 10 {
		t.Fatalf("%d and %d rows", a.Len(), b.Len())
	}
	x := vector(2.5)
	b.Hash(x, &s)
	if got := b.Similar(&s, 1, nil); len(got) != 1 || string(b.ID(got[0].Row)) != "b2" {
		t.Errorf("b finds %v", got)
	}
	a.Hash(x, &s)
	if got := a.Similar(&s, 1, nil); len(got) != 1 || string(a.ID(got[0].Row)) != "b2" {
		t.Errorf("a finds %v", got)
	}
	unpack(t, c, a.Pack(nil), engine.FromPeer)
	if _, ok := c.Find([]byte("late")); ok || c.Len() != 10 {
		t.Errorf("a peer's model brings %d rows", c.Len())
	}
	unpack(t, c, a.Pack(nil), engine.FromFile)
	if c.Len() != 11 {
		t.Errorf("a file brings %d rows", c.Len())
	}
}

// A row that comes back has its old place among those equally far, and is
// found where it was.
func TestComebacks(t *testing.T) {
	x := New(Options{Hashes: 2, Tables: 1, Width: 1, Seed: 1})
	var s Signature
	x.set(t, "a", 0, &s)
	x.set(t, "b", 0, &s)
	x.Remove([]byte("a"))
	x.set(t, "a", 0, &s)
	if got := x.ranking(x.Similar(&s, 2, nil)); got != "a 0.000000000,b 0.000000000," {
		t.Errorf("equally far: %s", got)
	}
	x.Remove([]byte("a"))
	if got := x.Similar(&s, 2, nil); len(got) != 1 {
		t.Errorf("%v without a", got)
	}
	x.set(t, "a", 9, &s)
	row, _ := x.Find([]byte("b"))
	if got := x.SimilarTo(row, 2, nil); len(got) != 2 {
		t.Errorf("a is not found where it was: %v", got)
	}
	x.set(t, "a", 0, &s)
	x.set(t, "a", 9, &s)
	if got := x.SimilarTo(row, 2, nil); len(got) != 1 {
		t.Errorf("a is found where it was moved from: %v", got)
	}
	// What is remembered is bounded.
	for i := range 3 * maxFormers {
		id := fmt.Sprint(i)
		x.set(t, id, float64(i%50), &s)
		x.Remove([]byte(id))
	}
	for i := range 3 * maxOld {
		x.set(t, "a", float64(i*20), &s)
		x.Remove([]byte("a"))
	}
	if n := len(x.formers.byID); n > maxFormers || len(x.formers.byID["a"].buckets) > maxOld {
		t.Errorf("%d former rows", n)
	}
}

func TestUnpackIsAllOrNothing(t *testing.T) {
	x := small()
	var s Signature
	x.set(t, "a", 1, &s)
	x.set(t, "b", 2, &s)
	model := x.Pack(nil)
	for n := range model {
		r := mpack.NewReader(model[:n])
		if _, err := small().Unpack(&r, engine.FromFile); err == nil {
			t.Fatalf("the first %d bytes of %d are an index", n, len(model))
		}
	}
	for _, o := range []Options{{Hashes: 8, Tables: 3, Width: 10}, {Hashes: 16, Tables: 1, Width: 10}, {Hashes: 9, Tables: 2, Width: 10}} {
		r := mpack.NewReader(model)
		if _, err := New(o).Unpack(&r, engine.FromFile); err == nil {
			t.Errorf("an index of %+v takes it", o)
		}
	}
	if !bytes.Equal(x.Pack(nil), model) {
		t.Error("packs differ")
	}
}

// Models and diffs from outside never panic, and rows are found by what they
// brought.
func FuzzUnpack(f *testing.F) {
	x := small()
	var s Signature
	x.set(f, "a", 1, &s)
	x.set(f, "b", 20, &s)
	f.Add(x.Pack(nil))
	diff := x.Diff(nil)
	f.Add(diff)
	r := mpack.NewReader(diff)
	if ok, err := x.Put(&r); !ok || err != nil {
		f.Fatal(ok, err)
	}
	x.Remove([]byte("b"))
	f.Add(x.Pack(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		x := small()
		r := mpack.NewReader(b)
		if commit, err := x.Unpack(&r, engine.FromFile); err == nil {
			commit()
			again := small()
			unpack(t, again, x.Pack(nil), engine.FromFile)
			if again.Len() != x.Len() {
				t.Errorf("%d rows, packed %d", again.Len(), x.Len())
			}
		}
		r = mpack.NewReader(b)
		_, _ = x.Put(&r)
		x.Hash(vector(1), &s)
		x.Similar(&s, 10, nil)
		for row := range x.Len() {
			found := false
			for _, n := range x.SimilarTo(row, x.Len(), nil) {
				found = found || n.Row == row
			}
			if !found {
				t.Fatalf("row %d does not find itself", row)
			}
		}
		for x.Len() > 0 {
			if !x.Remove(x.ID(0)) {
				t.Fatal("a row is not found")
			}
		}
	})
}
