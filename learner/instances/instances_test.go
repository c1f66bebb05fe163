package instances

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/learner/unlearner"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func vector(entries ...any) *fv.Vector {
	v := &fv.Vector{}
	for i := 0; i < len(entries); i += 2 {
		v.Append([]byte(entries[i].(string)), entries[i+1].(float64))
	}
	return v
}

// inTable makes instances in a table, with members for an unlearner.
func inTable(t testing.TB, method, members string, env engine.Env) *Instances {
	t.Helper()
	v, err := config.Parse([]byte(`{"method":"` + method + `","parameter":{"hash_num":64}` + members + `}`))
	if err != nil {
		t.Fatal(err)
	}
	o := config.Read(v, ".parameter")
	table, settings := ReadTable(o), unlearner.Read(o)
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	x, err := NewTable(table, settings, env)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

const (
	three       = `,"unlearner":"lru","unlearner_parameter":{"max_size":3}`
	twoSticky   = `,"unlearner":"lru","unlearner_parameter":{"max_size":2,"sticky_pattern":"S*"}`
	anyTwoOfAll = `,"unlearner":"random","unlearner_parameter":{"max_size":2,"seed":1}`
)

func TestIDs(t *testing.T) {
	x := inTable(t, "lsh", "", goldentest.Env(false))
	var s Search
	form := regexp.MustCompile(`^a_b_[a-zA-Z0-9]{8}$`)
	seen := map[string]bool{}
	for range 1000 {
		id, err := x.Add([]byte("a_b_"), vector("f", 1.0), &s)
		if err != nil || !form.Match(id) || seen[string(id)] {
			t.Fatalf("id %q, %v, seen before: %v", id, err, seen[string(id)])
		}
		seen[string(id)] = true
	}
}

// once draws a few numbers again and again, and then others.
type once struct{ drawn int }

func (o *once) Intn(int) int {
	o.drawn++
	return o.drawn / 24
}

// An id that is in use is not given again.
func TestIDInUse(t *testing.T) {
	x := inTable(t, "lsh", "", goldentest.Env(false))
	x.DrawFrom(&once{})
	var s Search
	for _, want := range []string{"aaaaaaaa", "aaaaaaab", "bbbbbbbb"} {
		id, err := x.Add(nil, vector("f", 1.0), &s)
		if err != nil || string(id) != want {
			t.Errorf("id %q, %v, want %s", id, err, want)
		}
	}
}

// Nodes that start at the same moment make up other ids.
func TestIDsOfNodes(t *testing.T) {
	a, b := goldentest.Env(true), goldentest.Env(true)
	b.ID = "127.0.0.1_9200"
	var s Search
	first, _ := inTable(t, "lsh", "", a).Add(nil, vector(), &s)
	second, _ := inTable(t, "lsh", "", b).Add(nil, vector(), &s)
	if bytes.Equal(first, second) {
		t.Errorf("both gave %s", first)
	}
}

func TestNearest(t *testing.T) {
	for _, method := range []string{"lsh", "minhash", "euclid_lsh"} {
		x := inTable(t, method, "", goldentest.Env(false))
		var s Search
		if got := x.Nearest(vector("f", 1.0), 3, &s); len(got) != 0 {
			t.Errorf("%s: found %v of nothing", method, got)
		}
		vectors := []*fv.Vector{vector("f", 1.0, "g", 2.0), vector("f", 3.0, "h", 1.0), vector("f", 1.0, "g", 2.0, "i", 0.5), vector("k", 9.0)}
		var ids []string
		for _, v := range vectors {
			id, err := x.Add(nil, v, &s)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, string(id))
		}
		for limit, want := range map[int]int{0: 0, 1: 1, 3: 3, 4: 4, 5: 4, NoLimit: 4} {
			got := x.Nearest(vectors[0], limit, &s)
			if len(got) != want {
				t.Errorf("%s: %d found, want %d", method, len(got), want)
			}
			if len(got) > 0 && (string(got[0].ID) != ids[0] || got[0].Distance > x.Identical()) {
				t.Errorf("%s: the nearest is %q at %v", method, got[0].ID, got[0].Distance)
			}
			if !slices.IsSortedFunc(got, func(a, b Neighbor) int {
				return int(1e6 * (a.Distance - b.Distance))
			}) {
				t.Errorf("%s: not sorted: %v", method, got)
			}
		}
	}
}

// Who is told when vectors are forgotten, and who is refused.
func TestUnlearning(t *testing.T) {
	var s Search
	x := inTable(t, "lsh", three, goldentest.Env(false))
	var forgotten []string
	x.OnForget(func(id []byte) { forgotten = append(forgotten, string(id)) })
	var ids []string
	for range 5 {
		id, err := x.Add(nil, vector("f", 1.0), &s)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, string(id))
	}
	if !slices.Equal(forgotten, ids[:2]) {
		t.Errorf("forgotten %q of %q", forgotten, ids)
	}
	for i, id := range ids {
		if got := x.Has([]byte(id)); got != (i >= 2) {
			t.Errorf("vector %d is there: %v", i, got)
		}
	}
	x.Remove([]byte(ids[4]))
	if _, err := x.Add(nil, vector("f", 1.0), &s); err != nil || len(forgotten) != 2 {
		t.Errorf("removing made no room: %v, %q", err, forgotten)
	}

	x = inTable(t, "lsh", twoSticky, goldentest.Env(false))
	x.OnForget(func([]byte) { t.Error("a sticky one was forgotten") })
	for range 2 {
		if _, err := x.Add([]byte("S_"), vector("f", 1.0), &s); err != nil {
			t.Fatal(err)
		}
	}
	_, err := x.Add([]byte("T_"), vector("f", 1.0), &s)
	const want = "cannot add new ID as number of sticky IDs reached the maximum size of unlearner: T_"
	if err == nil || len(err.Error()) != len(want)+8 || err.Error()[:len(want)] != want {
		t.Errorf("a third one: %v", err)
	}
	if got := len(x.Nearest(vector("f", 1.0), NoLimit, &s)); got != 2 {
		t.Errorf("%d are there", got)
	}
	x.Clear()
	if _, err := x.Add([]byte("T_"), vector("f", 1.0), &s); err != nil {
		t.Errorf("clearing made no room: %v", err)
	}
}

// What a mix brings is bounded as well, and what there is no room for does not
// get in.
func TestMixUnlearns(t *testing.T) {
	for _, members := range []string{three, anyTwoOfAll} {
		a, b := goldentest.Env(true), goldentest.Env(true)
		b.ID = "127.0.0.1_9200"
		nodes := []*Instances{inTable(t, "lsh", members, a), inTable(t, "lsh", members, b)}
		var s Search
		for i := range 6 {
			if _, err := nodes[i%2].Add(fmt.Append(nil, i, "_"), vector("f", 1.0), &s); err != nil {
				t.Fatal(err)
			}
		}
		fold := nodes[0].Mixable().NewFold()
		for _, n := range nodes {
			r := mpack.NewReader(n.Mixable().Diff(nil))
			if err := fold.Add(&r); err != nil {
				t.Fatal(err)
			}
		}
		for i, n := range nodes {
			r := mpack.NewReader(fold.Append(nil))
			if ok, err := n.Mixable().Put(&r); err != nil || !ok {
				t.Fatal(ok, err)
			}
			held := 0
			for id := range n.IDs {
				held++
				if !n.unlearner.Knows(id) {
					t.Errorf("node %d holds %s, which its unlearner does not know", i, id)
				}
			}
			if held > 3 {
				t.Errorf("node %d holds %d", i, held)
			}
		}
	}
}

func TestUnpackIsAllOrNothing(t *testing.T) {
	var s Search
	x := inTable(t, "euclid_lsh", three, goldentest.Env(false))
	for range 3 {
		if _, err := x.Add(nil, vector("f", 1.0), &s); err != nil {
			t.Fatal(err)
		}
	}
	other := func(b []byte) []byte { return append(b, 0x2a) }
	readOther := func(r *mpack.Reader) (func(), error) {
		_, err := r.Uint64()
		return func() {}, err
	}
	model := x.Pack(nil, other)
	for n := range model {
		r := mpack.NewReader(model[:n])
		if _, err := x.Unpack(&r, engine.FromFile, readOther); err == nil {
			t.Fatalf("the first %d bytes of %d are a model", n, len(model))
		}
	}
	if got := x.Pack(nil, other); !bytes.Equal(got, model) {
		t.Error("a model that did not decode changed something")
	}
	plain := inTable(t, "euclid_lsh", "", goldentest.Env(false))
	r := mpack.NewReader(model)
	if _, err := plain.Unpack(&r, engine.FromFile, readOther); err == nil {
		t.Error("a model with an unlearner was loaded without one")
	}
}
