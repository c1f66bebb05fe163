package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

// ring has three nodes, of which the one that the last digit of a key names is
// its first home, and the next one the second.
func ring(key string) []int {
	first := int(key[len(key)-1]) % 3
	return []int{first, (first + 1) % 3, (first + 2) % 3}
}

// peered is a cluster with clients of its nodes.
type peered struct {
	*goldentest.Cluster
	nodes []client
}

func cluster(t testing.TB) *peered {
	t.Helper()
	p := &peered{Cluster: goldentest.NewCluster(t, New, "graph", settings, 3)}
	p.Homes = ring
	for i := range p.Engines {
		p.nodes = append(p.nodes, client{t, p.Caller(i)})
	}
	return p
}

// homes calls all homes of a key, as proxies do, and returns the first answer
// and every error.
func (p *peered) homes(key, method string, args ...value) (answer value, failures []string) {
	for i, home := range ring(key)[:2] {
		v, failure := p.nodes[home].try(method, append([]value{key}, args...)...)
		if failure != "" {
			failures = append(failures, failure)
		} else if i == 0 || answer == nil {
			answer = v
		}
	}
	return answer, failures
}

// has reports whether a node has something itself.
func (p *peered) has(i int, method string, args ...value) bool {
	_, failure := p.nodes[i].try(method, append(args, true)...)
	return failure == ""
}

func TestClusterFlows(t *testing.T) {
	p := cluster(t)
	c := p.nodes[0]
	for id := range 6 {
		c.want(fmt.Sprint(id+1), "create_node")
		for i := range 3 {
			home := slices.Contains(ring(fmt.Sprint(id + 1))[:2], i)
			if got := p.has(i, "get_node", fmt.Sprint(id+1)); got != home {
				t.Errorf("node %d on server %d: %v", id+1, i, got)
			}
		}
	}
	first := p.nodes[ring("1")[0]]
	first.want(int64(7), "create_edge", "1", edgeOf(nil, "1", "2"))
	for _, home := range ring("1")[:2] {
		p.nodes[home].want(edgeOf(nil, "1", "2"), "get_edge", "1", int64(7), true)
	}
	if p.has(ring("1")[2], "get_edge", "1", int64(7)) {
		t.Error("an edge on a server that is no home of its source")
	}
	c.fails("manual mix is available only in standalone mode.", "update_index")
	if _, failures := p.homes("3", "remove_node"); len(failures) > 0 {
		t.Errorf("removing a node: %v", failures)
	}
	if _, failures := p.homes("3", "get_node"); !cmp.Equal(failures, []string{"get_node", "get_node"}) {
		t.Errorf("getting it: %v", failures)
	}
	// Everybody forgets it.
	for i, e := range p.Engines {
		if _, ok := e.(*Graph).global[3]; ok {
			t.Errorf("server %d still knows node 3", i)
		}
	}
}

// A server that has neither end of a way knows of it from the others.
func TestPathsOfOtherServers(t *testing.T) {
	p := cluster(t)
	for _, c := range p.nodes {
		c.do("add_shortest_path_query", all)
		c.do("add_centrality_query", all)
	}
	for range 9 {
		p.nodes[0].do("create_node")
	}
	for id := 1; id < 9; id++ {
		key := fmt.Sprint(id)
		p.nodes[ring(key)[0]].do("create_edge", key, edgeOf(nil, key, fmt.Sprint(id+1)))
	}
	for range 9 {
		p.Mix()
	}
	for i, c := range p.nodes {
		c.want(list{"1", "2", "3", "4", "5", "6", "7", "8", "9"}, "get_shortest_path", list{"1", "9", int64(20), all})
		c.do("get_centrality", "5", int64(0), all)
		c.fails("shortest_path:src", "get_shortest_path", list{"77", "1", int64(20), all})
		c.fails("shortest_path:tgt", "get_shortest_path", list{"1", "78", int64(20), all})
		other := list{list{list{"a", "b"}}, list{}}
		for id := 1; id <= 9; id++ {
			c.fails("unknown_query", "get_shortest_path", list{fmt.Sprint(id), "1", int64(20), other})
		}
		if t.Failed() {
			t.Fatal("server", i)
		}
	}
}

// A loaded model may use ids that the cluster has not given yet.
func TestIDsInUse(t *testing.T) {
	p := cluster(t)
	for _, c := range p.nodes {
		c.do("create_node_here", "1")
		c.do("create_node_here", "2")
		c.do("create_edge_here", int64(3), edgeOf(nil, "1", "2"))
	}
	p.nodes[0].want("4", "create_node")
}

var errDown = errors.New("connect failed")

// faults makes the nth call between nodes from now on fail, before or after it
// is executed; 0 none.
func (p *peered) faults(nth int, after bool) {
	seen := 0
	p.Fault = func(c goldentest.PeerCall) error {
		if c.Answered {
			if after && seen == nth {
				return errDown
			}
			return nil
		}
		if seen++; !after && seen == nth {
			return errDown
		}
		return nil
	}
}

// A node that could not be made on its first home is nowhere, and the client
// hears of it; any other failure only costs a copy, which is made up for.
func TestFailuresHalfWay(t *testing.T) {
	for _, after := range []bool{false, true} {
		for nth := 1; nth <= 2; nth++ {
			p := cluster(t)
			p.nodes[0].do("create_node")
			p.nodes[0].do("create_node")
			// Node 3 has its homes at 0 and 1, node 4 at 1 and 2.
			p.nodes[0].do("create_node")
			p.faults(nth, after)
			v, failure := p.nodes[0].try("create_node")
			p.faults(0, false)
			if nth == 1 {
				if want := "failed to create node 4 (connect failed): 127.0.0.2:9199"; failure != want {
					t.Errorf("call %d fails, after %v: %v, error %q, want %q", nth, after, v, failure, want)
				}
				for i := range 3 {
					if p.has(i, "get_node", "4") {
						t.Errorf("call %d fails, after %v: server %d has half of the node", nth, after, i)
					}
				}
				continue
			}
			if v != "4" {
				t.Errorf("call %d fails, after %v: %v, error %q", nth, after, v, failure)
			}
			if _, failures := p.homes("4", "get_node"); len(failures) > 0 {
				t.Errorf("get_node: %v", failures)
			}
			if _, failures := p.homes("4", "update_node", goldentest.Map{{Key: "a", Value: "b"}}); len(failures) > 0 {
				t.Errorf("update_node: %v", failures)
			}
			for _, home := range ring("4")[:2] {
				p.nodes[home].want(list{goldentest.Map{{Key: "a", Value: "b"}}, list{}, list{}}, "get_node", "4", true)
			}
		}
	}
}

// An edge whose second copy was not made is made up for, too, and can be
// removed.
func TestEdgeHalfWay(t *testing.T) {
	for _, after := range []bool{false, true} {
		for _, method := range []string{"get_edge", "update_edge", "remove_edge"} {
			p := cluster(t)
			for range 3 {
				p.nodes[0].do("create_node")
			}
			p.faults(1, after)
			v, failure := p.nodes[0].try("create_edge", "3", edgeOf(nil, "3", "1"))
			p.faults(0, false)
			if v != int64(4) {
				t.Fatal(v, failure)
			}
			args := list{int64(4)}
			if method == "update_edge" {
				args = append(args, edgeOf(goldentest.Map{{Key: "a", Value: "b"}}, "", ""))
			}
			if _, failures := p.homes("3", method, args...); len(failures) > 0 {
				// The first has removed it before the second could ask.
				if !(method == "remove_edge" && !after && cmp.Equal(failures, []string{"remove_edge:eid"})) {
					t.Errorf("%s: %v", method, failures)
				}
			}
			if method == "remove_edge" {
				if _, failures := p.homes("3", "remove_node"); len(failures) > 0 {
					t.Errorf("the node has something left: %v", failures)
				}
			}
		}
	}
}

// Whatever fails at whatever step, and whichever server loses all it has, what
// was acknowledged answers from both of its homes, and nothing is left behind
// that later calls could choke on.
func TestFaults(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := cluster(t)
		for i := range p.nodes {
			p.nodes[i].t = rt
		}
		nodes := map[string]goldentest.Map{}
		type edge struct {
			from string
			id   int64
			wire list
		}
		var edges []edge
		// heal updates everything, as clients do sooner or later.
		heal := func() {
			for key, props := range nodes {
				if _, failures := p.homes(key, "update_node", props); len(failures) > 0 {
					rt.Fatalf("updating node %s: %v", key, failures)
				}
			}
			for _, e := range edges {
				if _, failures := p.homes(e.from, "update_edge", e.id, e.wire); len(failures) > 0 {
					rt.Fatalf("updating edge %d of %s: %v", e.id, e.from, failures)
				}
			}
		}
		draw := func(what string) (key string, ok bool) {
			if len(nodes) == 0 {
				return "", false
			}
			return rapid.SampledFrom(sortedKeys(nodes)).Draw(rt, what), true
		}
		fault := func() {
			p.faults(rapid.IntRange(0, 3).Draw(rt, "failing call"), rapid.Bool().Draw(rt, "after it"))
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create_node": func(*rapid.T) {
				fault()
				v, failure := p.nodes[rapid.IntRange(0, 2).Draw(rt, "server")].try("create_node")
				p.faults(0, false)
				if failure == "" {
					nodes[v.(string)] = goldentest.Map{}
				}
				heal()
			},
			"create_edge": func(*rapid.T) {
				from, ok := draw("from")
				if !ok {
					return
				}
				to, _ := draw("to")
				fault()
				v, failure := p.nodes[ring(from)[0]].try("create_edge", from, edgeOf(nil, from, to))
				p.faults(0, false)
				if failure != "" {
					rt.Fatalf("create_edge: %s", failure)
				}
				edges = append(edges, edge{from, v.(int64), edgeOf(nil, from, to)})
				heal()
			},
			"update_node": func(*rapid.T) {
				key, ok := draw("node")
				if !ok {
					return
				}
				nodes[key] = goldentest.Map{{Key: "n", Value: fmt.Sprint(rapid.Byte().Draw(rt, "value"))}}
				heal()
			},
			"remove_edge": func(*rapid.T) {
				if len(edges) == 0 {
					return
				}
				i := rapid.IntRange(0, len(edges)-1).Draw(rt, "edge")
				if _, failures := p.homes(edges[i].from, "remove_edge", edges[i].id); len(failures) > 0 {
					rt.Fatalf("remove_edge: %v", failures)
				}
				edges = slices.Delete(edges, i, i+1)
			},
			"remove_node": func(*rapid.T) {
				key, ok := draw("node")
				if !ok || slices.ContainsFunc(edges, func(e edge) bool { return e.from == key || e.wire[2] == key }) {
					return
				}
				fault()
				_, failures := p.homes(key, "remove_node")
				p.faults(0, false)
				if len(failures) > 0 {
					rt.Fatalf("remove_node: %v", failures)
				}
				delete(nodes, key)
				for i := range 3 {
					if p.has(i, "get_node", key) {
						rt.Fatalf("server %d still has node %s", i, key)
					}
				}
			},
			"lose": func(*rapid.T) {
				p.nodes[rapid.IntRange(0, 2).Draw(rt, "server")].do("clear")
				for key, props := range nodes {
					node, failures := p.homes(key, "get_node")
					if len(failures) > 0 || !cmp.Equal(node.(list)[0], value(props)) {
						rt.Fatalf("node %s: %v, %v", key, node, failures)
					}
				}
				for _, e := range edges {
					if v, failures := p.homes(e.from, "get_edge", e.id); len(failures) > 0 || !cmp.Equal(v, value(e.wire)) {
						rt.Fatalf("edge %d: %v, %v", e.id, v, failures)
					}
				}
				heal()
			},
			"mix": func(*rapid.T) {
				if ok, err := goldentest.Mix(p.Engines...); err != nil || !ok {
					rt.Fatal(ok, err)
				}
			},
			"": func(*rapid.T) {
				for key := range nodes {
					for _, home := range ring(key)[:2] {
						if !p.has(home, "get_node", key) {
							rt.Fatalf("server %d has no node %s", home, key)
						}
					}
				}
				for _, e := range edges {
					for _, home := range ring(e.from)[:2] {
						if !p.has(home, "get_edge", e.from, e.id) {
							rt.Fatalf("server %d has no edge %d", home, e.id)
						}
					}
				}
			},
		})
	})
}

// While a home is down the next server of the ring takes its place: it answers
// for what the other home has, and keeps what is changed there.
func TestThirdServer(t *testing.T) {
	p := cluster(t)
	for range 3 {
		p.nodes[0].do("create_node")
	}
	p.nodes[0].do("create_edge", "3", edgeOf(nil, "3", "1"))
	node := list{goldentest.Map{}, list{}, list{int64(4)}}
	// Both homes of node 3, 0 and 1, are up: server 2 is none.
	p.nodes[2].want(node, "get_node", "3")
	p.nodes[2].fails("update_node", "update_node", "3", goldentest.Map{})
	p.Fault = func(c goldentest.PeerCall) error {
		if c.To == 0 || c.From == 0 {
			return errDown
		}
		return nil
	}
	p.nodes[2].want(node, "get_node", "3")
	p.nodes[2].want(edgeOf(nil, "3", "1"), "get_edge", "3", int64(4))
	p.nodes[2].do("update_node", "3", goldentest.Map{})
	p.nodes[2].want(node, "get_node", "3", true)
	p.nodes[2].do("remove_edge", "3", int64(4))
	p.nodes[2].want(list{goldentest.Map{}, list{}, list{}}, "get_node", "3", true)
}

// Servers that make nodes and edges for each other, all at once, do not wait
// for each other for ever, and lose nothing.
func TestManyAtOnce(t *testing.T) {
	p := cluster(t)
	p.Alone = false
	for _, c := range p.nodes {
		c.do("add_shortest_path_query", all)
	}
	const workers, rounds = 4, 50
	var wg sync.WaitGroup
	made := make([][]string, 3*workers)
	for w := range made {
		wg.Go(func() {
			c := p.nodes[w%3]
			for range rounds {
				v, failure := c.try("create_node")
				if failure != "" {
					t.Errorf("create_node: %s", failure)
					return
				}
				id := v.(string)
				made[w] = append(made[w], id)
				if _, failure := p.nodes[ring(id)[0]].try("create_edge", id, edgeOf(nil, id, made[w][0])); failure != "" {
					t.Errorf("create_edge: %s", failure)
				}
				if _, failures := p.homes(id, "update_node", goldentest.Map{{Key: "by", Value: fmt.Sprint(w)}}); len(failures) > 0 {
					t.Errorf("update_node: %v", failures)
				}
				p.homes(id, "remove_node") // it has an edge
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("they wait for each other")
	}
	for w := range made {
		for _, id := range made[w] {
			for _, home := range ring(id)[:2] {
				v := p.nodes[home].do("get_node", id, true).(list)
				if p := v[0].(goldentest.Map); p.Get("by") != fmt.Sprint(w) || len(v[2].(list)) != 1 {
					t.Errorf("node %s on server %d: %v", id, home, v)
				}
			}
		}
	}
}

// A node is taken over with all its edges or not at all.
func TestTakeOverHalfWay(t *testing.T) {
	p := cluster(t)
	for range 3 {
		p.nodes[0].do("create_node")
	}
	for range 3 {
		p.nodes[0].do("create_edge", "3", edgeOf(nil, "3", "1"))
	}
	p.nodes[1].do("clear")
	for nth := 1; nth <= 4; nth++ { // the node, and each of its edges
		p.faults(nth, nth%2 == 0)
		p.nodes[1].fails("update_node", "update_node", "3", goldentest.Map{})
		p.nodes[1].fails("get_node", "get_node", "3", true)
	}
	p.faults(0, false)
	p.nodes[1].do("update_node", "3", goldentest.Map{})
	p.nodes[1].want(list{goldentest.Map{}, list{}, list{int64(4), int64(5), int64(6)}}, "get_node", "3", true)
	p.nodes[1].do("remove_edge", "3", int64(5))
}

// A peer that answers nonsense does no harm.
func TestNonsenseOfPeers(t *testing.T) {
	p := cluster(t)
	g := p.Engines[0].(*Graph)
	for _, answer := range []string{"\xc0", "\x93\x80\x90", "\x93\x01\x90\x90", "\x93\x80\x91\xa0\x90", "\x93\x80\x90\x91\xff", "\x93\x80\x91\x05\x90"} {
		g.peers = nonsense{g.peers, []byte(answer)}
		p.nodes[0].try("update_node", "3", goldentest.Map{})
		p.nodes[0].try("remove_edge", "3", int64(9))
		p.nodes[0].try("create_edge", "3", edgeOf(nil, "3", "4"))
		p.nodes[0].try("remove_node", "3")
	}
}

type nonsense struct {
	engine.Peers
	answer []byte
}

func (n nonsense) Call(context.Context, engine.Peer, string, ...[]byte) ([]byte, error) {
	return n.answer, nil
}
