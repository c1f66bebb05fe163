package clustering

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

const (
	nameA = "127.0.0.1_9001"
	nameB = "127.0.0.1_9002"
	nameC = "127.0.0.1_9003"
)

// Everybody clusters everybody's points, the own ones first.
func TestMix(t *testing.T) {
	cfg := simpleConfig(kmeans2, 100)
	a, b := named(t, cfg, nameA), named(t, cfg, nameB)
	na, nb := newBare(a), newBare(b)
	na.xs(t, "a", 1, 2)
	nb.xs(t, "b", 10, 11)
	mix(t, a, b)
	if got := line(na.members(t)); got != "a0 a1, b0 b1" {
		t.Errorf("members on a: %s", got)
	}
	if got := line(nb.members(t)); got != "b0 b1, a0 a1" {
		t.Errorf("members on b: %s", got)
	}
	if na.revision(t) != 1 || nb.revision(t) != 1 || a.model.Version() != 1 {
		t.Errorf("revisions %d and %d, version %d; want 1", na.revision(t), nb.revision(t), a.model.Version())
	}
}

// A diff has all points of its server, whatever has been mixed.
func TestDiffIsWhole(t *testing.T) {
	for _, cfg := range []string{simpleConfig(kmeans2, 100), compressiveConfig(kmeans2, 10, 2, 4, 1, 0.1, 0)} {
		a, b := named(t, cfg, nameA), named(t, cfg, nameB)
		na, nb := newBare(a), newBare(b)
		na.xs(t, "a", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
		nb.xs(t, "b", 10, 11)
		before := a.model.Diff(nil)
		mix(t, a, b)
		mix(t, a, b)
		if !bytes.Equal(a.model.Diff(nil), before) {
			t.Error("a mix changed what the server reports of itself")
		}
		if n := len(b.model.all()); n != len(a.model.all()) {
			t.Errorf("%d points on one, %d on the other", n, len(a.model.all()))
		}
		na.must(t, "clear", nil, 0)
		if got := a.model.Diff(nil); !bytes.Equal(got, append([]byte("\x91\x92\xae"+nameA), 0x90)) {
			t.Errorf("diff of nothing % x", got)
		}
	}
}

// Folding is in the order of names, whatever the order of the nodes, and lists
// of one name are one.
func TestFoldOrder(t *testing.T) {
	cfg := simpleConfig(kmeans2, 100)
	var diffs [][]byte
	for i, name := range []string{nameA, nameB, nameC} {
		e := named(t, cfg, name)
		newBare(e).xs(t, "p", float64(i), float64(10*i))
		diffs = append(diffs, e.model.Diff(nil))
	}
	fold := func(order ...int) []byte {
		f := (&model{}).NewFold()
		for _, i := range order {
			r := mpack.NewReader(diffs[i])
			if err := f.Add(&r); err != nil {
				t.Fatal(err)
			}
		}
		return f.Append(nil)
	}
	if !bytes.Equal(fold(0, 1, 2), fold(2, 0, 1)) {
		t.Error("the order of nodes matters")
	}
	r := mpack.NewReader(fold(1, 0, 1))
	x := &pointReader{keys: newModel("", nil, nil, nil).keys}
	groups, err := x.groups(&r)
	if err != nil || len(groups) != 2 || groups[0].server != nameA || len(groups[1].points) != 4 {
		t.Errorf("%d groups, error %v", len(groups), err)
	}
	if got := (&model{}).NewFold().Append(nil); !bytes.Equal(got, []byte{0x90}) {
		t.Errorf("nothing folded is % x", got)
	}
}

// A diff that is not sound changes nothing.
func TestBadDiff(t *testing.T) {
	e := named(t, simpleConfig(kmeans2, 100), nameA)
	newBare(e).xs(t, "p", 1, 2, 3)
	other := named(t, simpleConfig(kmeans2, 100), nameB)
	newBare(other).xs(t, "q", 1, 2)
	diff := other.model.Diff(nil)
	before := e.Pack(nil)
	f := e.model.NewFold()
	for n := range diff {
		r := mpack.NewReader(diff[:n])
		if ok, err := e.model.Put(&r); err == nil || ok {
			t.Fatalf("the first %d bytes of %d are a diff", n, len(diff))
		}
		r = mpack.NewReader(diff[:n])
		if err := f.Add(&r); err == nil {
			t.Fatalf("the first %d bytes of %d can be folded", n, len(diff))
		}
	}
	if !bytes.Equal(e.Pack(nil), before) {
		t.Error("a bad diff changed the model")
	}
	if got := f.Append(nil); !bytes.Equal(got, []byte{0x90}) {
		t.Errorf("a bad diff was folded: % x", got)
	}
}

// Who joins takes what is common from a peer, not what is the peer's own.
func TestJoin(t *testing.T) {
	cfg := simpleConfig(kmeans2, 100)
	a, b, c := named(t, cfg, nameA), named(t, cfg, nameB), named(t, cfg, nameC)
	na, nb, nc := newBare(a), newBare(b), newBare(c)
	na.xs(t, "a", 1, 2)
	nb.xs(t, "b", 10, 11)
	mix(t, a, b)
	nc.xs(t, "c", 5)
	if err := unpack(c, a.Pack(nil), engine.FromPeer); err != nil {
		t.Fatal(err)
	}
	if got := line(nc.members(t)); got != "c0, b0 b1" {
		t.Errorf("members after joining: %s", got)
	}
	mix(t, a, b, c)
	for i, n := range []*bare{na, nb, nc} {
		ids := []string{}
		for _, m := range n.members(t) {
			ids = append(ids, m.ids()...)
		}
		slices.Sort(ids)
		if !slices.Equal(ids, []string{"a0", "a1", "b0", "b1", "c0"}) {
			t.Errorf("node %d knows %v", i, ids)
		}
	}
	// Who was started anew finds its own points again.
	again := named(t, cfg, nameC)
	if err := unpack(again, b.Pack(nil), engine.FromPeer); err != nil {
		t.Fatal(err)
	}
	if own := again.model.store.own(nil); len(own) != 1 || own[0].id != "c0" {
		t.Errorf("%d own points after a new start", len(own))
	}
	mix(t, a, b, again)
	if n := len(a.model.all()); n != 5 {
		t.Errorf("%d points, want 5", n)
	}
}

// However pushes, mixes and joins mingle, every point is known everywhere
// once, after a last mix.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := simpleConfig(kmeans2, 5)
		names := []string{nameA, nameB, nameC}
		var engines []*Clustering
		for _, name := range names {
			engines = append(engines, named(t, cfg, name))
		}
		all := func() []engine.Engine { return []engine.Engine{engines[0], engines[1], engines[2]} }
		var want []string
		for i := range rapid.IntRange(1, 12).Draw(rt, "steps") {
			at := rapid.IntRange(0, 2).Draw(rt, "node")
			switch rapid.SampledFrom([]string{"push", "push", "mix", "join"}).Draw(rt, "what") {
			case "push":
				id := fmt.Sprint("p", i)
				newBare(engines[at]).push(t, id, nums("x", float64(rapid.IntRange(0, 9).Draw(rt, "x")), fmt.Sprint("f", i%3), 1.0))
				want = append(want, id)
			case "mix":
				mix(t, all()...)
			case "join":
				if err := unpack(engines[at], engines[(at+1)%3].Pack(nil), engine.FromPeer); err != nil {
					rt.Fatal(err)
				}
			}
		}
		mix(t, all()...)
		slices.Sort(want)
		for _, e := range engines {
			var got []string
			for _, p := range e.model.all() {
				got = append(got, p.id)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				rt.Fatalf("%v, want %v", got, want)
			}
		}
	})
}

// Packing and unpacking changes nothing, for either storage.
func TestPack(t *testing.T) {
	for _, cfg := range []string{
		simpleConfig(kmeans2, 10), compressiveConfig(kmeans2, 10, 2, 4, 1, 0.1, 0),
		compressiveConfig(`"method":"gmm","parameter":{"k":2,"seed":0}`, 10, 3, 4, 2, 0.1, 0.2),
	} {
		a, b := named(t, cfg, nameA), named(t, cfg, nameB)
		random := rand.New(rand.NewPCG(1, 1))
		na := newBare(a)
		for i := range 75 {
			na.push(t, fmt.Sprint("p", i), nums("x", random.NormFloat64(), fmt.Sprint("f", i%7), 1.0))
		}
		newBare(b).xs(t, "b", 1, 2)
		mix(t, a, b)
		model := a.Pack(nil)
		again := named(t, cfg, nameA)
		if err := unpack(again, model, engine.FromFile); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Pack(nil), model) {
			t.Error("a model changes on its way through a file")
		}
		n := newBare(again)
		if n.revision(t) != na.revision(t) || len(n.members(t)) != 2 {
			t.Errorf("revision %d, want %d", n.revision(t), na.revision(t))
		}
		for i := range model {
			if err := unpack(again, model[:i], engine.FromFile); err == nil {
				t.Fatalf("the first %d bytes of %d are a model", i, len(model))
			}
		}
		if !bytes.Equal(again.Pack(nil), model) {
			t.Error("a model that did not decode changed the engine")
		}
	}
}

// A model of one storage is none of the other.
func TestPackOfOther(t *testing.T) {
	one, other := build(t, simpleConfig(kmeans2, 10), false), build(t, compressiveConfig(kmeans2, 10, 2, 4, 1, 0, 0), false)
	for _, pair := range [][2]*Clustering{{one, other}, {other, one}} {
		if err := unpack(pair[0], pair[1].Pack(nil), engine.FromFile); !mpack.IsCast(err) {
			t.Errorf("error %v, want one of shape", err)
		}
	}
}
