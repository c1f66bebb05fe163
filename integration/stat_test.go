package integration

import (
	"bufio"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// measurement is one value that is pushed.
type measurement struct {
	key   string
	value float64
}

// fruits are the diameters, weights and prices of the fruit in a file.
func fruits(t testing.TB) (all []measurement) {
	t.Helper()
	f, err := os.Open(data(t, "fruit.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Split(s.Text(), ",")
		if len(fields) != 4 {
			t.Fatalf("%q is no fruit", s.Text())
		}
		for i, what := range []string{"diameter", "weight", "price"} {
			v, err := strconv.ParseFloat(fields[1+i], 64)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, measurement{fields[0] + " " + what, v})
		}
	}
	return all
}

// byKey sorts values by their keys.
func byKey(all []measurement) map[string][]float64 {
	m := map[string][]float64{}
	for _, x := range all {
		m[x.key] = append(m[x.key], x.value)
	}
	return m
}

func mean(values []float64, of func(float64) float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += of(v)
	}
	return sum / float64(len(values))
}

// spread is the entropy of how values spread over keys.
func spread(values map[string][]float64) float64 {
	n, e := 0, 0.0
	for _, v := range values {
		n += len(v)
	}
	for _, v := range values {
		p := float64(len(v)) / float64(n)
		e -= p * math.Log(p)
	}
	return e
}

// statistics demands the right answer to every question about every key.
func (c engineClient) statistics(values map[string][]float64) {
	c.t.Helper()
	check := func(what string, want, got float64) {
		c.t.Helper()
		if math.Abs(got-want) > 1e-9*max(1, math.Abs(want)) {
			c.t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		v := values[key]
		average := mean(v, func(x float64) float64 { return x })
		moment := func(degree, center float64) float64 {
			return mean(v, func(x float64) float64 { return math.Pow(x-center, degree) })
		}
		for method, want := range map[string]float64{
			"sum": average * float64(len(v)), "stddev": math.Sqrt(moment(2, average)), "max": slices.Max(v), "min": slices.Min(v),
		} {
			check(method+" of "+key, want, c.do(method, key).(float64))
		}
		for degree := range 5 {
			got := c.do("moment", key, int64(degree), 10.0).(float64)
			check(fmt.Sprintf("moment %d of %s", degree, key), moment(float64(degree), 10), got)
		}
	}
}

// Fruit is measured and asked for: all of it, and the last hundred values. The
// server is saved, forgets, and remembers.
func TestFruit(t *testing.T) {
	t.Parallel()
	all := fruits(t)
	for _, window := range []int{1000, 100} {
		s := serve(t, "jubastat", fmt.Sprintf(`{"window_size": %d}`, window))
		c := s.client(t, "")
		for _, m := range all {
			c.do("push", m.key, m.value)
		}
		left := byKey(all[max(0, len(all)-window):])
		check := func() {
			t.Helper()
			c.statistics(left)
			if e := c.do("entropy", "").(float64); math.Abs(e-spread(left)) > 1e-9 {
				t.Errorf("entropy %v, want %v", e, spread(left))
			}
		}
		check()
		for key := range byKey(all) {
			if _, there := left[key]; there {
				continue
			}
			if _, err := c.try("sum", key); err == nil || !strings.Contains(err.Error(), "sum: key "+key+" not found") {
				t.Errorf("sum of %s, which has left the window: %v", key, err)
			}
		}
		c.do("save", "fruit")
		c.do("clear")
		if _, err := c.try("max", all[len(all)-1].key); err == nil {
			t.Error("something is left after clear")
		}
		c.do("push", "cherry", 1.0)
		c.do("load", "fruit")
		check()
		if got := c.status().Get("update_count"); got != fmt.Sprint(len(all)+3) {
			t.Errorf("%v updates, want %d", got, len(all)+3)
		}
		s.stop(t)
	}
}

// Three servers share the keys: each key's values are on one of them, and the
// proxy finds it. How values spread over keys all of them know after a MIX.
func TestFruitCluster(t *testing.T) {
	t.Parallel()
	all := fruits(t)
	g := startEngines(t, embedded(t), "stat", `{"window_size": 1000}`, 3, true)
	proxy := g.proxy.client(t, g.name)
	for _, m := range all {
		proxy.do("push", m.key, m.value)
	}
	values := byKey(all)
	proxy.statistics(values)
	homes, busy := map[string]int{}, 0
	for _, s := range g.servers {
		c := s.client(t, g.name)
		before := len(homes)
		for key := range values {
			if _, err := c.try("sum", key); err == nil {
				homes[key]++
			}
		}
		if len(homes) > before {
			busy++
		}
	}
	for key := range values {
		if homes[key] != 1 {
			t.Errorf("%s is on %d servers", key, homes[key])
		}
	}
	t.Logf("%d keys are on %d servers", len(values), busy)

	entropies := func(want float64) {
		t.Helper()
		for i, s := range append([]*server{g.proxy}, g.servers...) {
			if e := s.client(t, g.name).do("entropy", "").(float64); math.Abs(e-want) > 1e-9 {
				t.Errorf("entropy %v at %d, want %v", e, i, want)
			}
		}
	}
	g.servers[1].mix(t)
	entropies(spread(values))
	// More of one key makes the spread uneven, after the next MIX.
	for range 200 {
		proxy.do("push", all[0].key, 1.0)
	}
	entropies(spread(values))
	more := maps.Clone(values)
	more[all[0].key] = append(slices.Clone(values[all[0].key]), slices.Repeat([]float64{1}, 200)...)
	g.servers[2].mix(t)
	entropies(spread(more))
	proxy.statistics(more)
	proxy.do("clear")
	entropies(0)
}

// Every documented configuration is one, to the program itself.
func TestStatBanditWeightExamples(t *testing.T) {
	t.Parallel()
	for engine, n := range map[string]int{"stat": 1, "bandit": 6, "weight": 2} {
		examplesAccepted(t, engine, n)
	}
}
