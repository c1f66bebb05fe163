package integration

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc"
)

// karate are the friendships of Zachary's karate club (1977), of members 1 to
// 34: for each its friends with larger numbers.
var karate = map[int][]int{
	1: {2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 18, 20, 22, 32}, 2: {3, 4, 8, 14, 18, 20, 22, 31},
	3: {4, 8, 9, 10, 14, 28, 29, 33}, 4: {8, 13, 14}, 5: {7, 11}, 6: {7, 11, 17}, 7: {17}, 9: {31, 33, 34},
	10: {34}, 14: {34}, 15: {33, 34}, 16: {33, 34}, 19: {33, 34}, 20: {34}, 21: {33, 34}, 23: {33, 34},
	24: {26, 28, 30, 33, 34}, 25: {26, 28, 32}, 26: {32}, 27: {30, 34}, 28: {34}, 29: {32, 34}, 30: {33, 34},
	31: {33, 34}, 32: {33, 34}, 33: {34},
}

const (
	karateMembers = 34
	graphConfig   = `{"method": "graph_wo_index", "parameter": {"damping_factor": 0.85, "landmark_num": 5}}`
)

// karateRank is the PageRank of some members with damping factor 0.85, as
// everybody computes it: the sum of all is 1.
var karateRank = map[int]float64{34: 0.10091918, 1: 0.09699729, 33: 0.07169323, 3: 0.05707851, 2: 0.05287692}

type object = goldentest.Value

type objects = goldentest.List

// everything is the preset query that takes in the whole graph.
var everything = objects{objects{}, objects{}}

// society calls a graph server, or a proxy, of a cluster.
type society struct {
	*rpc.Client
	name string
}

func (s society) try(t testing.TB, method string, args ...object) (object, error) {
	t.Helper()
	params := goldentest.Append(nil, append(objects{s.name}, args...))
	b, err := s.Call(t.Context(), method, params)
	if err != nil {
		return nil, fmt.Errorf("%s%v: %w", method, args, err)
	}
	v, err := goldentest.Decode(b)
	if err != nil {
		t.Errorf("%s%v: %v", method, args, err)
	}
	return v, nil
}

// do calls a method that must succeed. It may be called from any goroutine.
func (s society) do(t testing.TB, method string, args ...object) object {
	t.Helper()
	v, err := s.try(t, method, args...)
	if err != nil {
		t.Error(err)
	}
	return v
}

func (s society) way(t testing.TB, from, to string) (ids []string) {
	t.Helper()
	l, _ := s.do(t, "get_shortest_path", objects{from, to, int64(100), everything}).(objects)
	for _, id := range l {
		ids = append(ids, fmt.Sprint(id))
	}
	return ids
}

func (s society) rank(t testing.TB, id string) float64 {
	t.Helper()
	rank, ok := s.do(t, "get_centrality", id, int64(0), everything).(float64)
	if !ok {
		t.Errorf("no centrality of %s", id)
	}
	return rank
}

// friendship is an edge as servers hold it.
type friendship struct {
	id   int64
	from string
	edge objects
}

// club is what a client knows of the graph that it has made.
type club struct {
	ids   [karateMembers + 1]string // of the members
	edges []friendship
	mu    sync.Mutex
}

func member(i int) goldentest.Map { return goldentest.Map{{Key: "member", Value: fmt.Sprint(i)}} }

// found makes the club's graph with several clients at once.
func found(t testing.TB, clients ...society) *club {
	t.Helper()
	var c club
	clients[0].do(t, "add_centrality_query", everything)
	clients[0].do(t, "add_shortest_path_query", everything)
	each := func(do func(s society, i int)) {
		var wg sync.WaitGroup
		for w, s := range clients {
			wg.Go(func() {
				for i := 1 + w; i <= karateMembers; i += len(clients) {
					do(s, i)
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			t.FailNow()
		}
	}
	each(func(s society, i int) {
		c.ids[i], _ = s.do(t, "create_node").(string)
		s.do(t, "update_node", c.ids[i], member(i))
	})
	each(func(s society, i int) {
		for _, friend := range karate[i] {
			for _, e := range [][2]string{{c.ids[i], c.ids[friend]}, {c.ids[friend], c.ids[i]}} {
				edge := objects{goldentest.Map{{Key: "kind", Value: "friend"}}, e[0], e[1]}
				id, _ := s.do(t, "create_edge", e[0], edge).(int64)
				c.mu.Lock()
				c.edges = append(c.edges, friendship{id, e[0], edge})
				c.mu.Unlock()
			}
		}
	})
	return &c
}

// there demands every node and edge.
func (c *club) there(t testing.TB, s society) {
	t.Helper()
	for i := 1; i <= karateMembers; i++ {
		node, ok := s.do(t, "get_node", c.ids[i]).(objects)
		if !ok {
			continue
		}
		out := 0
		for _, e := range c.edges {
			if e.from == c.ids[i] {
				out++
			}
		}
		if diff := cmp.Diff(object(member(i)), node[0]); diff != "" || len(node[2].(objects)) != out {
			t.Errorf("member %d has %v and %d friends, want %d", i, node[0], len(node[2].(objects)), out)
		}
	}
	for _, e := range c.edges {
		if diff := cmp.Diff(object(e.edge), s.do(t, "get_edge", e.from, e.id)); diff != "" {
			t.Errorf("edge %d: %s", e.id, diff)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// connected demands ways between the first member, who is known to most, and
// all others. They lead by way of one of the nodes that were made first, and
// any two members are at most five steps apart.
func (c *club) connected(t testing.TB, s society) {
	t.Helper()
	for i := 2; i <= karateMembers; i++ {
		way := s.way(t, c.ids[1], c.ids[i])
		if len(way) < 2 || len(way) > 11 || way[0] != c.ids[1] || way[len(way)-1] != c.ids[i] {
			t.Errorf("way from 1 to %d: %v", i, way)
		}
		for k := range len(way) - 1 {
			if !slices.ContainsFunc(c.edges, func(e friendship) bool { return e.from == way[k] && e.edge[2] == way[k+1] }) {
				t.Errorf("way from 1 to %d: %v", i, way)
			}
		}
	}
}

// Who is who in a karate club: PageRank and ways, and again after the server
// has been killed and its model loaded by another one.
func TestGraph(t *testing.T) {
	t.Parallel()
	s := serve(t, "jubagraph", graphConfig)
	client := society{s.dial(t), ""}
	c := found(t, client)
	for range 60 {
		client.do(t, "update_index")
	}
	check := func(client society) {
		t.Helper()
		for i, want := range karateRank {
			if got := client.rank(t, c.ids[i]) / karateMembers; math.Abs(got-want) > 1e-7 {
				t.Errorf("PageRank of member %d: %.8f, want %.8f", i, got, want)
			}
		}
		c.connected(t, client)
		c.there(t, client)
	}
	check(client)
	client.do(t, "save", "club")
	kill(t, s.process)

	dir := s.dir
	s = serve(t, "jubagraph", graphConfig)
	names, err := filepath.Glob(filepath.Join(dir, "*_graph_club.jubatus"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	if err := os.Rename(names[0], filepath.Join(s.dir, strings.Replace(s.addr, ":", "_", 1)+"_graph_club.jubatus")); err != nil {
		t.Fatal(err)
	}
	client = society{s.dial(t), ""}
	client.do(t, "load", "club")
	check(client)
	if got, want := client.do(t, "create_node"), fmt.Sprint(karateMembers+len(c.edges)); got != want {
		t.Errorf("the next node is %v, want %s", got, want)
	}
	s.stop(t)
}

// startSociety starts n graph servers and a proxy that mix only when told.
// Their servers have one thread each.
func startSociety(t *testing.T, location []string, n int) (g *group, join func()) {
	t.Helper()
	g = &group{name: "club", location: location}
	path := writeFile(t, "config.json", graphConfig)
	join = func() {
		t.Helper()
		g.servers = append(g.servers, g.start(t, "jubagraph", freeAddr(t), "-n", g.name, "-d", t.TempDir(),
			"-f", path, "-s", "0", "-i", "0", "-c", "1", "-Z", seconds(sessionTimeout)))
	}
	for range n {
		join()
	}
	g.proxy = g.start(t, "jubagraph_proxy", freeAddr(t), "-Z", seconds(sessionTimeout))
	for _, s := range g.servers {
		s.active(t)
	}
	return g, join
}

// members are clients of all servers.
func (g *group) members(t testing.TB) (all []society) {
	t.Helper()
	for _, s := range g.servers {
		all = append(all, society{s.dial(t), g.name})
	}
	return all
}

// ringed waits until so many servers are on the ring.
func (g *group) ringed(t testing.TB, c coord.Coordinator, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d servers are on the ring", n), func() bool {
		names, err := c.Children(t.Context(), coord.RingPath("graph", g.name))
		return err == nil && len(names) == 8*n
	})
}

// A social graph lives on three servers, each of which has a part of it: all
// of them answer the same after a MIX. One is killed: whatever had two homes
// still answers, at once and when the ring has forgotten the server, and can be
// changed. A new server takes its place.
func TestGraphCluster(t *testing.T) {
	t.Parallel()
	service := embedded(t)
	tree := service.tree(t)
	g, join := startSociety(t, service.location, 3)
	proxy := society{g.proxy.dial(t), g.name}
	c := found(t, proxy, society{g.proxy.dial(t), g.name}, society{g.proxy.dial(t), g.name}, society{g.proxy.dial(t), g.name})
	c.there(t, proxy)
	if _, err := proxy.try(t, "update_index"); err == nil || !strings.Contains(err.Error(), "manual mix is available only in standalone mode.") {
		t.Errorf("update_index: %v", err)
	}
	for i, s := range g.members(t) {
		var status goldentest.Map
		status, _ = s.do(t, "get_status").(goldentest.Map)[0].Value.(goldentest.Map)
		// How many is up to the ring.
		t.Logf("server %d has %v of %d nodes and %v of %d edges", i, status.Get("local_node_num"), karateMembers, status.Get("local_edge_num"), len(c.edges))
	}

	for range 6 {
		g.servers[0].mix(t)
	}
	same := func() {
		t.Helper()
		all := g.members(t)
		sum := 0.0
		for i := 1; i <= karateMembers; i++ {
			want := all[0].rank(t, c.ids[i])
			sum += want
			for k, s := range all {
				if got := s.rank(t, c.ids[i]); got != want {
					t.Errorf("member %d has %v at server %d and %v at another", i, got, k, want)
				}
			}
		}
		if math.Abs(sum/karateMembers-1) > 1e-9 {
			t.Errorf("the average centrality is %v", sum/karateMembers)
		}
		for _, s := range all {
			c.connected(t, s)
		}
	}
	same()

	kill(t, g.servers[1].process)
	g.servers = slices.Delete(g.servers, 1, 2)
	c.there(t, proxy)
	c.connected(t, proxy)
	proxy.rank(t, c.ids[34])
	g.ringed(t, tree, 2)
	c.there(t, proxy)
	// Each of the two servers is home of everything now.
	for i := 1; i <= karateMembers; i++ {
		proxy.do(t, "update_node", c.ids[i], member(i))
	}
	last := c.edges[len(c.edges)-1]
	c.edges = c.edges[:len(c.edges)-1]
	proxy.do(t, "remove_edge", last.from, last.id)
	lonely, _ := proxy.do(t, "create_node").(string)
	proxy.do(t, "update_node", lonely, member(35))
	proxy.do(t, "remove_node", lonely)
	if _, err := proxy.try(t, "get_node", lonely); err == nil {
		t.Error("a node that was removed is there")
	}
	c.there(t, proxy)
	for _, s := range g.members(t) {
		c.there(t, s) // they have adopted what they lacked
	}

	join()
	g.servers[2].active(t)
	g.ringed(t, tree, 3)
	c.there(t, proxy)
	g.servers[0].mix(t)
	same()
	for _, s := range g.servers {
		s.stop(t)
	}
}

// Two servers are home of everything both: their scores are those of a server
// alone, though they share them by MIX.
func TestGraphClusterOfTwo(t *testing.T) {
	t.Parallel()
	g, _ := startSociety(t, embedded(t).location, 2)
	proxy := society{g.proxy.dial(t), g.name}
	c := found(t, proxy, society{g.proxy.dial(t), g.name})
	for range 60 {
		g.servers[1].mix(t)
	}
	for _, s := range append(g.members(t), proxy) {
		for i, want := range karateRank {
			if got := s.rank(t, c.ids[i]) / karateMembers; math.Abs(got-want) > 1e-7 {
				t.Errorf("PageRank of member %d: %.8f, want %.8f", i, got, want)
			}
		}
		c.connected(t, s)
		c.there(t, s)
	}
}
