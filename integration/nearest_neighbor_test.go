package integration

import (
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// player is a batter and what a season made of him.
type player struct {
	name    string
	numbers []float64 // each column with mean 0 and deviation 1
}

// players reads the batters of a season.
func players(t testing.TB) []player {
	t.Helper()
	f, err := os.Open(data(t, "baseball.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var list []player
	for _, line := range lines {
		p := player{name: line[0] + "/" + line[1]}
		for _, field := range line[2:] {
			x, err := strconv.ParseFloat(field, 64)
			if err != nil {
				t.Fatal(err)
			}
			p.numbers = append(p.numbers, x)
		}
		list = append(list, p)
	}
	for j := range list[0].numbers {
		var sum, squares float64
		for _, p := range list {
			sum += p.numbers[j]
			squares += p.numbers[j] * p.numbers[j]
		}
		n := float64(len(list))
		mean := sum / n
		deviation := math.Sqrt(squares/n - mean*mean)
		for _, p := range list {
			p.numbers[j] = (p.numbers[j] - mean) / deviation
		}
	}
	return list
}

func (p *player) append(b []byte) []byte {
	var d datum.Datum
	for j, x := range p.numbers {
		d.AddNum(fmt.Sprint("column", j), x)
	}
	return d.Append(b)
}

// similar is the order of players by their distance from one.
func (p *player) similar(list []player) (names []string) {
	distance := func(o player) (sum float64) {
		for j, x := range o.numbers {
			sum += (x - p.numbers[j]) * (x - p.numbers[j])
		}
		return sum
	}
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b player) int {
		if distance(a) < distance(b) {
			return -1
		}
		return 1
	})
	for _, o := range sorted {
		names = append(names, o.name)
	}
	return names
}

// rows is a client of a nearest neighbour server or proxy.
type rowsClient struct {
	t    testing.TB
	c    *rpc.Client
	name string
}

func (c *rowsClient) call(method string, args ...[]byte) []byte {
	c.t.Helper()
	params := mpack.AppendRaw(mpack.AppendArrayHeader(nil, len(args)+1), c.name)
	for _, a := range args {
		params = append(params, a...)
	}
	result, err := c.c.Call(c.t.Context(), method, params)
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	return slices.Clone(result)
}

func (c *rowsClient) set(list []player) {
	c.t.Helper()
	for _, p := range list {
		if got := c.call("set_row", mpack.AppendRaw(nil, p.name), p.append(nil)); string(got) != "\xc3" {
			c.t.Fatalf("set_row of %s: %x", p.name, got)
		}
	}
}

// ids are all rows, in the order of their ids.
func (c *rowsClient) ids() (ids []string) {
	c.t.Helper()
	r := mpack.NewReader(c.call("get_all_rows"))
	n, err := r.ArrayHeader()
	for range n {
		id, e := r.String()
		ids, err = append(ids, id), errors.Join(err, e)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	slices.Sort(ids)
	return ids
}

// similar asks for the rows that are most similar to a player.
func (c *rowsClient) similar(p *player, n uint64) (ids []string, scores []float64) {
	c.t.Helper()
	r := mpack.NewReader(c.call("similar_row_from_datum", p.append(nil), mpack.AppendUint(nil, n)))
	m, err := r.ArrayHeader()
	for range m {
		e := r.Tuple(2)
		id, e2 := r.String()
		score, e3 := r.Float64()
		ids, scores, err = append(ids, id), append(scores, score), errors.Join(err, e, e2, e3)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return ids, scores
}

const playersConfig = `{
  "method": "euclid_lsh",
  "parameter": {"hash_num": 512},
  "converter": {"num_rules": [{"key": "*", "type": "num"}]}
}
`

func names(list []player) (names []string) {
	for _, p := range list {
		names = append(names, p.name)
	}
	slices.Sort(names)
	return names
}

// Who hits like whom? For every batter of a season, the server finds himself
// first and then most of those who are nearest by exact distance. A server that
// starts with the saved model says the same.
func TestPlayers(t *testing.T) {
	t.Parallel()
	list := players(t)
	s := serve(t, "jubanearest_neighbor", playersConfig)
	c := &rowsClient{t: t, c: s.dial(t)}
	c.set(list)
	if got := c.ids(); !slices.Equal(got, names(list)) {
		t.Fatalf("rows are %q", got)
	}
	const near = 10
	found := 0
	var answers [][]byte
	for _, p := range list {
		ids, scores := c.similar(&p, near)
		if len(ids) != near || ids[0] != p.name || scores[0] != 0 {
			t.Fatalf("similar to %s: %q, %v", p.name, ids, scores)
		}
		for _, name := range p.similar(list)[:near] {
			if slices.Contains(ids, name) {
				found++
			}
		}
		answers = append(answers, c.call("similar_row_from_id", mpack.AppendRaw(nil, p.name), []byte{near}))
	}
	share := float64(found) / float64(near*len(list))
	t.Logf("%.1f %% of the %d nearest found", 100*share, near)
	if share < 0.75 {
		t.Errorf("only %.1f %% of the %d nearest found", 100*share, near)
	}

	c.call("save", mpack.AppendRaw(nil, "season"))
	s.stop(t)
	models, err := os.ReadDir(s.dir)
	if err != nil || len(models) != 1 {
		t.Fatalf("saved: %v, %v", models, err)
	}
	again := serve(t, "jubanearest_neighbor", playersConfig, "-m", s.dir+"/"+models[0].Name())
	c = &rowsClient{t: t, c: again.dial(t)}
	for i, p := range list {
		if got := c.call("similar_row_from_id", mpack.AppendRaw(nil, p.name), []byte{near}); string(got) != string(answers[i]) {
			t.Errorf("similar to %s after a restart: %x, before %x", p.name, got, answers[i])
		}
	}
	again.stop(t)
}

// Two servers behind a proxy: each gets the rows that the ring gives it, and
// after they have mixed, by either kind of mixer, both have all and answer
// alike. After all is cleared, new rows are shared, too.
func TestPlayersCluster(t *testing.T) {
	t.Parallel()
	list := players(t)
	for _, mixer := range []string{"linear_mixer", "broadcast_mixer"} {
		t.Run(mixer, func(t *testing.T) {
			s := embedded(t)
			g := &group{name: "players", location: s.location}
			config := writeFile(t, "config.json", playersConfig)
			var clients []*rowsClient
			for range 2 {
				server := g.start(t, "jubanearest_neighbor", freeAddr(t), "-n", g.name, "-d", t.TempDir(), "-f", config, "-x", mixer, "-s", "0", "-i", "0")
				g.servers = append(g.servers, server)
				clients = append(clients, &rowsClient{t: t, c: server.dial(t), name: g.name})
			}
			for _, server := range g.servers {
				server.active(t)
			}
			tree := s.tree(t)
			ring, err := coord.FetchRing(t.Context(), tree, coord.RingPath("nearest_neighbor", g.name))
			if err != nil {
				t.Fatal(err)
			}
			proxy := g.start(t, "jubanearest_neighbor_proxy", freeAddr(t))
			through := &rowsClient{t: t, c: proxy.dial(t), name: g.name}
			check := func(list []player) {
				t.Helper()
				through.set(list)
				for i, c := range clients {
					var want []string
					for _, p := range list {
						if ring.Successors(nil, []byte(p.name), 1)[0] == g.servers[i].id(t) {
							want = append(want, p.name)
						}
					}
					slices.Sort(want)
					if got := c.ids(); !slices.Equal(got, want) {
						t.Errorf("server %d holds %d rows, the ring gives it %d", i, len(got), len(want))
					}
				}
				g.servers[0].mix(t)
				for i, c := range append(clients, through) {
					if got := c.ids(); !slices.Equal(got, names(list)) {
						t.Errorf("after the mix, %d: %d rows of %d", i, len(got), len(list))
					}
				}
				for _, p := range list[:20] {
					ids, scores := clients[0].similar(&p, 5)
					if ids[0] != p.name || scores[0] != 0 {
						t.Errorf("similar to %s: %q, %v", p.name, ids, scores)
					}
					for _, c := range []*rowsClient{clients[1], through} {
						if other, _ := c.similar(&p, 5); !slices.Equal(other, ids) {
							t.Errorf("similar to %s: %q here, %q there", p.name, ids, other)
						}
					}
				}
			}
			check(list)
			if got := through.call("clear"); string(got) != "\xc3" {
				t.Errorf("clear: %x", got)
			}
			for i, c := range clients {
				if ids := c.ids(); len(ids) != 0 {
					t.Errorf("server %d still holds %d rows", i, len(ids))
				}
			}
			check(list[:30])
			if strings.Contains(g.servers[0].out.String(), "ERROR") {
				t.Errorf("the first server said:\n%s", g.servers[0].out.String())
			}
		})
	}
}
