package burst

import "math"

// automaton finds bursts in a window: the two-state automaton of Kleinberg
// ("Bursty and Hierarchical Structure in Streams", KDD 2002) in its form for
// batched arrivals. It holds memory for its work and serves one at a time.
type automaton struct {
	cut       float64   // times ln n: by how much a burst must be dearer to be cut off
	logN      float64   // ln n
	weights   []float64 // the result, see run
	costs     []costs
	paths     [2][]uint8 // the predecessor of each state at each batch
	factorial []float64  // ln n!
}

// costs of emitting what a batch has in the quiet and in the bursty state.
type costs [2]float64

// States.
const (
	quiet = iota
	bursty
)

func newAutomaton(o *options) *automaton {
	logN := logOf(float64(o.batches))
	return &automaton{
		cut: o.cut * logN, logN: logN,
		weights: make([]float64, o.batches),
		costs:   make([]costs, o.batches),
		paths:   [2][]uint8{make([]uint8, o.batches), make([]uint8, o.batches)},
	}
}

// run computes the weight of each batch: by how much the bursty state explains
// it better, or 0 where the automaton is not in it. The caller has set the
// first weights, as many as are reused, to those that an earlier window gave
// to the same batches; they only tell which of them were in a burst. If the
// rate in bursts would be above 1, new weights are +Inf.
func (a *automaton) run(counts []count, scaling, gamma float64, reused int) {
	var all, relevant float64
	for i := range counts {
		all += float64(counts[i].all)
		relevant += float64(counts[i].relevant)
	}
	rate := relevant / all
	high := float64(scaling * rate)
	switch {
	case high > 1:
		fill(a.weights[reused:], math.Inf(1))
		return
	case rate == 0:
		fill(a.weights[reused:], 0)
		return
	}
	a.emit(counts, rate, high)
	state := a.follow(counts, gamma*a.logN, reused)
	for t := len(counts) - 1; t >= 0; t-- {
		if t >= reused {
			if state != bursty {
				a.weights[t] = 0
			} else {
				a.weights[t] = a.gain(t)
			}
			state = int(a.paths[state][t])
		} else if a.weights[t] > 0 {
			a.weights[t] = a.gain(t)
		} else {
			a.weights[t] = 0
		}
	}
}

// gain is by how much the bursty state explains a batch better.
func (a *automaton) gain(t int) float64 {
	if g := a.costs[t][quiet] - a.costs[t][bursty]; g > 0 {
		return g
	}
	return 0
}

// emit computes the costs of all batches: the negated logarithms of the
// binomial probabilities. The binomial coefficient cancels out, but for its
// rounding, which decides between paths that are equally good.
func (a *automaton) emit(counts []count, rate, high float64) {
	logP := [2]float64{logOf(rate), logOf(high)}
	logQ := [2]float64{logOf(1 - rate), logOf(1 - high)}
	for t := range counts {
		c := &counts[t]
		ways := a.logFactorial(c.all) - a.logFactorial(c.relevant) - a.logFactorial(c.all-c.relevant)
		hits, misses := float64(c.relevant), float64(c.all-c.relevant)
		for i := range a.costs[t] {
			a.costs[t][i] = -(ways + float64(hits*logP[i]) + float64(misses*logQ[i]))
		}
	}
}

// follow finds the cheapest path through the batches behind the reused ones
// and returns its last state. Entering a burst costs something, and a batch
// that is empty or far too unlikely in a burst ends one.
func (a *automaton) follow(counts []count, entering float64, reused int) int {
	cost := costs{0, math.Inf(1)}
	if reused > 0 && a.weights[reused-1] > 0 {
		cost = costs{math.Inf(1), 0}
	}
	for t := reused; t < len(counts); t++ {
		var next costs
		cut := t > 0 && a.ends(counts, t-1)
		for x := range next {
			best, from := cost[quiet], uint8(quiet)
			if x == bursty {
				best += entering
			}
			if !cut && !(best <= cost[bursty]) {
				best, from = cost[bursty], bursty
			}
			next[x] = best + a.costs[t][x]
			a.paths[x][t] = from
		}
		cost = next
	}
	if last := len(counts) - 1; a.ends(counts, last) || cost[quiet] <= cost[bursty] {
		return quiet
	}
	return bursty
}

// ends reports whether no burst goes beyond a batch.
func (a *automaton) ends(counts []count, t int) bool {
	return counts[t].all == 0 || a.costs[t][bursty]-a.costs[t][quiet] > a.cut
}

// factorials is how many logarithms are kept, at most.
const factorials = 1 << 16

// logFactorial returns ln n!.
func (a *automaton) logFactorial(n int32) float64 {
	if int(n) < len(a.factorial) {
		return a.factorial[n]
	}
	if n >= factorials {
		return logFactorial(n)
	}
	for i := len(a.factorial); i <= int(n); i++ {
		a.factorial = append(a.factorial, logFactorial(int32(i)))
	}
	return a.factorial[n]
}

func fill(to []float64, v float64) {
	for i := range to {
		to[i] = v
	}
}
