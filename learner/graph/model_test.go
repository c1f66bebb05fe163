package graph

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

// naive is a graph as simple as possible.
type naive struct {
	nodes    map[int]*naiveNode
	edges    map[int]*naiveEdge
	scores   map[string]map[int]naiveScore // by query
	marks    map[string][]int              // landmarks, by query
	shrunk   bool                          // something is gone, and with it the ways are stale
	damping  float64
	capacity int
}

type naiveNode struct {
	p       goldentest.Map
	in, out []int
}

type naiveEdge struct {
	p        goldentest.Map
	from, to int
}

type naiveScore struct {
	value  float64
	degree int
}

// naiveQueries are what the properties can be asked for.
var naiveQueries = map[string]list{
	"all":   all,
	"red":   {list{list{"c", "red"}}, list{}},
	"big":   {list{}, list{list{"s", "big"}}},
	"both":  {list{list{"c", "red"}}, list{list{"s", "big"}}},
	"never": {list{list{"c", "red"}, list{"c", "blue"}}, list{}},
}

func matches(p goldentest.Map, demands value) bool {
	for _, d := range demands.(list) {
		if p.Get(d.(list)[0].(string)) != d.(list)[1] {
			return false
		}
	}
	return true
}

func (n *naive) takesNode(q list, id int) bool {
	node := n.nodes[id]
	return node == nil || matches(node.p, q[1])
}

func (n *naive) takesEdge(q list, id int) bool {
	e := n.edges[id]
	return matches(e.p, q[0]) && n.takesNode(q, e.from) && n.takesNode(q, e.to)
}

func (n *naive) mark(id int) {
	for name, marks := range n.marks {
		if len(marks) < n.capacity && n.takesNode(naiveQueries[name], id) {
			n.marks[name] = append(marks, id)
		}
	}
}

func (n *naive) run() {
	for name, old := range n.scores {
		q := naiveQueries[name]
		var taken []int
		fresh, lost := 0, 0.0
		for id := range n.nodes {
			if n.takesNode(q, id) {
				taken = append(taken, id)
				if _, ok := old[id]; !ok {
					fresh++
				}
			}
		}
		for _, s := range old {
			if s.degree == 0 {
				lost += s.value
			}
		}
		spread := 0.0
		if len(old)+fresh > 0 {
			spread = (lost + float64(fresh)) / float64(len(old)+fresh)
		}
		sum := 0.0
		now := map[int]naiveScore{}
		for _, id := range taken {
			s := naiveScore{}
			for _, e := range n.nodes[id].in {
				if from := old[n.edges[e].from]; n.takesEdge(q, e) && from.degree > 0 {
					s.value += from.value / float64(from.degree)
				}
			}
			s.value = n.damping*s.value + 1 - n.damping + n.damping*spread
			for _, e := range n.nodes[id].out {
				if n.takesEdge(q, e) {
					s.degree++
				}
			}
			now[id] = s
			sum += s.value
		}
		for id, s := range now {
			s.value *= float64(len(now)) / sum
			now[id] = s
		}
		n.scores[name] = now
	}
}

// distance is the number of steps from one node to another, -1 if there is no
// way.
func (n *naive) distance(q list, from, to int) int {
	seen := map[int]int{from: 0}
	for todo := []int{from}; len(todo) > 0; todo = todo[1:] {
		for _, e := range n.nodes[todo[0]].out {
			next := n.edges[e].to
			if _, ok := seen[next]; !ok && n.takesEdge(q, e) && n.nodes[next] != nil {
				seen[next] = seen[todo[0]] + 1
				todo = append(todo, next)
			}
		}
	}
	if d, ok := seen[to]; ok {
		return d
	}
	return -1
}

// step is whether an edge leads from one node to the next.
func (n *naive) step(q list, from, to int) bool {
	return slices.ContainsFunc(n.nodes[from].out, func(e int) bool { return n.edges[e].to == to && n.takesEdge(q, e) })
}

func without2(ids []int, id int) []int {
	if i := slices.Index(ids, id); i >= 0 {
		ids[i] = ids[len(ids)-1]
		ids = ids[:len(ids)-1]
	}
	return ids
}

func wire(ids []int) list {
	l := list{}
	for _, id := range ids {
		l = append(l, int64(id))
	}
	return l
}

func drawProperties(t *rapid.T) goldentest.Map {
	return rapid.SampledFrom([]goldentest.Map{
		{}, {{Key: "c", Value: "red"}}, {{Key: "c", Value: "blue"}, {Key: "s", Value: "big"}}, {{Key: "c", Value: "red"}, {Key: "s", Value: "big"}},
	}).Draw(t, "properties")
}

// Whatever is done in whatever order, the graph is what a simple one would be:
// lists, scores, and lengths of ways, also after it was saved and loaded.
func TestAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := &naive{
			nodes: map[int]*naiveNode{}, edges: map[int]*naiveEdge{}, scores: map[string]map[int]naiveScore{},
			marks: map[string][]int{}, damping: 0.75, capacity: 5,
		}
		engines := []engine.Engine{newGraph(t)}
		c := client{t, goldentest.InProcess(engines[0])}
		next := 0
		drawNode := func() int {
			if next == 0 {
				return 0
			}
			return rapid.IntRange(0, next-1).Draw(t, "node")
		}
		name := func(id int) string { return fmt.Sprint(id) }
		t.Repeat(map[string]func(*rapid.T){
			"create": func(t *rapid.T) {
				c.want(name(next), "create_node")
				n.nodes[next] = &naiveNode{}
				n.mark(next)
				next++
			},
			"update": func(t *rapid.T) {
				id, p := drawNode(), drawProperties(t)
				if n.nodes[id] == nil {
					c.fails("update_node", "update_node", name(id), p)
					return
				}
				c.do("update_node", name(id), p)
				node := n.nodes[id]
				node.p = p
				for _, marks := range n.marks {
					n.shrunk = n.shrunk || slices.Contains(marks, id)
				}
				n.shrunk = n.shrunk || len(node.in)+len(node.out) > 0
				n.mark(id)
			},
			"connect": func(t *rapid.T) {
				from, to, p := drawNode(), drawNode(), drawProperties(t)
				a, b := n.nodes[from], n.nodes[to]
				if a == nil && b == nil {
					_, failure := c.try("create_edge", name(from), edgeOf(p, name(from), name(to)))
					if failure == "" {
						t.Fatal("an edge without ends")
					}
					next++
					return
				}
				c.want(int64(next), "create_edge", name(from), edgeOf(p, name(from), name(to)))
				n.edges[next] = &naiveEdge{p, from, to}
				if a != nil {
					a.out = append(a.out, next)
				}
				if b != nil {
					b.in = append(b.in, next)
				}
				next++
			},
			"recolour": func(t *rapid.T) {
				id, p := drawNode(), drawProperties(t)
				if n.edges[id] == nil {
					c.fails("update_edge:eid", "update_edge", "", int64(id), edgeOf(p, "", ""))
					return
				}
				c.do("update_edge", "", int64(id), edgeOf(p, "", ""))
				n.edges[id].p = p
				n.shrunk = true
			},
			"disconnect": func(t *rapid.T) {
				id := drawNode()
				e := n.edges[id]
				if e == nil {
					c.fails("remove_edge:eid", "remove_edge", "", int64(id))
					return
				}
				c.do("remove_edge", "", int64(id))
				if a := n.nodes[e.from]; a != nil {
					a.out = without2(a.out, id)
				}
				if b := n.nodes[e.to]; b != nil {
					b.in = without2(b.in, id)
				}
				delete(n.edges, id)
				n.shrunk = true
			},
			"remove": func(t *rapid.T) {
				id := drawNode()
				node := n.nodes[id]
				switch {
				case node == nil:
					c.fails("remove_node", "remove_node", name(id))
				case len(node.in)+len(node.out) > 0:
					c.fails("graph_wo_index::remove_node node id="+name(id)+" cannot be removed because it has edges", "remove_node", name(id))
				default:
					c.do("remove_node", name(id))
					delete(n.nodes, id)
					n.shrunk = true
				}
			},
			"ask": func(t *rapid.T) {
				q := rapid.SampledFrom([]string{"all", "red", "big", "both", "never"}).Draw(t, "query")
				if n.scores[q] == nil {
					n.scores[q] = map[int]naiveScore{}
				}
				if n.marks[q] == nil {
					n.marks[q] = []int{}
				}
				c.do("add_centrality_query", naiveQueries[q])
				c.do("add_shortest_path_query", naiveQueries[q])
			},
			"forget": func(t *rapid.T) {
				q := rapid.SampledFrom([]string{"all", "red", "big"}).Draw(t, "query")
				delete(n.scores, q)
				delete(n.marks, q)
				c.do("remove_centrality_query", naiveQueries[q])
				c.do("remove_shortest_path_query", naiveQueries[q])
			},
			"reload": func(t *rapid.T) {
				e := newGraph(t)
				load(t, e, engines[0].Pack(nil))
				// Without the nodes that are gone.
				e.(*Graph).nextID = engines[0].(*Graph).nextID
				engines[0] = e
				c.call = goldentest.InProcess(e)
			},
			"index": func(t *rapid.T) {
				c.do("update_index")
				n.run()
				for q := range n.scores {
					for id := range next {
						s, ok := n.scores[q][id]
						if !ok {
							c.fails("centrality", "get_centrality", name(id), int64(0), naiveQueries[q])
							continue
						}
						got := c.do("get_centrality", name(id), int64(0), naiveQueries[q]).(float64)
						if math.Abs(got-s.value) > 1e-12*s.value {
							t.Fatalf("%s: centrality of %d: %v, want %v", q, id, got, s.value)
						}
					}
				}
				if !n.shrunk {
					n.checkPaths(c, t.Fatalf)
				}
			},
			"": func(t *rapid.T) {
				for id := range next {
					if node := n.nodes[id]; node != nil {
						p := node.p
						if p == nil {
							p = goldentest.Map{}
						}
						c.want(list{p, wire(node.in), wire(node.out)}, "get_node", name(id))
					} else {
						c.fails("get_node", "get_node", name(id))
					}
					if e := n.edges[id]; e != nil {
						c.want(edgeOf(e.p, name(e.from), name(e.to)), "get_edge", "", int64(id))
					} else {
						c.fails("get_edge", "get_edge", "", int64(id))
					}
				}
			},
		})
	})
}

// checkPaths demands ways of the right length along edges.
func (n *naive) checkPaths(c client, fatalf func(string, ...any)) {
	for name, marks := range n.marks {
		q := naiveQueries[name]
		for from := range n.nodes {
			for to := range n.nodes {
				best := -1
				for _, m := range marks {
					if !n.takesNode(q, m) {
						continue
					}
					a, b := n.distance(q, from, m), n.distance(q, m, to)
					if a >= 0 && b >= 0 && (best < 0 || a+b < best) {
						best = a + b
					}
				}
				way := c.do("get_shortest_path", list{fmt.Sprint(from), fmt.Sprint(to), int64(1000), q}).(list)
				// A way over the landmark that comes by the target ends there.
				if best < 0 && len(way) > 0 || best >= 0 && (len(way) == 0 || len(way) > best+1) {
					fatalf("%s: way from %d to %d: %v, want %d steps", name, from, to, way, best)
				}
				if len(way) == 0 {
					continue
				}
				at := from
				for i, text := range way {
					var id int
					fmt.Sscan(text.(string), &id)
					if i == 0 && id != from || i > 0 && !n.step(q, at, id) {
						fatalf("%s: way from %d to %d: %v", name, from, to, way)
					}
					at = id
				}
				if at != to {
					fatalf("%s: way from %d to %d: %v", name, from, to, way)
				}
			}
		}
	}
}

func newGraph(t *rapid.T) engine.Engine {
	t.Helper()
	e, err := New(parsed(settings), goldentest.Env(false))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func load(t interface{ Fatal(...any) }, e engine.Engine, model []byte) {
	r := reader(model)
	commit, err := e.Unpack(&r, engine.FromFile)
	if err != nil {
		t.Fatal(err)
	}
	commit()
	if diff := cmp.Diff(model, e.Pack(nil)); diff != "" {
		t.Fatal(diff)
	}
}
