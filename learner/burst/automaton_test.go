package burst

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var inf = math.Inf(1)

func opts(batches int, cut float64) *options {
	return &options{batches: batches, interval: 1, stored: 5, reused: batches, cut: cutThreshold(cut)}
}

func weigh(o *options, counts []count, scaling, gamma float64, reused ...float64) []float64 {
	a := newAutomaton(o)
	copy(a.weights, reused)
	a.run(counts, scaling, gamma, len(reused))
	return a.weights
}

func TestWeights(t *testing.T) {
	tens := func(relevant ...int32) (c []count) {
		for _, r := range relevant {
			c = append(c, count{10, r})
		}
		return c
	}
	const burst = 6.931471805599453 // 10 ln 2
	for _, c := range []struct {
		name    string
		counts  []count
		scaling float64
		cut     float64
		reused  []float64
		want    []float64
	}{
		{"bursts at both ends", tens(10, 0, 0, 0, 10), 2, 0, nil, []float64{burst, 0, 0, 0, burst}},
		{"the first two were none", tens(10, 0, 0, 0, 10), 2, 0, []float64{0, 0}, []float64{0, 0, 0, 0, burst}},
		{"the first one was one", tens(10, 0, 0, 0, 10), 2, 0, []float64{inf}, []float64{burst, 0, 0, 0, burst}},
		{"none at all", tens(0, 0, 0, 0, 0), 2, 0, nil, make([]float64, 5)},
		{"none at all, but there was", tens(0, 0, 0, 0, 0), 2, 0, []float64{3}, []float64{3, 0, 0, 0, 0}},
		{"too large a rate", tens(10, 9, 9, 9, 9), 2, 0, []float64{1, 0}, []float64{1, 0, inf, inf, inf}},
		{"no documents", make([]count, 5), 2, 0, nil, make([]float64, 5)},
		{"no documents, but there was", make([]count, 5), 2, 0, []float64{3}, make([]float64, 5)},
		{"an empty batch ends it", []count{{10, 8}, {0, 0}, {10, 1}, {10, 1}, {10, 0}}, 2, 0, nil, []float64{5.545177444479562 + 2*math.Log(0.5/0.75), 0, 0, 0, 0}},
	} {
		got := weigh(opts(5, c.cut), c.counts, c.scaling, 1, c.reused...)
		for i := range got {
			if got[i] != c.want[i] && !(math.Abs(got[i]-c.want[i]) < 1e-12) {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
				break
			}
		}
	}
	if got := weigh(opts(1, 0), []count{{3, 1}}, 2, 1); got[0] != 0 {
		t.Errorf("a window of one batch cannot have more than its own rate: %v", got)
	}
}

// A batch that would be far too unlikely in a burst ends it, if there is a
// threshold: without one a short gap does not.
func TestCut(t *testing.T) {
	counts := []count{{20, 11}, {20, 3}, {20, 11}, {20, 0}, {20, 0}}
	inBurst := func(o *options) []bool {
		a := newAutomaton(o)
		a.run(counts, 1.9, 0.5, 0)
		return a.path(counts, 0.5, 0)
	}
	if got := inBurst(opts(5, 0)); !got[0] || !got[2] {
		t.Errorf("without a threshold: %v", got)
	}
	if got := inBurst(opts(5, 0.01)); got[3] {
		t.Errorf("with a threshold: %v", got)
	}
}

// path is the states of the cheapest path, after run.
func (a *automaton) path(counts []count, gamma float64, reused int) []bool {
	state := a.follow(counts, gamma*a.logN, reused)
	path := make([]bool, len(counts))
	for t := len(counts) - 1; t >= reused; t-- {
		path[t] = state == bursty
		state = int(a.paths[state][t])
	}
	return path
}

// The path is the cheapest of all that do not stay in a burst over an empty
// batch.
func TestCheapestPath(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) count {
			all := rapid.Int32Range(0, 30).Draw(t, "all")
			return count{all, rapid.Int32Range(0, all).Draw(t, "relevant")}
		}), 1, 9).Draw(t, "counts")
		gamma := rapid.Float64Range(0.01, 3).Draw(t, "gamma")
		scaling := rapid.Float64Range(1.01, 4).Draw(t, "scaling")
		o := opts(len(counts), 0)
		a := newAutomaton(o)
		a.run(counts, scaling, gamma, 0)
		if slices.Contains(a.weights, inf) || !slices.ContainsFunc(counts, func(c count) bool { return c.relevant > 0 }) {
			t.Skip("there is no path")
		}
		if o.batches == 1 {
			t.Skip("the threshold does not hold for one batch")
		}
		price := func(path []bool) (sum float64) {
			before := false
			for i, b := range path {
				if i > 0 && counts[i-1].all == 0 {
					before = false
				}
				if b && !before {
					sum += gamma * math.Log(float64(len(counts)))
				}
				before = b
				if b {
					sum += a.costs[i][bursty]
				} else {
					sum += a.costs[i][quiet]
				}
			}
			return sum
		}
		best := inf
		for mask := range 1 << len(counts) {
			path := make([]bool, len(counts))
			valid := true
			for i := range path {
				path[i] = mask&(1<<i) != 0
				valid = valid && !(path[i] && counts[i].all == 0)
			}
			if valid {
				best = min(best, price(path))
			}
		}
		// A batch without documents costs nothing in either state.
		if got := price(a.path(counts, gamma, 0)); got > best+1e-9 {
			t.Fatalf("a path of %v, the cheapest is %v", got, best)
		}
	})
}

// Equal batches get equal weights, whatever state the path is in between.
func TestWeightsAreGains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.Int32Range(0, 10)
		counts := make([]count, 5)
		for i := range counts {
			counts[i] = count{10, r.Draw(t, "relevant")}
		}
		got := weigh(opts(5, 0), counts, 1.5, 0.5)
		for i := range got {
			for j := range got {
				if got[i] > 0 && got[j] > 0 && counts[i].relevant < counts[j].relevant && !math.IsInf(got[i], 0) && got[i] >= got[j] {
					t.Fatalf("%v of %v", got, counts)
				}
			}
		}
	})
}
