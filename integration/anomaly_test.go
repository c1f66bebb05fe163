package integration

import (
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

// flowers are irises in random order, each four measurements. They are given
// to a millimetre, so that many are equally far from each other, and whom a
// server then takes for the nearest depends on the order in which it got them;
// some more digits make it depend on the flowers alone.
func flowers(t testing.TB) (list []goldentest.Value) {
	t.Helper()
	f, err := os.Open(data(t, "iris.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, line := range lines {
		if len(line) < 4 {
			continue
		}
		var x [4]float64
		for j := range x {
			if x[j], err = strconv.ParseFloat(line[j], 64); err != nil {
				t.Fatal(err)
			}
			x[j] += 0.01 * rng.Float64()
		}
		list = append(list, flower(x))
	}
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

func flower(x [4]float64) goldentest.Value {
	numbers := goldentest.List{}
	for j, name := range []string{"sepal length", "sepal width", "petal length", "petal width"} {
		numbers = append(numbers, goldentest.List{name, x[j]})
	}
	return goldentest.List{goldentest.List{}, numbers, goldentest.List{}}
}

// oddities are what no iris looks like, though each measurement alone might be
// one's.
func oddities() []goldentest.Value {
	return []goldentest.Value{
		flower([4]float64{4.5, 4.2, 6.5, 0.2}),
		flower([4]float64{7.7, 2.2, 1.2, 0.2}),
		flower([4]float64{7.5, 4.3, 1.3, 2.4}),
		flower([4]float64{4.4, 4.2, 6.6, 2.4}),
		flower([4]float64{5.0, 2.0, 1.1, 2.5}),
		flower([4]float64{7.9, 2.1, 2.5, 0.1}),
	}
}

// anomalyConfig is the documentation's example of a method with fewer
// neighbours, for few data.
func anomalyConfig(method string) string {
	nested := `"inverted_index_euclid", "parameter": {}`
	if method == "light_lof" {
		nested = `"euclid_lsh", "parameter": {"hash_num": 512}`
	}
	return fmt.Sprintf(`{
  "method": %q,
  "parameter": {"nearest_neighbor_num": 10, "reverse_nearest_neighbor_num": 30, "method": %s},
  "converter": {"num_rules": [{"key": "*", "type": "num"}]}
}
`, method, nested)
}

// rows are all ids, in order.
func (c engineClient) rows() (ids []string) {
	c.t.Helper()
	for _, id := range c.do("get_all_rows").(goldentest.List) {
		ids = append(ids, id.(string))
	}
	slices.Sort(ids)
	return ids
}

func (c engineClient) scores(list []goldentest.Value) (scores []float64) {
	c.t.Helper()
	for _, d := range list {
		scores = append(scores, c.do("calc_score", d).(float64))
	}
	return scores
}

// Irises are learned one by one. Then what is no iris stands out from those
// that the server has not seen, and so it does after a restart.
func TestOddFlowers(t *testing.T) {
	t.Parallel()
	list := flowers(t)
	known, unknown := list[:120], list[120:]
	for _, method := range []string{"lof", "light_lof"} {
		t.Run(method, func(t *testing.T) {
			s := serve(t, "jubaanomaly", anomalyConfig(method))
			c := s.client(t, "")
			for i, d := range known {
				if got := c.do("add", d).(goldentest.List); got[0] != fmt.Sprint(i) {
					t.Fatalf("flower %d has the id %v", i, got[0])
				}
			}
			usual, odd := c.scores(unknown), c.scores(oddities())
			t.Logf("flowers score %.2f at most, what is none %.2f at least", slices.Max(usual), slices.Min(odd))
			if slices.Max(usual) > 2 || slices.Min(odd) < slices.Max(usual)*1.2 {
				t.Errorf("flowers score %.2f, what is none %.2f", usual, odd)
			}
			// Added, they do not make flowers odd.
			for _, d := range oddities() {
				if score := c.do("add", d).(goldentest.List)[1].(float64); score < slices.Max(usual) {
					t.Errorf("added, %s scores %v", goldentest.Show(d), score)
				}
			}
			usual = c.scores(unknown)
			if slices.Max(usual) > 2 {
				t.Errorf("then flowers score %.2f", usual)
			}

			c.do("save", "flowers")
			s.stop(t)
			models, err := os.ReadDir(s.dir)
			if err != nil || len(models) != 1 {
				t.Fatalf("saved: %v, %v", models, err)
			}
			again := serve(t, "jubaanomaly", anomalyConfig(method), "-m", s.dir+"/"+models[0].Name())
			c = again.client(t, "")
			for i, score := range c.scores(unknown) {
				if math.Abs(score-usual[i]) > 1e-12 {
					t.Errorf("after a restart flower %d scores %v, before %v", i, score, usual[i])
				}
			}
			if id := c.do("add", known[0]).(goldentest.List)[0]; id != fmt.Sprint(len(known)+len(oddities())) {
				t.Errorf("after a restart the next id is %v", id)
			}
			again.stop(t)
		})
	}
}

// Three servers behind a proxy: a flower goes to the two that the ring names.
// After a mix all know all and judge alike. When one is killed that has not
// shared its flowers yet, each is still somewhere, and the others share them.
func TestOddFlowersCluster(t *testing.T) {
	t.Parallel()
	list := flowers(t)
	for _, method := range []string{"lof", "light_lof"} {
		t.Run(method, func(t *testing.T) {
			s := embedded(t)
			g := &group{name: "flowers", location: s.location}
			config := writeFile(t, "config.json", anomalyConfig(method))
			var clients []engineClient
			for range 3 {
				server := g.start(t, "jubaanomaly", freeAddr(t), "-n", g.name, "-d", t.TempDir(), "-f", config, "-s", "0", "-i", "0", "-Z", seconds(sessionTimeout))
				g.servers = append(g.servers, server)
				clients = append(clients, server.client(t, g.name))
			}
			for _, server := range g.servers {
				server.active(t)
			}
			ring, err := coord.FetchRing(t.Context(), s.tree(t), coord.RingPath("anomaly", g.name))
			if err != nil {
				t.Fatal(err)
			}
			proxy := g.start(t, "jubaanomaly_proxy", freeAddr(t), "-Z", seconds(sessionTimeout))
			through := proxy.client(t, g.name)

			var ids []string
			add := func(list []goldentest.Value) {
				t.Helper()
				for _, d := range list {
					ids = append(ids, through.do("add", d).(goldentest.List)[0].(string))
				}
			}
			add(list[:60])
			for i, c := range clients {
				var want []string
				for _, id := range ids {
					if slices.Contains(ring.Successors(nil, []byte(id), 2), g.servers[i].id(t)) {
						want = append(want, id)
					}
				}
				slices.Sort(want)
				if got := c.rows(); !slices.Equal(got, want) {
					t.Errorf("server %d has the flowers %v, the ring gives it %v", i, got, want)
				}
			}
			g.servers[0].mix(t)
			all := slices.Sorted(slices.Values(ids))
			want := clients[0].scores(list[60:70])
			for i, c := range append(clients, through) {
				if got := c.rows(); !slices.Equal(got, all) {
					t.Errorf("after the mix, %d: %d flowers of %d", i, len(got), len(all))
				}
				for j, score := range c.scores(list[60:70]) {
					if math.Abs(score-want[j]) > 1e-9 {
						t.Errorf("after the mix, %d: flower %d scores %v, not %v", i, j, score, want[j])
					}
				}
			}

			add(list[60:120])
			kill(t, g.servers[0].process)
			left := append(clients[1].rows(), clients[2].rows()...)
			for _, id := range ids {
				if !slices.Contains(left, id) {
					t.Errorf("flower %s is gone with the server", id)
				}
			}
			eventually(t, "the others have shared what they know", func() bool {
				g.servers[1].mix(t)
				return len(clients[1].rows()) == len(ids) && len(clients[2].rows()) == len(ids)
			})
			eventually(t, "the proxy has forgotten the dead", func() bool {
				_, err := through.try("add", list[120])
				return err == nil
			})
			// What was computed of a flower where only some others were known is
			// rougher than on a server that has all.
			usual, odd := clients[1].scores(list[120:]), clients[2].scores(oddities())
			if average(odd) < 1.1*average(usual) {
				t.Errorf("flowers score %.2f, what is none %.2f", usual, odd)
			}
		})
	}
}

func average(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
