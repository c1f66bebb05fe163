package anomaly

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func (s *statistics) set(id string, kdist, lrd float64) {
	row := s.row([]byte(id))
	s.SetKDist(row, kdist)
	s.SetLRD(row, lrd)
}

func (s *statistics) all() map[string]pair {
	m := map[string]pair{}
	for id := range s.slots {
		if p, err := s.current(s.find([]byte(id))); err == nil {
			m[id] = p
		}
	}
	return m
}

func (s *statistics) expect(t testing.TB, what string, want map[string]pair, base, diff int) {
	t.Helper()
	if got := s.all(); !maps.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
	if s.base != base || s.diff != diff {
		t.Errorf("%s: %d in common and %d own, want %d and %d", what, s.base, s.diff, base, diff)
	}
}

// put puts a folded diff, or fails.
func put(t testing.TB, m engine.Mixable, diff []byte) {
	t.Helper()
	r := mpack.NewReader(diff)
	if ok, err := m.Put(&r); !ok || err != nil {
		t.Fatalf("put: %v, %v", ok, err)
	}
}

func TestStatisticsHalves(t *testing.T) {
	s := newStatistics()
	s.set("a", 1, 2)
	s.set("b", 3, 4)
	s.remove([]byte("never there"))
	s.expect(t, "before", map[string]pair{"a": {1, 2}, "b": {3, 4}}, 0, 3)
	put(t, s, s.Diff(nil))
	s.expect(t, "mixed", map[string]pair{"a": {1, 2}, "b": {3, 4}}, 2, 0)

	// What is new hides what is common; what is removed is gone, until it is
	// there again.
	s.set("a", 5, 6)
	s.remove([]byte("b"))
	s.expect(t, "changed", map[string]pair{"a": {5, 6}}, 2, 2)
	if _, err := s.current(s.find([]byte("b"))); err != errRemoved {
		t.Errorf("a removed row: %v", err)
	}
	if _, err := s.current(s.find([]byte("c"))); err != errUnknown {
		t.Errorf("an unknown row: %v", err)
	}
	s.SetLRD(s.row([]byte("b")), 9)
	s.expect(t, "again", map[string]pair{"a": {5, 6}, "b": {0, 9}}, 2, 2)
}

func TestStatisticsSince(t *testing.T) {
	s := newStatistics()
	s.set("kept", 1, 1)
	s.set("changed", 1, 1)
	s.set("gone", 1, 1)
	diff := s.Diff(nil)
	s.set("changed", 2, 2)
	s.set("new", 3, 3)
	s.remove([]byte("gone"))
	put(t, s, diff)
	want := map[string]pair{"kept": {1, 1}, "changed": {2, 2}, "new": {3, 3}}
	s.expect(t, "put", want, 3, 3)
	put(t, s, s.Diff(nil))
	s.expect(t, "put again", want, 3, 0)

	// A removal that the others have not heard of stays, and what Keep kept.
	s.remove([]byte("new"))
	s.set("kept", 4, 4)
	s.Diff(nil)
	put(t, s, mpack.AppendMapHeader(nil, 0))
	s.expect(t, "lost", map[string]pair{"kept": {1, 1}, "changed": {2, 2}}, 3, 1)
	s.set("kept", 5, 5)
	s.Diff(nil)
	s.Keep()
	put(t, s, mpack.AppendMapHeader(nil, 0))
	s.expect(t, "kept", map[string]pair{"kept": {5, 5}, "changed": {2, 2}}, 3, 2)
}

// Of a row the first node's statistics count, unless any node has removed it.
func TestStatisticsFold(t *testing.T) {
	a, b, c := newStatistics(), newStatistics(), newStatistics()
	for _, s := range []*statistics{a, b, c} {
		s.set("old", 0, 0)
		put(t, s, s.Diff(nil))
	}
	a.set("x", 1, 1)
	a.set("y", 1, 1)
	b.set("x", 2, 2)
	b.set("z", 2, 2)
	b.remove([]byte("old"))
	c.remove([]byte("y"))
	c.set("old", 3, 3)
	fold := a.NewFold()
	for _, s := range []*statistics{a, b, c} {
		r := mpack.NewReader(s.Diff(nil))
		if err := fold.Add(&r); err != nil {
			t.Fatal(err)
		}
	}
	var gone []string
	c.gone = func(id []byte) { gone = append(gone, string(id)) }
	for _, s := range []*statistics{a, b, c} {
		put(t, s, fold.Append(nil))
		s.expect(t, "mixed", map[string]pair{"x": {1, 1}, "z": {2, 2}}, 2, 0)
		if len(s.slots) != 2 {
			t.Errorf("%d rows are remembered", len(s.slots))
		}
	}
	slices.Sort(gone)
	if !slices.Equal(gone, []string{"old", "y"}) {
		t.Errorf("%v were taken", gone)
	}
}

func TestStatisticsModel(t *testing.T) {
	s := newStatistics()
	s.set("a", 1, 2)
	s.set("b", 1, 2)
	put(t, s, s.Diff(nil))
	s.set("c", 3, 4)
	s.remove([]byte("b"))
	packed := s.pack(nil)
	for from, want := range map[engine.Source]map[string]pair{
		engine.FromFile: {"a": {1, 2}, "c": {3, 4}},
		engine.FromPeer: {"a": {1, 2}, "b": {1, 2}},
	} {
		other := newStatistics()
		other.set("before", 1, 1)
		r := mpack.NewReader(packed)
		commit, err := other.unpack(&r, from)
		if err != nil {
			t.Fatal(err)
		}
		other.expect(t, "not committed", map[string]pair{"before": {1, 1}}, 0, 1)
		commit()
		if got := other.all(); !maps.Equal(got, want) {
			t.Errorf("source %d: %v, want %v", from, got, want)
		}
	}
}

// Whatever happens between Diff and Put: in the end, when nobody changes
// anything any more, all nodes know the same, and what one node alone changed
// last.
func TestStatisticsConverge(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		nodes := []*statistics{newStatistics(), newStatistics()}
		own := []map[string]pair{{}, {}} // by node, rows that only it writes
		step := func(r *rapid.T) {
			n := rapid.IntRange(0, 1).Draw(r, "node")
			id := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(r, "id") + string(rune('0'+n))
			if rapid.IntRange(0, 3).Draw(r, "kind") == 0 {
				nodes[n].remove([]byte(id))
				delete(own[n], id)
				return
			}
			p := pair{float64(rapid.IntRange(0, 9).Draw(r, "kdist")), float64(rapid.IntRange(0, 9).Draw(r, "lrd"))}
			nodes[n].set(id, p.kdist, p.lrd)
			own[n][id] = p
		}
		mix := func(r *rapid.T, between int) {
			fold := nodes[0].NewFold()
			for _, s := range nodes {
				diff := mpack.NewReader(s.Diff(nil))
				if err := fold.Add(&diff); err != nil {
					r.Fatal(err)
				}
			}
			for range between {
				step(r)
			}
			for _, s := range nodes {
				mixed := mpack.NewReader(fold.Append(nil))
				if ok, err := s.Put(&mixed); !ok || err != nil {
					r.Fatal(ok, err)
				}
			}
		}
		for range rapid.IntRange(0, 5).Draw(r, "rounds") {
			for range rapid.IntRange(0, 5).Draw(r, "steps") {
				step(r)
			}
			mix(r, rapid.IntRange(0, 5).Draw(r, "between"))
		}
		mix(r, 0)
		want := maps.Clone(own[0])
		maps.Copy(want, own[1])
		for i, s := range nodes {
			if got := s.all(); !maps.Equal(got, want) || s.diff != 0 {
				r.Fatalf("node %d: %v with %d own, want %v", i, got, s.diff, want)
			}
		}
	})
}

func FuzzStatistics(f *testing.F) {
	s := newStatistics()
	s.set("a", 1, 2)
	s.remove([]byte("b"))
	f.Add(s.Diff(nil))
	f.Add(s.pack(nil))
	f.Add([]byte("\xdf\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newStatistics()
		s.set("a", 5, 6)
		r := mpack.NewReader(data)
		if commit, err := s.unpack(&r, engine.FromFile); err == nil {
			commit()
		}
		r = mpack.NewReader(data)
		fold := s.NewFold()
		if err := fold.Add(&r); err == nil {
			put(t, s, fold.Append(nil))
		}
		before := s.Diff(nil)
		r = mpack.NewReader(data)
		if _, err := s.Put(&r); err != nil && string(before) != string(s.packDiff(nil)) {
			t.Error("a diff that is wrong has changed something")
		}
		goldentest.SameObject(t, "diff", s.packDiff(nil), s.Diff(nil), goldentest.AsIs, 0)
	})
}
