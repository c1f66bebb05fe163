package graph

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

// put mixes a node's diff with nobody's.
func put(t testing.TB, e engine.Engine, diff []byte) {
	t.Helper()
	m := e.Mixables()[0]
	f := m.NewFold()
	r := reader(diff)
	if err := f.Add(&r); err != nil {
		t.Fatal(err)
	}
	r = reader(f.Append(nil))
	if ok, err := m.Put(&r); err != nil || !ok {
		t.Fatal(ok, err)
	}
}

// The bytes of the first diffs of a small graph.
func TestDiffLayout(t *testing.T) {
	e := goldentest.Build(t, New, `{"method": "graph_wo_index", "parameter": {"damping_factor": 0.9, "landmark_num": 1}}`, goldentest.Env(true))
	c := dial(t, e)
	c.do("add_centrality_query", all)
	c.do("add_shortest_path_query", all)
	for _, id := range []string{"4", "1", "2"} {
		c.do("create_node_here", id)
	}
	c.do("create_edge_here", int64(3), edgeOf(nil, "1", "2"))
	diff := e.Mixables()[0].Diff(nil)
	want := "\x92\x81\x92\x90\x90\x83" +
		"\x01\x92\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\x01" +
		"\x02\x92\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\x00" +
		"\x04\x92\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\x00" +
		"\x81\x92\x90\x90\x91\x93\x04\x81\x04\x92\x00\x04\x81\x04\x92\x00\x04"
	if got := string(diff); got != want {
		t.Errorf("diff % x, want % x", got, want)
	}
	put(t, e, diff)
	next, err := goldentest.Decode(e.Mixables()[0].Diff(nil))
	if err != nil {
		t.Fatal(err)
	}
	scores := goldentest.Map{
		{Key: int64(1), Value: list{0.7, int64(1)}}, {Key: int64(2), Value: list{1.6, int64(0)}}, {Key: int64(4), Value: list{0.7, int64(0)}},
	}
	got := next.(list)[0].(goldentest.Map)[0].Value
	if err := goldentest.Compare(scores, got, goldentest.AsIs, 1e-15); err != nil {
		t.Error(err)
	}
	if e.Mixables()[0].Version() != 1 {
		t.Error("one diff was put, not", e.Mixables()[0].Version())
	}
}

// What clients do to queries and landmarks while a diff is on its way stays
// done.
func TestChangesBetweenDiffAndPut(t *testing.T) {
	red := list{list{list{"c", "red"}}, list{}}
	begin := func() (engine.Engine, client) {
		e := build(t, settings, true)
		c := dial(t, e)
		c.do("add_centrality_query", all)
		c.do("add_shortest_path_query", all)
		c.nodes(2, [2]int{1, 2})
		put(t, e, e.Mixables()[0].Diff(nil))
		return e, c
	}
	const noWay = "unknown_query"
	way := func(q list) list { return list{"1", "2", int64(9), q} }

	e, c := begin()
	diff := e.Mixables()[0].Diff(nil)
	c.do("add_centrality_query", red)
	c.do("add_shortest_path_query", red)
	c.do("create_node_here", "3")
	put(t, e, diff)
	c.fails("centrality", "get_centrality", "1", int64(0), red)
	c.want(list{}, "get_shortest_path", way(red))
	c.want(list{"1", "2"}, "get_shortest_path", way(all))
	put(t, e, e.Mixables()[0].Diff(nil))
	c.want(1.0, "get_centrality", "1", int64(0), red)
	c.want(list{"3"}, "get_shortest_path", list{"3", "3", int64(1), all}) // 3 has become a landmark

	e, c = begin()
	diff = e.Mixables()[0].Diff(nil)
	c.do("remove_centrality_query", all)
	c.do("remove_shortest_path_query", all)
	put(t, e, diff)
	c.fails("unknown_centrality_type", "get_centrality", "1", int64(0), all)
	c.fails(noWay, "get_shortest_path", way(all))

	e, c = begin()
	diff = e.Mixables()[0].Diff(nil)
	c.do("clear")
	c.nodes(2)
	c.do("add_shortest_path_query", red)
	put(t, e, diff)
	c.fails("unknown_centrality_type", "get_centrality", "1", int64(0), all)
	c.want(list{}, "get_shortest_path", way(red))
	put(t, e, e.Mixables()[0].Diff(nil))
	c.want(list{}, "get_shortest_path", way(red))

	// The diff got lost, and the others' is put.
	e, c = begin()
	c.do("add_shortest_path_query", red)
	diff = build(t, settings, true).Mixables()[0].Diff(nil)
	e.Mixables()[0].Diff(nil)
	e.Mixables()[0].(engine.Keeper).Keep()
	put(t, e, diff)
	c.want(list{}, "get_shortest_path", way(red))
	c.fails(noWay, "get_shortest_path", way(all)) // that one had been shared, and they have it no more
}

// Nodes and edges are a server's own. A server that joins gets the others'
// scores and ways, and keeps what was done to it before.
func TestModelOfPeer(t *testing.T) {
	donor := build(t, settings, true)
	d := dial(t, donor)
	d.do("add_centrality_query", all)
	d.do("add_shortest_path_query", all)
	d.nodes(2, [2]int{1, 2})
	put(t, donor, donor.Mixables()[0].Diff(nil))

	e := build(t, settings, true)
	c := dial(t, e)
	c.do("create_node_here", "7")
	own := list{list{}, list{list{"a", "b"}}}
	c.do("add_centrality_query", own)
	goldentest.Load(t, e, donor.Pack(nil), engine.FromPeer)
	c.fails("get_node", "get_node", "1")
	c.want(list{goldentest.Map{}, list{}, list{}}, "get_node", "7")
	c.want(1.0, "get_centrality", "1", int64(0), all)
	c.fails("centrality", "get_centrality", "1", int64(0), own)
}

// Two servers that hold half of a graph each come to the scores and ways of
// one that holds it all, up to where edges lead from one half to the other.
func TestMixIsOneGraph(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		halves := []client{}
		var engines []engine.Engine
		for range 2 {
			e, err := New(parsed(settings), goldentest.Env(true))
			if err != nil {
				t.Fatal(err)
			}
			engines = append(engines, e)
			halves = append(halves, client{t, goldentest.InProcess(e)})
		}
		whole := newGraph(t)
		one := client{t, goldentest.InProcess(whole)}
		for _, c := range append(halves, one) {
			c.do("add_centrality_query", all)
		}
		n := rapid.IntRange(1, 12).Draw(t, "nodes")
		for id := range n {
			halves[id%2].do("create_node_here", fmt.Sprint(id))
			one.do("create_node_here", fmt.Sprint(id))
		}
		for e := range rapid.IntRange(0, 30).Draw(t, "edges") {
			a, b := rapid.IntRange(0, n-1).Draw(t, "from"), rapid.IntRange(0, n-1).Draw(t, "to")
			edge := edgeOf(nil, fmt.Sprint(a), fmt.Sprint(b))
			halves[a%2].do("create_edge_here", int64(100+e), edge)
			if a%2 != b%2 {
				halves[b%2].do("create_edge_here", int64(100+e), edge)
			}
			one.do("create_edge_here", int64(100+e), edge)
		}
		for range 4 {
			if ok, err := goldentest.Mix(engines...); err != nil || !ok {
				t.Fatal(ok, err)
			}
			one.do("update_index")
			for id := range n {
				args := list{fmt.Sprint(id), int64(0), all}
				want := one.do("get_centrality", args...)
				for _, c := range halves {
					got := c.do("get_centrality", args...)
					if err := goldentest.Compare(want, got, goldentest.AsIs, 1e-12); err != nil {
						t.Fatalf("node %d: %v", id, err)
					}
				}
			}
		}
	})
}

// Ways lead from server to server, one more with every MIX.
func TestWaysOverServers(t *testing.T) {
	engines := []engine.Engine{build(t, settings, true), build(t, settings, true)}
	c := []client{dial(t, engines[0]), dial(t, engines[1])}
	for i := range 2 {
		c[i].do("add_shortest_path_query", all)
	}
	const n = 8 // a chain whose nodes live on either server by turns
	for id := range n {
		c[id%2].do("create_node_here", fmt.Sprint(id))
	}
	for id := range n - 1 {
		edge := edgeOf(nil, fmt.Sprint(id), fmt.Sprint(id+1))
		for i := range 2 {
			c[i].do("create_edge_here", int64(100+id), edge)
		}
	}
	for range n {
		if ok, err := goldentest.Mix(engines...); err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	for i := range 2 {
		f := engines[i].(*Graph).forests["\x92\x90\x90"]
		way := f.path(nil, 0, n-1, 100)
		if diff := cmp.Diff([]uint64{0, 1, 2, 3, 4, 5, 6, 7}, way); diff != "" {
			t.Errorf("server %d: %s", i, diff)
		}
	}
}

// Folding: later nodes' entries count, and landmarks are added in order as
// long as there is room.
func TestFold(t *testing.T) {
	x := func(s float64, landmarks ...uint64) []byte {
		x := newIndex()
		x.rank("\x92\x90\x90").scores = []score{{1, s, 0}}
		for _, l := range landmarks {
			f := x.forest("\x92\x90\x90")
			f.trees = append(f.trees, tree{landmark: l, from: []hop{{l, 0, uint64(s)}}})
		}
		b := []byte{0x92}
		return x.packForests(x.packRankings(b))
	}
	f := &fold{landmarks: 4}
	for _, d := range [][]byte{x(1, 9, 2), x(2, 8, 2, 5, 4), x(3, 5)} {
		r := reader(d)
		if err := f.Add(&r); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.rankings["\x92\x90\x90"].scores; len(got) != 1 || got[0].value != 3 {
		t.Errorf("scores %v", got)
	}
	var got [][2]uint64
	for _, tr := range f.forests["\x92\x90\x90"].trees {
		got = append(got, [2]uint64{tr.landmark, tr.from[0].next})
	}
	if diff := cmp.Diff([][2]uint64{{9, 1}, {2, 2}, {4, 2}, {5, 3}}, got); diff != "" {
		t.Error(diff)
	}
}
