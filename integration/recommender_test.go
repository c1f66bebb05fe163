package integration

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func recommenderConfig(method, parameter string) string {
	return fmt.Sprintf(`{
  "method": %q,
  "parameter": %s,
  "converter": {"num_rules": [{"key": "*", "type": "num"}]}
}
`, method, parameter)
}

// recommend gives a recommender a row for each player.
func (c *rowsClient) recommend(list []player) {
	c.t.Helper()
	for _, p := range list {
		if got := c.call("update_row", mpack.AppendRaw(nil, p.name), p.append(nil)); string(got) != "\xc3" {
			c.t.Fatalf("update_row of %s: %x", p.name, got)
		}
	}
}

// similarTo asks for the rows that are most similar to the row of a player.
func (c *rowsClient) similarTo(name string, n uint64) (ids []string, scores []float64) {
	c.t.Helper()
	r := mpack.NewReader(c.call("similar_row_from_id", mpack.AppendRaw(nil, name), mpack.AppendUint(nil, n)))
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

// numbersIn are the numbers of a datum that was answered, by their keys.
func (c *rowsClient) numbersIn(answer []byte) map[string]float64 {
	c.t.Helper()
	var d datum.Datum
	r := mpack.NewReader(answer)
	if err := d.Decode(&r); err != nil {
		c.t.Fatal(err)
	}
	numbers := map[string]float64{}
	for _, n := range d.Nums {
		numbers[string(n.Key)] = n.Value
	}
	return numbers
}

func (c *rowsClient) checkDecoded(p *player) {
	c.t.Helper()
	decoded := c.numbersIn(c.call("decode_row", mpack.AppendRaw(nil, p.name)))
	if len(decoded) != len(p.numbers) {
		c.t.Errorf("of %s %d numbers are known, not %d", p.name, len(decoded), len(p.numbers))
	}
	for j, x := range p.numbers {
		if got := decoded[fmt.Sprint("column", j)]; got != x {
			c.t.Errorf("number %d of %s is %v, not %v", j, p.name, got, x)
		}
	}
}

// Who hits like whom, exactly? For every batter the ten nearest are those by
// exact distance; what a row lacks is the mean of all; and a server that starts
// with the saved model says the same.
func TestRecommendPlayers(t *testing.T) {
	t.Parallel()
	list := players(t)
	config := recommenderConfig("inverted_index_euclid", "{}")
	s := serve(t, "jubarecommender", config)
	c := &rowsClient{t: t, c: s.dial(t)}
	c.recommend(list)
	if got := c.ids(); !slices.Equal(got, names(list)) {
		t.Fatalf("rows are %q", got)
	}
	const near = 10
	ask := func(name string) []byte {
		return c.call("similar_row_from_id", mpack.AppendRaw(nil, name), []byte{near})
	}
	var answers [][]byte
	for _, p := range list {
		ids, scores := c.similarTo(p.name, near)
		if want := p.similar(list)[:near]; !slices.Equal(ids, want) {
			t.Errorf("similar to %s: %q, want %q", p.name, ids, want)
		}
		if scores[0] < -1e-6 || !slices.IsSortedFunc(scores, func(a, b float64) int {
			if a > b {
				return -1
			}
			return 1
		}) {
			t.Errorf("similar to %s by %v", p.name, scores)
		}
		c.checkDecoded(&p)
		answers = append(answers, ask(p.name))
	}
	// 128 of the 140 batters are in the mean.
	mean := c.numbersIn(c.call("complete_row_from_datum", (&player{}).append(nil)))
	for key, x := range mean {
		if math.Abs(x) > 0.5 {
			t.Errorf("the mean of %s is %v", key, x)
		}
	}
	if len(mean) != len(list[0].numbers) {
		t.Errorf("completed %d numbers", len(mean))
	}
	c.call("save", mpack.AppendRaw(nil, "season"))
	s.stop(t)
	models, err := os.ReadDir(s.dir)
	if err != nil || len(models) != 1 {
		t.Fatalf("saved: %v, %v", models, err)
	}
	again := serve(t, "jubarecommender", config, "-m", s.dir+"/"+models[0].Name())
	c = &rowsClient{t: t, c: again.dial(t)}
	for i, p := range list {
		if got := ask(p.name); string(got) != string(answers[i]) {
			t.Errorf("similar to %s after a restart: %x, before %x", p.name, got, answers[i])
		}
	}
	if got := c.call("clear_row", mpack.AppendRaw(nil, list[0].name)); string(got) != "\xc3" {
		t.Errorf("clear_row: %x", got)
	}
	if got := c.ids(); !slices.Equal(got, names(list[1:])) {
		t.Errorf("%d rows after one was cleared", len(got))
	}
	again.stop(t)
}

// Two servers behind a proxy: every row has two homes. After a mix each row is
// still like itself, and when a server is killed none is lost.
func TestRecommendPlayersCluster(t *testing.T) {
	t.Parallel()
	list := players(t)
	for _, m := range []struct{ method, parameter string }{
		{"inverted_index", "{}"},
		{"lsh", `{"hash_num": 256}`},
		{"nearest_neighbor_recommender", `{"method": "lsh", "parameter": {"hash_num": 256}}`},
	} {
		t.Run(m.method, func(t *testing.T) {
			s := embedded(t)
			g := &group{name: "players", location: s.location}
			config := writeFile(t, "config.json", recommenderConfig(m.method, m.parameter))
			var clients []*rowsClient
			for range 2 {
				server := g.start(t, "jubarecommender", freeAddr(t), "-n", g.name, "-d", t.TempDir(), "-f", config, "-s", "0", "-i", "0", "-Z", seconds(sessionTimeout))
				g.servers = append(g.servers, server)
				clients = append(clients, &rowsClient{t: t, c: server.dial(t), name: g.name})
			}
			for _, server := range g.servers {
				server.active(t)
			}
			proxy := g.start(t, "jubarecommender_proxy", freeAddr(t), "-Z", seconds(sessionTimeout))
			through := &rowsClient{t: t, c: proxy.dial(t), name: g.name}
			through.recommend(list)
			check := func(clients []*rowsClient) {
				t.Helper()
				for i, c := range clients {
					if got := c.ids(); !slices.Equal(got, names(list)) {
						t.Fatalf("client %d: %d rows of %d", i, len(got), len(list))
					}
					for _, p := range list[:30] {
						if ids, scores := c.similarTo(p.name, 1); ids[0] != p.name || math.Abs(scores[0]-1) > 1e-9 {
							t.Errorf("client %d: similar to %s is %q by %v", i, p.name, ids, scores)
						}
						c.checkDecoded(&p)
					}
				}
			}
			check(append(clients, through))
			g.servers[0].mix(t)
			check(append(clients, through))

			// What one server alone is told, all know after a mix.
			clients[1].call("update_row", mpack.AppendRaw(nil, "new"), list[0].append(nil))
			if ids, _ := clients[0].similar(&list[0], 2); slices.Contains(ids, "new") {
				t.Errorf("known before the mix: %q", ids)
			}
			g.servers[0].mix(t)
			if ids, _ := clients[0].similar(&list[0], 2); !slices.Contains(ids, "new") {
				t.Errorf("not known after the mix: %q", ids)
			}

			kill(t, g.servers[0].process)
			eventually(t, "the proxy has forgotten the dead", func() bool {
				_, err := through.c.CallArgs(t.Context(), "get_all_rows", g.name)
				_, err2 := through.c.CallArgs(t.Context(), "decode_row", g.name, list[0].name)
				return err == nil && err2 == nil
			})
			for i := range list {
				through.checkDecoded(&list[i])
				if ids, _ := through.similarTo(list[i].name, 3); !slices.Contains(ids, list[i].name) {
					t.Errorf("similar to %s: %q", list[i].name, ids)
				}
			}
		})
	}
}
