package graph

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

type (
	list  = goldentest.List
	value = goldentest.Value
)

// all is the query that takes in everything.
var all = list{list{}, list{}}

// client makes calls and demands answers.
type client struct {
	t interface {
		Helper()
		Fatalf(format string, args ...any)
	}
	call goldentest.Caller
}

func dial(t testing.TB, e engine.Engine) client { return client{t, goldentest.InProcess(e)} }

// try returns the answer or the text of the error.
func (c client) try(method string, args ...value) (value, string) {
	c.t.Helper()
	b, err := c.call(method, goldentest.Append(nil, list(args)))
	var failure *goldentest.CallError
	if errors.As(err, &failure) {
		return nil, fmt.Sprint(failure.Object)
	}
	if err != nil {
		c.t.Fatalf("%s%v: %v", method, args, err)
	}
	v, err := goldentest.Decode(b)
	if err != nil {
		c.t.Fatalf("%s%v: %v", method, args, err)
	}
	return v, ""
}

func (c client) do(method string, args ...value) value {
	c.t.Helper()
	v, failure := c.try(method, args...)
	if failure != "" {
		c.t.Fatalf("%s%v: error %s", method, args, failure)
	}
	return v
}

func (c client) want(want value, method string, args ...value) {
	c.t.Helper()
	if got := c.do(method, args...); !cmp.Equal(want, got) {
		c.t.Fatalf("%s%v: got %v, want %v", method, args, got, want)
	}
}

func (c client) fails(want, method string, args ...value) {
	c.t.Helper()
	if v, got := c.try(method, args...); got != want {
		c.t.Fatalf("%s%v: %v, error %q, want error %q", method, args, v, got, want)
	}
}

func edgeOf(p goldentest.Map, source, target string) list {
	if p == nil {
		p = goldentest.Map{}
	}
	return list{p, source, target}
}

func query2(edges, nodes list) list { return list{edges, nodes} }

// nodes makes nodes 1 to n, with edges between them.
func (c client) nodes(n int, edges ...[2]int) {
	c.t.Helper()
	for i := range n {
		c.do("create_node_here", fmt.Sprint(i+1))
	}
	for i, e := range edges {
		c.do("create_edge_here", int64(100+i), edgeOf(nil, fmt.Sprint(e[0]), fmt.Sprint(e[1])))
	}
}

func (c client) centrality(query value, want ...float64) {
	c.t.Helper()
	for i, w := range want {
		got, ok := c.do("get_centrality", fmt.Sprint(i+1), int64(0), query).(float64)
		if !ok || math.Abs(got-w) > 1e-15*w*4 {
			c.t.Fatalf("centrality of %d: %v, want %v", i+1, got, w)
		}
	}
}

func TestCentrality(t *testing.T) {
	over := func(n float64, all ...float64) []float64 {
		for i := range all {
			all[i] /= n
		}
		return all
	}
	marked := goldentest.Map{{Key: "k", Value: "v"}}
	for _, tt := range []struct {
		name  string
		query list
		edges [][2]int
		marks []int // which edges are marked
		runs  [][]float64
	}{
		{"chain", all, [][2]int{{1, 2}, {2, 3}, {3, 4}}, nil, [][]float64{
			{1, 1, 1, 1}, over(16, 7, 19, 19, 19), over(256, 121, 205, 349, 349), over(4096, 2071, 3523, 4531, 6259)}},
		{"isolated", all, [][2]int{{2, 3}, {3, 4}}, nil, [][]float64{
			{1, 1, 1, 1}, over(8, 5, 5, 11, 11), {5. / 8, 5. / 8, 35. / 32, 53. / 32}, over(512, 347, 347, 587, 767)}},
		{"edge query", query2(list{list{"k", "v"}}, list{}), [][2]int{{1, 2}, {2, 3}, {3, 4}}, []int{0, 2}, [][]float64{
			{1, 1, 1, 1}, over(8, 5, 11, 5, 11), over(64, 49, 79, 49, 79), over(512, 365, 659)}},
		{"cycle", all, [][2]int{{1, 2}, {2, 3}, {3, 4}, {4, 1}}, nil, [][]float64{{1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, build(t, settings, false))
			c.do("add_centrality_query", tt.query)
			c.nodes(4, tt.edges...)
			for _, m := range tt.marks {
				c.do("update_edge", "1", int64(100+m), edgeOf(marked, "", ""))
			}
			for _, want := range tt.runs {
				c.do("update_index")
				c.centrality(tt.query, want...)
			}
		})
	}
}

func TestShortestPath(t *testing.T) {
	c := dial(t, build(t, settings, false))
	c.do("add_shortest_path_query", all)
	c.nodes(3, [2]int{1, 3}, [2]int{2, 1})
	c.want(list{}, "get_shortest_path", list{"2", "3", int64(10), all})
	c.do("update_index")
	c.want(list{"2", "1", "3"}, "get_shortest_path", list{"2", "3", int64(10), all})
	c.want(list{"2", "1"}, "get_shortest_path", list{" +2x", "3", int64(2), all})
	c.want(list{"2", "1"}, "get_shortest_path", list{"2", "3", int64(1), all})
	c.want(list{}, "get_shortest_path", list{"2", "3", int64(0), all})
	c.want(list{"1"}, "get_shortest_path", list{"1", "3"}) // what is missing is 0 and the empty query
}

// A node that the query does not take in is no part of a way.
func TestLongcut(t *testing.T) {
	q := query2(list{}, list{list{"aaa", "bbb"}})
	c := dial(t, build(t, settings, false))
	c.do("add_shortest_path_query", q)
	c.nodes(5)
	for _, id := range []string{"1", "2", "3", "5"} {
		c.do("update_node", id, goldentest.Map{{Key: "aaa", Value: "bbb"}})
	}
	for i, e := range [][2]string{{"1", "3"}, {"3", "5"}, {"5", "2"}, {"1", "4"}, {"4", "2"}} {
		c.do("create_edge_here", int64(10+i), edgeOf(nil, e[0], e[1]))
	}
	c.do("update_index")
	c.want(list{"1", "3", "5", "2"}, "get_shortest_path", list{"1", "2", int64(10), q})
}

// Queries choose their landmarks by themselves: a full one does not keep others
// from having some.
func TestLandmarksOfSeveralQueries(t *testing.T) {
	for range 10 {
		c := dial(t, build(t, strings.Replace(settings, "5", "1", 2), false))
		other := query2(list{}, list{list{"x", "y"}})
		c.do("add_shortest_path_query", all)
		c.do("add_shortest_path_query", other)
		c.nodes(2)
		c.do("update_node", "2", goldentest.Map{{Key: "x", Value: "y"}})
		c.do("update_index")
		c.want(list{"2"}, "get_shortest_path", list{"2", "2", int64(9), other})
		c.want(list{}, "get_shortest_path", list{"2", "2", int64(9), all}) // its landmark is 1
	}
}

func TestRemovedEdgesOfLists(t *testing.T) {
	c := dial(t, build(t, settings, false))
	c.nodes(2, [2]int{1, 2}, [2]int{1, 2}, [2]int{1, 2}, [2]int{1, 1})
	c.do("remove_edge", "1", int64(100))
	c.want(list{goldentest.Map{}, list{int64(103)}, list{int64(103), int64(101), int64(102)}}, "get_node", "1")
	c.want(list{goldentest.Map{}, list{int64(102), int64(101)}, list{}}, "get_node", "2")
}

func TestArguments(t *testing.T) {
	const cast, argument = "std::bad_cast", "2"
	c := dial(t, build(t, settings, false))
	c.nodes(2)
	for _, id := range []string{"", "abc", "-", " ", "x1", "18446744073709551616", "99999999999999999999999", "--1"} {
		c.fails(cast, "get_node", id)
	}
	for id, number := range map[string]string{
		"1x": "1", " \t\n\v\f\r2": "2", "+1": "1", "0001": "1", "-18446744073709551615": "1", "1.5": "1",
	} {
		want := c.do("get_node", number)
		c.want(want, "get_node", id)
	}
	c.do("create_node_here", "-1")
	c.want(list{goldentest.Map{}, list{}, list{}}, "get_node", "18446744073709551615")
	c.fails(argument, "get_node", int64(1))
	c.fails(argument, "get_centrality", "1", 0.0, all)
	c.fails(argument, "get_centrality", "1", int64(1)<<31, all)
	c.fails("unknown centrality type: -7", "get_centrality", "1", int64(-7), list{})
	c.fails(argument, "add_centrality_query", list{list{list{"a"}}, list{}})
	c.fails(argument, "add_centrality_query", list{list{list{"a", "b", "c"}}, list{}})
	c.fails(argument, "get_shortest_path", list{"1", "2", int64(-1), all})
	c.fails(argument, "update_node", "1", list{})
	// A short query is one with empty lists, a long one is cut.
	c.do("add_centrality_query", list{})
	c.do("update_index")
	c.want(1.0, "get_centrality", "1", int64(0), list{list{}, list{}, "more"})
	// Of equal keys the last counts, and keys are sorted.
	c.do("update_node", "1", goldentest.Map{{Key: "b", Value: "1"}, {Key: "a", Value: "2"}, {Key: "b", Value: "3"}})
	c.want(list{goldentest.Map{{Key: "a", Value: "2"}, {Key: "b", Value: "3"}}, list{}, list{}}, "get_node", "1")
	c.fails("graph_wo_index::create_edge unknown src id=8 tgt id=9", "create_edge_here", int64(5), edgeOf(nil, "8", "9"))
	c.fails(cast, "create_edge", "1", list{goldentest.Map{}})
}

func TestIDs(t *testing.T) {
	e := build(t, settings, false)
	c := dial(t, e)
	c.want("0", "create_node")
	c.fails("graph_wo_index::create_edge unknown src id=7 tgt id=8", "create_edge", "7", edgeOf(nil, "7", "8"))
	c.want(int64(2), "create_edge", "0", edgeOf(nil, "0", "0"))
	model := e.Pack(nil)
	c.want("3", "create_node")
	c.do("clear")
	c.want("4", "create_node")
	goldentest.Load(t, e, model, engine.FromFile)
	c.want("5", "create_node") // there was a 4
	c.do("clear")
	goldentest.Load(t, e, model, engine.FromFile)
	c.want("3", "create_node")
	c.fails("edge_exists", "create_edge_here", int64(2), edgeOf(nil, "0", "0"))
}

func TestStatus(t *testing.T) {
	e := build(t, settings, false)
	c := dial(t, e)
	c.nodes(3, [2]int{1, 2}, [2]int{1, 9})
	c.do("remove_global_node", "2")
	got := map[string]string{}
	e.Status(func(k, v string) { got[k] = v })
	want := map[string]string{"local_node_num": "3", "global_node_num": "2", "local_edge_num": "2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A loaded model takes the place of the present one.
func TestLoadReplaces(t *testing.T) {
	e := build(t, settings, false)
	c := dial(t, e)
	c.do("add_centrality_query", all)
	c.nodes(2, [2]int{1, 2})
	c.do("update_index")
	model := e.Pack(nil)
	other := build(t, settings, false)
	o := dial(t, other)
	o.nodes(5)
	o.do("add_shortest_path_query", all)
	goldentest.Load(t, other, model, engine.FromFile)
	o.fails("get_node", "get_node", "3")
	o.fails("unknown_query", "get_shortest_path", list{"1", "2", int64(1), all})
	goldentest.SameObject(t, "model", model, other.Pack(nil), goldentest.AsIs, 0)
	o.do("update_index")
	c.do("update_index")
	goldentest.SameObject(t, "model", e.Pack(nil), other.Pack(nil), goldentest.AsIs, 0)
}
