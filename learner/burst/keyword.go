package burst

import (
	"math"
	"slices"
	"strings"
)

// keyword is what is known of one keyword.
type keyword struct {
	name           string
	scaling, gamma float64 // how much higher the rate is in a burst, and how much it costs to enter one

	results []result // newest first
	// oldest is the start of the oldest result that is new since the last
	// MIX; since is the same since the last diff. none means that none is.
	oldest, since float64

	processed bool     // whether documents are counted here
	leaving   int      // after how many MIXes that ends; 0 if it does not
	input     []window // newest first; the oldest overlaps the newest
	opened    bool     // a window since the results were settled
	dirty     bool     // results are not yet what the input gives
}

// none is a start behind all others.
const none = math.MaxFloat64

// result is a window with the weight of each batch.
type result struct {
	window
	weights []float64
}

func newKeyword(name string, scaling, gamma float64) *keyword {
	return &keyword{name: strings.Clone(name), scaling: scaling, gamma: gamma, oldest: none, since: none}
}

// start begins to count documents, on top of what the newest result has: it is
// what others had counted.
func (k *keyword) start() {
	k.processed = true
	if len(k.results) > 0 {
		r := &k.results[0]
		k.input = []window{{r.start, slices.Clone(r.counts)}}
	}
}

// stop ends that.
func (k *keyword) stop() {
	k.processed, k.leaving, k.input, k.opened, k.dirty = false, 0, nil, false, false
}

// counts reports whether a document at that position is certain to be counted
// without a new window.
func (k *keyword) counts(o *options, pos float64) bool {
	return len(k.input) > 0 && o.contains(k.input[0].start, pos)
}

// opens reports whether a document at that position makes a new window.
func (k *keyword) opens(o *options, pos float64) bool {
	return len(k.input) == 0 || pos >= o.end(k.input[0].start)
}

// add counts a document in every window that has its position and reports
// whether there is one. Only the newest windows are looked at, up to the first
// that has not.
func (k *keyword) add(o *options, pos float64, relevant bool) bool {
	if k.opens(o, pos) {
		if math.IsInf(pos, 0) || pos != pos {
			return false
		}
		base := 0.0
		if len(k.input) > 0 {
			base = k.input[0].start
		}
		start, ok := o.open(base, pos)
		if !ok {
			return false
		}
		k.input = o.take(k.input, start)
		k.opened = true
	}
	for i := range k.input {
		w := &k.input[i]
		if !o.contains(w.start, pos) {
			return i > 0
		}
		w.counts[o.batch(w.start, pos)].add(relevant)
	}
	return true
}

// touch notes that the results of the input are new, for the next MIX.
func (k *keyword) touch() {
	if n := len(k.input); n > 0 {
		k.oldest = min(k.oldest, k.input[n-1].start)
		k.since = min(k.since, k.input[n-1].start)
	}
}

// settle makes the results what the input gives.
func (k *keyword) settle(o *options, a *automaton) {
	k.dirty, k.opened = false, false
	if len(k.input) == 0 {
		return
	}
	oldest := k.input[len(k.input)-1].start
	previous, ok := k.at(o, oldest-o.interval/2)
	for i := len(k.input) - 1; i >= 0; i-- {
		w := &k.input[i]
		reused := 0
		if ok && previous.start <= w.start {
			shift := o.shift(previous.start, w.start)
			reused = min(o.reused, o.batches-shift)
			copy(a.weights[:reused], previous.weights[shift:])
		}
		a.run(w.counts, k.scaling, k.gamma, reused)
		previous, ok = k.store(o, result{*w, a.weights}), true
	}
	k.input = o.prune(k.input)
}

// at returns the newest result that has a position.
func (k *keyword) at(o *options, pos float64) (result, bool) {
	for i := range k.results {
		if o.contains(k.results[i].start, pos) {
			return k.results[i], true
		}
	}
	return result{}, false
}

// store puts a copy of a result in its place, over one of the same window. One
// that is older than all others is left out.
func (k *keyword) store(o *options, r result) result {
	i, same := k.place(o, r.start)
	if same {
		old := &k.results[i]
		old.start = r.start
		copy(old.counts, r.counts)
		copy(old.weights, r.weights)
		return *old
	}
	r.counts, r.weights = slices.Clone(r.counts), slices.Clone(r.weights)
	k.insert(o, i, r)
	return r
}

// merge puts a result of others in its place. Of two of the same window the
// one stays that has more documents.
func (k *keyword) merge(o *options, r result) {
	i, same := k.place(o, r.start)
	if !same {
		k.insert(o, i, r)
	} else if r.total() > k.results[i].total() {
		k.results[i] = r
	}
}

// place is where a result that starts there is or belongs.
func (k *keyword) place(o *options, start float64) (i int, same bool) {
	for i = range k.results {
		if o.same(k.results[i].start, start) {
			return i, true
		}
		if k.results[i].start < start {
			return i, false
		}
	}
	return len(k.results), false
}

func (k *keyword) insert(o *options, i int, r result) {
	if i == len(k.results) && i > 0 {
		return
	}
	k.results = slices.Insert(k.results, i, r)
	if len(k.results) > o.stored {
		k.results = slices.Delete(k.results, o.stored, len(k.results))
	}
}

// settled is the keyword with results that are what the input gives. It leaves
// k as it is, for those who share it.
func (k *keyword) settled(o *options) *keyword {
	if !k.dirty {
		return k
	}
	c := &keyword{
		name: k.name, scaling: k.scaling, gamma: k.gamma, oldest: k.oldest, processed: k.processed,
		results: slices.Clone(k.results), input: slices.Clone(k.input),
	}
	for i := range c.results {
		r := &c.results[i]
		r.counts, r.weights = slices.Clone(r.counts), slices.Clone(r.weights)
	}
	c.settle(o, newAutomaton(o))
	return c
}
