package storage

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func countsOf(t *testing.T, c *Counts) map[string]uint64 {
	t.Helper()
	m := map[string]uint64{}
	r := mpack.NewReader(c.AppendAll(nil))
	if err := eachEntry(&r, func(l []byte, n uint64) { m[string(l)] = n }); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCounts(t *testing.T) {
	c := NewCounts()
	c.Add([]byte("a"))
	c.Add([]byte("a"))
	if !c.Enter([]byte("b")) || c.Enter([]byte("a")) {
		t.Error("Enter does not tell new labels")
	}
	if !c.Delete([]byte("b")) || c.Delete([]byte("b")) {
		t.Error("Delete does not tell known labels")
	}
	c.Add([]byte("")) // a label like any other
	want := map[string]uint64{"a": 2, "": 1}
	if diff := cmp.Diff(want, countsOf(t, c)); diff != "" {
		t.Error(diff)
	}
	again := NewCounts()
	r := mpack.NewReader(c.Pack(nil))
	commit, err := again.Unpack(&r, false)
	if err != nil {
		t.Fatal(err)
	}
	commit()
	if diff := cmp.Diff(want, countsOf(t, again)); diff != "" {
		t.Error(diff)
	}
	c.Clear()
	if len(countsOf(t, c)) != 0 {
		t.Error("there are counts after Clear")
	}
}

func TestCountsMix(t *testing.T) {
	a, b := NewCounts(), NewCounts()
	for _, l := range []string{"x", "x", "y"} {
		a.Add([]byte(l))
	}
	b.Add([]byte("x"))
	b.Enter([]byte("z"))
	mixed := fold(t, a, a.Diff(nil), b.Diff(nil))
	a.Add([]byte("y")) // during the mix
	b.Delete([]byte("x"))
	put(t, a, mixed)
	put(t, b, mixed)
	if diff := cmp.Diff(map[string]uint64{"x": 3, "y": 2, "z": 0}, countsOf(t, a)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]uint64{"x": 3, "y": 1, "z": 0}, countsOf(t, b)); diff != "" {
		t.Error(diff)
	}
	mixed = fold(t, a, a.Diff(nil), b.Diff(nil))
	put(t, a, mixed)
	put(t, b, mixed)
	if diff := cmp.Diff(countsOf(t, a), countsOf(t, b)); diff != "" {
		t.Error(diff)
	}
	if a.Version() != 2 {
		t.Errorf("version %d, want 2", a.Version())
	}
}

// A mix without what this node sent leaves its counts unmixed.
func TestCountsThatDidNotArrive(t *testing.T) {
	c := NewCounts()
	c.Add([]byte("a"))
	c.Diff(nil)
	put(t, c, mpack.AppendMapHeader(nil, 0))
	if got := c.Of([]byte("a")); got != 1 {
		t.Errorf("count %d, want 1", got)
	}
	if got, want := string(c.Diff(nil)), "\x81\xa1a\x01"; got != want {
		t.Errorf("diff %x, want %x", got, want)
	}
}

func TestCountsWrapAround(t *testing.T) {
	c := NewCounts()
	c.Add([]byte("a"))
	b := mpack.AppendMapHeader(nil, 1)
	b = mpack.AppendRaw(b, "a")
	b = mpack.AppendUint(b, math.MaxUint64)
	put(t, c, b)
	if got := c.Of([]byte("a")); got != 0 {
		t.Errorf("count %d, want 0", got)
	}
}

func TestCountsDropAndReset(t *testing.T) {
	c := NewCounts()
	c.Add([]byte("b"))
	c.Add([]byte("b"))
	c.Enter([]byte("a"))
	if got := c.Labels(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("labels %q", got)
	}
	c.Drop([]byte("b"))
	c.Drop([]byte("c")) // is not there
	if c.Of([]byte("b")) != 1 || c.Has([]byte("c")) {
		t.Errorf("counts %q", c.AppendAll(nil))
	}
	c.Reset()
	if got := string(c.AppendAll(nil)); got != "\x82\xa1a\x00\xa1b\x00" {
		t.Errorf("after Reset %q", got)
	}
	c.Add([]byte("b"))
	c.Drop([]byte("b"))
	if got := c.Labels(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("after the last drop the labels are %q", got)
	}
}
