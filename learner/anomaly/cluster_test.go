package anomaly

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

// cluster is n nodes, on which the homes of an id are those that its number
// and the next one name.
func cluster(t testing.TB, cfg string, n int) (*goldentest.Cluster, []client) {
	t.Helper()
	c := goldentest.NewCluster(t, New, "anomaly", cfg, n)
	c.Homes = func(key string) []int {
		var first int
		if _, err := fmt.Sscan(key, &first); err != nil {
			t.Errorf("the ring was asked for %q", key)
		}
		var homes []int
		for i := range n {
			homes = append(homes, (first+i)%n)
		}
		return homes
	}
	var clients []client
	for i := range n {
		clients = append(clients, client{t, c.Caller(i)})
	}
	return c, clients
}

// where lists which nodes have a row.
func where(clients []client, id string) (nodes []int) {
	for i, c := range clients {
		if slices.Contains(c.ids(), id) {
			nodes = append(nodes, i)
		}
	}
	return nodes
}

func TestAddGoesHome(t *testing.T) {
	for name, cfg := range methods {
		_, nodes := cluster(t, cfg(2, 3, ""), 3)
		for i := range 9 {
			want := fmt.Sprint(i + 1) // in clusters ids begin with 1
			if id, _ := nodes[i%2].add(float64(i + 1)); id != want {
				t.Fatalf("%s: id %s, want %s", name, id, want)
			}
			homes := []int{(i + 1) % 3, (i + 2) % 3}
			slices.Sort(homes)
			if got := where(nodes, want); !slices.Equal(got, homes) {
				t.Errorf("%s: row %s is on %v, want %v", name, want, got, homes)
			}
		}
	}
}

// The answer is the score on the first home.
func TestAddAnswersTheFirst(t *testing.T) {
	for name, cfg := range methods {
		_, nodes := cluster(t, cfg(2, 3, ""), 3)
		for i := range 20 {
			nodes[0].add(float64(i*i%17 + 1))
		}
		alone := client{t, goldentest.InProcess(build(t, cfg(2, 3, ""), false))}
		for i := range 20 {
			// What the first home of id 21 has seen.
			if id := i + 1; id%3 == 21%3 || (id+1)%3 == 21%3 {
				alone.must("overwrite", fmt.Sprint(id), x(float64(i*i%17+1)))
			}
		}
		want := alone.must("overwrite", "21", x(40)).(float64)
		if _, got := nodes[1].add(40); !alike(got, want) {
			t.Errorf("%s: the score is %v, want that of the first home, %v", name, got, want)
		}
	}
}

func TestAddFails(t *testing.T) {
	for name, cfg := range methods {
		for _, answered := range []bool{false, true} {
			c, nodes := cluster(t, cfg(2, 3, ""), 3)
			failing := -1
			c.Fault = func(call goldentest.PeerCall) error {
				if call.To == failing && call.Answered == answered {
					return errors.New("request timed out")
				}
				return nil
			}
			nodes[0].add(1) // on 1 and 2
			// The first home fails: so does the call, and no other one is asked.
			failing = 2
			nodes[0].fails("failed to add ID 2 (request timed out): 127.0.0.3:9199", "add", x(2))
			if got := where(nodes[:2], "2"); got != nil {
				t.Errorf("%s: what failed is on %v", name, got)
			}
			// The second one fails: the row has one home less.
			failing = 1
			if id, _ := nodes[0].add(3); id != "3" {
				t.Errorf("%s: id %s", name, id)
			}
			want := []int{0}
			if answered {
				want = []int{0, 1}
			}
			if got := where(nodes, "3"); !slices.Equal(got, want) {
				t.Errorf("%s: row 3 is on %v, want %v", name, got, want)
			}
			// MIX makes up for it.
			failing = -1
			c.Mix()
			if got := where(nodes, "3"); !slices.Equal(got, []int{0, 1, 2}) {
				t.Errorf("%s: after MIX row 3 is on %v", name, got)
			}
		}
	}
}

// A home that has no room for another row is like one that cannot be reached.
func TestAddWithoutRoom(t *testing.T) {
	for name, cfg := range methods {
		text := map[string]string{
			"lof":       "cannot add new row as number of sticky rows reached the maximum size of unlearner: ",
			"light_lof": "cannot add new ID as number of sticky IDs reached the maximum size of unlearner: ",
		}[name]
		_, nodes := cluster(t, cfg(2, 3, `,"unlearner":"lru","unlearner_parameter":{"max_size":1,"sticky_pattern":"s*"}`), 3)
		nodes[0].must("overwrite", "s", x(1))
		if id, _ := nodes[0].add(1); id != "1" { // on 1 and 2
			t.Errorf("%s: id %s", name, id)
		}
		if id, _ := nodes[0].add(1); id != "2" { // on 2 and 0
			t.Errorf("%s: id %s", name, id)
		}
		nodes[0].fails(text+"3", "add", x(1)) // on 0 and 1
		for range 2 {
			nodes[1].add(1) // 4 on 1 and 2, 5 on 2 and 0
		}
		nodes[1].fails("failed to add ID 6 ("+text+"6): 127.0.0.1:9199", "add", x(1))
	}
}

func TestNoOwners(t *testing.T) {
	c, nodes := cluster(t, lightConfig(2, 3, ""), 2)
	c.Homes = func(string) []int { return nil }
	nodes[0].fails("no server found in cht: test", "add", x(1))
}

// Ids that are there already, as after a load, are not drawn again.
func TestTakenIDs(t *testing.T) {
	for name, cfg := range methods {
		_, nodes := cluster(t, cfg(2, 3, ""), 2)
		nodes[0].must("overwrite", "1", x(1))
		nodes[0].must("overwrite", "3", x(1))
		for _, want := range []string{"2", "4", "5"} {
			if id, _ := nodes[0].add(1); id != want {
				t.Errorf("%s: id %s, want %s", name, id, want)
			}
		}
	}
}

// A list stays where it came, until MIX.
func TestListsStay(t *testing.T) {
	for name, cfg := range methods {
		c, nodes := cluster(t, cfg(2, 3, ""), 3)
		got := nodes[1].must("add_bulk", list(1, 2, 3))
		if want := (goldentest.List{"1", "2", "3"}); goldentest.Compare(want, got, goldentest.AsIs, 0) != nil {
			t.Errorf("%s: %v", name, got)
		}
		for _, id := range []string{"1", "2", "3"} {
			if got := where(nodes, id); !slices.Equal(got, []int{1}) {
				t.Errorf("%s: row %s is on %v", name, id, got)
			}
		}
		c.Mix()
		if got := where(nodes, "2"); len(got) != 3 {
			t.Errorf("%s: after MIX row 2 is on %v", name, got)
		}
		want := nodes[0].score(7)
		for i, n := range nodes {
			if got := n.score(7); got != want {
				t.Errorf("%s: node %d scores %v, node 0 %v", name, i, got, want)
			}
		}
	}
}

// noIDs is a cluster that gives no ids.
type noIDs struct{ engine.Peers }

func (noIDs) NextID(context.Context) (uint64, error) { return 0, errors.New("Failed to create id") }

func TestNoID(t *testing.T) {
	env := goldentest.Env(true)
	env.Peers, env.Log = noIDs{}, slog.New(slog.DiscardHandler)
	c := client{t, goldentest.InProcess(goldentest.Build(t, New, lightConfig(2, 3, ""), env))}
	c.fails("Failed to create id", "add", x(1))
	c.fails("Failed to create id", "add_bulk", list(1, 2))
	if got := c.must("add_bulk", list()); len(got.(goldentest.List)) != 0 {
		t.Errorf("an empty list: %v", got)
	}
}

// A row that is removed on its homes is gone everywhere after MIX, even if
// another node still shares it.
func TestRemovedForAll(t *testing.T) {
	for _, nested := range []string{
		`"method":"inverted_index_euclid","parameter":{}`,
		`"method":"nearest_neighbor_recommender","parameter":{"method":"euclid_lsh","parameter":{"hash_num":64}}`,
	} {
		cfg := strings.Replace(lofConfig(2, 3, ""), `"method":"inverted_index_euclid","parameter":{}`, nested, 1)
		c, nodes := cluster(t, cfg, 3)
		nodes[1].must("add_bulk", list(1, 2, 3, 4, 9)) // not where the ring says
		nodes[0].must("clear_row", "5")
		nodes[2].must("clear_row", "5")
		c.Mix()
		nodes[0].must("clear_row", "4")
		c.Mix()
		c.Mix()
		for _, id := range []string{"4", "5"} {
			if got := where(nodes, id); got != nil {
				t.Errorf("%s: row %s is still on %v", nested, id, got)
			}
		}
		for i, n := range nodes {
			if _, err := n.do("calc_score", x(4.5)); err != nil {
				t.Errorf("%s: node %d: %v", nested, i, err)
			}
		}
	}
}

// With an unlearner nodes keep no more rows than they may, each with its
// statistics, whatever comes by MIX. What lof forgets on one node is removed on
// all.
func TestUnlearningByMIX(t *testing.T) {
	for name, cfg := range methods {
		c, nodes := cluster(t, cfg(2, 3, `,"unlearner":"lru","unlearner_parameter":{"max_size":4}`), 3)
		for i := range 30 {
			nodes[i%3].add(float64(i%13 + 1))
			if i%7 == 6 {
				c.Mix()
				c.Mix()
				for j, n := range nodes {
					if got := n.ids(); len(got) > 4 || name == "light_lof" && len(got) < 4 {
						t.Errorf("%s: node %d has rows %v", name, j, got)
					}
					if _, err := n.do("calc_score", x(2.5)); err != nil {
						t.Errorf("%s: node %d: %v", name, j, err)
					}
				}
			}
		}
	}
}

// Questions and additions at the same time.
func TestTogether(t *testing.T) {
	for name, cfg := range methods {
		c, nodes := cluster(t, cfg(2, 3, `,"unlearner":"lru","unlearner_parameter":{"max_size":20}`), 2)
		c.Alone = false
		var all sync.WaitGroup
		for i, n := range nodes {
			for j := range 2 {
				all.Go(func() {
					for v := range 40 {
						if _, err := n.do("add", x(float64(v%7+i+j+1))); err != nil {
							t.Errorf("%s: %v", name, err)
						}
					}
				})
				all.Go(func() {
					for v := range 80 {
						if _, err := n.do("calc_score", x(float64(v%9))); err != nil {
							t.Errorf("%s: %v", name, err)
						}
						n.ids()
					}
				})
			}
		}
		all.Wait()
	}
}
