package graph

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

const (
	manyNodes = 100_000
	manyEdges = 500_000
)

// large is a graph of many nodes in which some have a lot more edges than
// others, with an index that has been run once. It is for those who do not
// change it.
var large = sync.OnceValue(func() *Graph { return grown() })

func grown() *Graph {
	e, err := New(parsed(settings), goldentest.Env(false))
	if err != nil {
		panic(err)
	}
	g := e.(*Graph)
	g.addRanking("\x92\x90\x90")
	g.addForest("\x92\x90\x90")
	for id := range uint64(manyNodes) {
		g.newNode(id)
	}
	random := rand.New(rand.NewPCG(1, 2))
	end := func() uint64 {
		x := random.Float64()
		return uint64(x * x * manyNodes)
	}
	for id := range uint64(manyEdges) {
		if err := g.createEdge(manyNodes+id, end(), random.Uint64N(manyNodes), properties{{"kind", "knows"}}); err != nil {
			panic(err)
		}
	}
	g.replace(g.run())
	return g
}

// What the engine is for at scale: an index run takes seconds at most, answers
// take well under a millisecond.
func TestLargeGraph(t *testing.T) {
	if testing.Short() {
		t.Skip("it is large")
	}
	start := time.Now()
	g := grown()
	built := time.Since(start)
	start = time.Now()
	g.replace(g.run())
	again := time.Since(start)
	const questions = 2000
	start = time.Now()
	var path []uint64
	steps, ways := 0, 0
	f := g.forests["\x92\x90\x90"]
	for i := range uint64(questions) {
		path = f.path(path[:0], i*47%manyNodes, i*89%manyNodes, 100)
		steps += len(path)
		if len(path) > 0 {
			ways++
		}
		if _, ok := g.rankings["\x92\x90\x90"].of(i * 31 % manyNodes); !ok {
			t.Fatal("a node without a score")
		}
	}
	answered := time.Since(start)
	t.Logf("building and indexing %d nodes and %d edges: %v; another index run: %v; %d questions: %v, %d ways of %.1f nodes",
		manyNodes, manyEdges, built, again, 2*questions, answered, ways, float64(steps)/float64(ways))
	if ways < questions/2 {
		t.Errorf("only %d of %d have a way", ways, questions)
	}
	// With a lot of room for a busy machine.
	if again > 20*time.Second || answered > 5*time.Second {
		t.Error("that is too slow")
	}
}

// The worst case of relaxing in the order of ids is a chain against it.
func TestChainAgainstTheOrder(t *testing.T) {
	e := build(t, settings, false)
	g := e.(*Graph)
	g.addForest("\x92\x90\x90")
	const n = 20_000
	for id := range uint64(n) {
		g.newNode(id)
	}
	for id := range uint64(n - 1) {
		for _, edge := range [][3]uint64{{2 * id, id, id + 1}, {2*id + 1, id + 1, id}} {
			if err := g.createEdge(n+edge[0], edge[1], edge[2], nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	g.replace(g.run())
	path := g.forests["\x92\x90\x90"].path(nil, 0, n-1, n)
	if len(path) != n || path[0] != 0 || path[n-1] != n-1 {
		t.Errorf("a way of %d nodes, want %d", len(path), n)
	}
}

func BenchmarkIndex(b *testing.B) {
	g := large()
	b.ReportAllocs()
	for b.Loop() {
		g.replace(g.run())
	}
}

// BenchmarkFirstIndex is an index run after a change.
func BenchmarkFirstIndex(b *testing.B) {
	g := large()
	b.ReportAllocs()
	for b.Loop() {
		g.changes++
		g.replace(g.run())
	}
}

func BenchmarkDiffPut(b *testing.B) {
	g := large()
	m := share{g}
	b.ReportAllocs()
	var diff []byte
	for b.Loop() {
		diff = m.Diff(diff[:0])
		f := m.NewFold()
		r := reader(diff)
		if err := f.Add(&r); err != nil {
			b.Fatal(err)
		}
		r = reader(f.Append(nil))
		if _, err := m.Put(&r); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(diff)))
}

func benchmarkCalls(b *testing.B, e engine.Engine, method string, args func(i int) list) {
	b.Helper()
	handle := e.Handlers()[method]
	var params [1024][]byte
	for i := range params {
		params[i] = goldentest.Append(nil, args(i*97))[1:]
	}
	var model sync.RWMutex
	c := &engine.Call{}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		c.Args, c.N, c.Out = reader(params[i%len(params)]), 3, c.Out[:0]
		c.Begin(&model, 2)
		err := handle(c)
		c.Unlock()
		if err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkGetCentrality(b *testing.B) {
	benchmarkCalls(b, large(), "get_centrality", func(i int) list { return list{fmt.Sprint(i % manyNodes), int64(0), all} })
}

func BenchmarkGetShortestPath(b *testing.B) {
	benchmarkCalls(b, large(), "get_shortest_path", func(i int) list {
		return list{list{fmt.Sprint(i % manyNodes), fmt.Sprint(i * 7 % manyNodes), int64(20), all}}
	})
}

func BenchmarkGetNode(b *testing.B) {
	benchmarkCalls(b, large(), "get_node", func(i int) list { return list{fmt.Sprint(i % manyNodes)} })
}

func BenchmarkUpdateNode(b *testing.B) {
	benchmarkCalls(b, large(), "update_node", func(i int) list {
		return list{fmt.Sprint(i % manyNodes), goldentest.Map{{Key: "name", Value: "somebody"}, {Key: "kind", Value: "person"}}}
	})
}

func BenchmarkCreateNode(b *testing.B) {
	benchmarkCalls(b, build(b, settings, false), "create_node", func(int) list { return list{} })
}

func BenchmarkCreateEdge(b *testing.B) {
	e := build(b, settings, false)
	c := dial(b, e)
	for range 1000 {
		c.do("create_node")
	}
	benchmarkCalls(b, e, "create_edge", func(i int) list {
		from, to := fmt.Sprint(i%1000), fmt.Sprint(i*3%1000)
		return list{from, edgeOf(goldentest.Map{{Key: "kind", Value: "knows"}}, from, to)}
	})
}
