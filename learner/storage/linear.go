// Package storage is what engines keep their state in: the weights of linear
// models, and counts of labels.
package storage

import (
	"math"
	"strconv"

	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/storage/keyindex"
	"github.com/jubatus/jubatus-go/learner/storage/prefetch"
)

// Options say what a Linear is for.
type Options struct {
	// Shared is whether the table will be mixed with those of other nodes.
	// It then remembers apart what it has learned since the last mix.
	Shared bool
	// Variance is whether every weight has a variance, which is 1 for a pair
	// that has no entry. Without it all variances are 0.
	Variance bool
}

// Linear is the table of the weights of a linear model: for every feature and
// label that have met, a weight and a variance. Labels are registered apart
// from that and can be without any weight.
//
// The effective value of an entry is what learning reads. In a shared table it
// is the sum of the base, which all nodes have in common, and of the diff,
// what this node has learned since.
//
// Methods that change the table need it alone; the others may share it.
type Linear struct {
	options Options
	labels  *registry
	rows    *rows
	filter  Filter

	// The rest is used in a shared table only.
	version  uint64
	changed  []Feature // those that may have cells with a diff, each once
	baseRows int       // features with a base
	sent     []sentCell
}

// Filter decides which labels may stay in memory, and is told of those that
// are used. Touching one may remove another.
type Filter interface {
	Touch(label []byte) bool
	Knows(label []byte) bool
}

// NewLinear returns an empty table.
func NewLinear(o Options) *Linear {
	return &Linear{options: o, labels: newRegistry(), rows: newRows(o)}
}

// SetFilter sets what decides on labels that arrive with a mix.
func (t *Linear) SetFilter(f Filter) { t.filter = f }

// Len is the number of features.
func (t *Linear) Len() int { return t.rows.len() }

// Labels is the number of labels.
func (t *Linear) Labels() int { return len(t.labels.byName) }

// Listing returns the labels in the order in which they are listed and in
// which ties are broken. The caller must not change it.
func (t *Linear) Listing() []Label { return t.labels.list() }

// Name returns the name of a label.
func (t *Linear) Name(l Label) string { return t.labels.slots[l].name }

// Find returns the label of that name, or NoLabel.
func (t *Linear) Find(name []byte) Label {
	if l, ok := t.labels.byName[string(name)]; ok {
		return l
	}
	return NoLabel
}

// Register returns the label of that name and whether it is new.
func (t *Linear) Register(name []byte) (Label, bool) {
	if l, ok := t.labels.byName[string(name)]; ok {
		return l, false
	}
	return t.labels.add(string(name)), true
}

// Delete forgets a label with all its weights and reports whether there was
// one.
func (t *Linear) Delete(name []byte) bool {
	l, ok := t.labels.byName[string(name)]
	if !ok {
		return false
	}
	for f := range t.rows.all {
		row := t.rows.row(f)
		if i := row.search(l); i >= 0 {
			t.dropCell(f, i)
		}
	}
	t.labels.remove(l)
	t.forgetSent(l)
	if t.rows.wasteful() {
		t.compact()
	}
	return true
}

// Clear forgets everything but the version.
func (t *Linear) Clear() {
	t.labels = newRegistry()
	t.rows = newRows(t.options)
	t.changed, t.sent, t.baseRows = nil, nil, 0
}

// compact frees the memory of what was deleted.
func (t *Linear) compact() {
	rows, moved := t.rows.compacted()
	t.rows = rows
	kept := t.changed[:0]
	for _, f := range t.changed {
		if moved[f] != NoFeature {
			kept = append(kept, moved[f])
		}
	}
	t.changed = kept
	for i := range t.sent {
		t.sent[i].feature = moved[t.sent[i].feature]
	}
}

// dropCell removes an entry and keeps the count of features with a base.
func (t *Linear) dropCell(f Feature, i int) {
	was := t.rows.feature(f).flags & based
	t.rows.dropCell(f, i)
	t.rows.feature(f).flags |= was
	t.recountBase(f)
}

// recountBase finds out anew whether a feature has a base.
func (t *Linear) recountBase(f Feature) {
	h := t.rows.feature(f)
	if h.flags&based == 0 {
		return
	}
	if row := t.rows.row(f); row.having(hasBase) == 0 {
		h.flags &^= based
		t.baseRows--
	}
}

// Scores holds the scores of one vector and where its features are in the
// table. It can be used again and again. The zero Scores is ready.
type Scores struct {
	sums   []float64
	places []place
	prints []keyindex.Print

	// What the places are of: a vector of that shape, in that table, before any
	// run has moved since.
	shape fv.Shape
	epoch *epoch
	moves uint64

	lines prefetch.Lines
}

// place is a feature, where its cells are, and which of them Variances has
// found.
type place struct {
	feature Feature
	at      runAt
	y, r    int32 // negative for none
}

// nowhere is the place of a key that the table does not know.
var nowhere = place{NoFeature, noRun, -1, -1}

// Of returns a label's score: 0 if nothing in the vector is known for it.
func (s *Scores) Of(l Label) float64 { return s.sums[l] }

// Score computes the inner products of v with the weights of every label,
// each summed in the order of the vector.
func (t *Linear) Score(v *fv.Vector, s *Scores) {
	n := len(t.labels.slots)
	if cap(s.sums) < n {
		s.sums = make([]float64, n, n+n/2)
	}
	s.sums = s.sums[:n]
	clear(s.sums)
	if s.epoch == t.rows.epoch && s.shape.Is(v) {
		t.relocate(v, s)
		t.score(v, s, 0, v.Len())
		return
	}
	s.places, s.prints = s.places[:0], s.prints[:0]
	s.moves = t.rows.moves
	for start := 0; start < v.Len(); start += block {
		end := min(start+block, v.Len())
		t.locate(v, s, start, end)
		t.score(v, s, start, end)
	}
	s.shape.Set(v)
	s.epoch = t.rows.epoch
}

// score adds what the features from start to end contribute.
func (t *Linear) score(v *fv.Vector, s *Scores, start, end int) {
	sums := s.sums
	for i := start; i < end; i++ {
		r := t.rows.run(s.places[i].at)
		h := head(r[0])
		x := v.Value(i)
		weights := r[1:][:h.n()]
		if h.dense() {
			addProducts(sums[:len(weights)], weights, x)
			continue
		}
		tags := r[t.options.tags(h.places()):]
		for j, w := range weights {
			sums[labelAt(tags, uint(j))] += float64(math.Float64frombits(w) * x)
		}
	}
}

// addProducts adds x times weights to sums, which are as many.
func addProducts(sums []float64, weights []uint64, x float64) {
	weights = weights[:len(sums)]
	for j := range sums {
		sums[j] += float64(math.Float64frombits(weights[j]) * x)
	}
}

// relocate makes the places of the last vector those of v, which has the same
// keys. Features may have come since, and runs moved.
func (t *Linear) relocate(v *fv.Vector, s *Scores) {
	moved := s.moves != t.rows.moves
	s.moves = t.rows.moves
	for i := range s.places {
		p := &s.places[i]
		p.y, p.r = -1, -1
		switch {
		case p.feature == NoFeature:
			s.prints[i] = t.rows.index.Print(v.Key(i))
			*p = t.rows.place(s.prints[i])
		case moved:
			p.at = t.rows.feature(p.feature).at
		}
	}
}

// block is how many features are looked up together. What belongs to them has
// to fit into the nearest cache.
const block = prefetch.Most / runLines

// nearby is how many features a table may have to be in a near cache anyway.
const nearby = 2048

// locate appends the places of the features from start to end. It goes over
// them again and again, each time only as far as the next thing that may have
// to come from far away, so that the processor fetches for many features at
// once: in a large table that is what counts.
func (t *Linear) locate(v *fv.Vector, s *Scores, start, end int) {
	for i := start; i < end; i++ {
		s.prints = append(s.prints, t.rows.index.Print(v.Key(i)))
	}
	prints := s.prints[start:end]
	if t.rows.len() < nearby {
		for i := range prints {
			s.places = append(s.places, t.rows.place(prints[i]))
		}
		return
	}
	t.rows.index.Prefetch(&s.lines, prints)
	for i := range prints {
		p := t.rows.place(prints[i])
		s.places = append(s.places, p)
		t.rows.prefetch(&s.lines, p.at, len(s.sums))
	}
	s.lines.Load()
}

// Value returns an entry's weight and variance, and whether there is one.
func (t *Linear) Value(key []byte, l Label) (weight, variance float64, ok bool) {
	f := t.rows.find(key)
	if f == NoFeature {
		return 0, 0, false
	}
	row := t.rows.row(f)
	i := row.search(l)
	if i < 0 {
		return 0, 0, false
	}
	return row.weight(i), row.varianceAt(i), true
}

// Status reports the table's keys of get_status.
func (t *Linear) Status(set func(key, value string)) {
	features := t.rows.len()
	kind := "local_storage"
	if t.options.Shared {
		kind = "local_storage_mixture"
		if !t.options.Variance {
			features = t.baseRows
		}
		diffs := 0
		for _, f := range t.changed {
			if row := t.rows.row(f); row.having(hasDiff) > 0 {
				diffs++
			}
		}
		set("num_features_diff", strconv.Itoa(diffs))
		set("model_version", strconv.FormatUint(t.version, 10))
	}
	set("num_features", strconv.Itoa(features))
	set("num_classes", strconv.Itoa(t.Labels()))
	set("storage", kind)
}
