package graph

import (
	"bytes"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func recorded(f *testing.F) (models, diffs [][]byte) {
	f.Helper()
	models = append(models, goldentest.ReadModel(f, golden+"/models/graph.model.json").Model)
	for _, n := range goldentest.ReadMix(f, golden+"/mix/graph.mix.json").Nodes {
		models = append(models, n.ModelAfter)
		diffs = append(diffs, n.Diff[1:])
	}
	e := build(f, settings, false)
	c := dial(f, e)
	c.do("add_centrality_query", all)
	c.do("add_shortest_path_query", all)
	c.nodes(3, [2]int{1, 2}, [2]int{2, 3}, [2]int{3, 1}, [2]int{3, 9}, [2]int{9, 3})
	c.do("update_index")
	return append(models, e.Pack(nil)), append(diffs, e.Mixables()[0].Diff(nil))
}

// exercise does what goes over everything in a model.
func exercise(t *testing.T, e engine.Engine) {
	t.Helper()
	c := dial(t, e)
	g := e.(*Graph)
	c.do("update_index")
	nodes, edges := sortedIDs(g.nodes.places), sortedIDs(g.edges.places)
	for _, f := range g.forests {
		for _, from := range nodes {
			f.path(nil, from, nodes[0], 1<<32-1)
		}
		if len(f.trees) > 0 {
			f.path(nil, f.trees[0].landmark, f.trees[0].landmark, 1)
		}
	}
	again := build(t, settings, false)
	packed := g.Pack(nil)
	goldentest.Load(t, again, packed, engine.FromFile)
	if !bytes.Equal(packed, again.Pack(nil)) {
		t.Error("what was packed is unpacked as something else")
	}
	for _, id := range edges {
		if err := g.removeEdge(id); err != nil {
			t.Error(err)
		}
	}
	for _, id := range nodes {
		if err := g.removeNode(id); err != nil {
			t.Error(err)
		}
	}
	if len(g.unlisted) > 0 {
		t.Error("edges that are gone are noted", g.unlisted)
	}
	c.do("update_index")
}

// FuzzUnpack: no bytes make a model that can do harm, and what is refused
// leaves the present one alone.
func FuzzUnpack(f *testing.F) {
	models, _ := recorded(f)
	for _, m := range models {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, model []byte) {
		for _, from := range []engine.Source{engine.FromFile, engine.FromPeer} {
			e := build(t, settings, false)
			c := dial(t, e)
			c.nodes(2, [2]int{1, 2})
			before := e.Pack(nil)
			r := mpack.NewReader(model)
			commit, err := e.Unpack(&r, from)
			if !bytes.Equal(before, e.Pack(nil)) {
				t.Fatal("Unpack has changed the model")
			}
			if err == nil {
				commit()
				exercise(t, e)
			}
		}
	})
}

// FuzzPut: nor do any bytes as a mixed diff.
func FuzzPut(f *testing.F) {
	_, diffs := recorded(f)
	for _, d := range diffs {
		f.Add(d, d)
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		e := build(t, settings, false)
		c := dial(t, e)
		c.nodes(3, [2]int{1, 2}, [2]int{2, 3}, [2]int{3, 1}, [2]int{3, 9})
		m := e.Mixables()[0]
		fold := m.NewFold()
		for _, diff := range [][]byte{a, b} {
			before := fold.Append(nil)
			r := mpack.NewReader(diff)
			if err := fold.Add(&r); err != nil && !bytes.Equal(before, fold.Append(nil)) {
				t.Fatal("a diff that is refused has changed the fold")
			}
		}
		r := mpack.NewReader(fold.Append(nil))
		if ok, err := m.Put(&r); err != nil || !ok {
			t.Fatalf("a fold cannot be put: %v, %v", ok, err)
		}
		exercise(t, e)
		r = mpack.NewReader(a)
		_, _ = m.Put(&r)
		exercise(t, e)
	})
}

// FuzzCalls: nor as arguments.
func FuzzCalls(f *testing.F) {
	for name := range (&Graph{}).Handlers() {
		f.Add(name, goldentest.Append(nil, list{"1", edgeOf(nil, "1", "2"), all}))
		f.Add(name, goldentest.Append(nil, list{"1", int64(0), all}))
		f.Add(name, goldentest.Append(nil, list{int64(7), edgeOf(goldentest.Map{{Key: "a", Value: "b"}}, "1", "2")}))
		f.Add(name, goldentest.Append(nil, list{list{"1", "2", int64(3), list{list{list{"a", "b"}}, list{}}}}))
	}
	f.Fuzz(func(t *testing.T, name string, params []byte) {
		e := build(t, settings, true)
		call := goldentest.InProcess(e)
		c := client{t, call}
		c.do("add_centrality_query", all)
		c.do("add_shortest_path_query", all)
		c.nodes(2, [2]int{1, 2})
		answer, err := call(name, params)
		if err == nil {
			if _, err := goldentest.Decode(answer); err != nil {
				t.Errorf("%s answers % x", name, answer)
			}
		}
		exercise(t, e)
	})
}
