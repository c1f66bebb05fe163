package storage

import (
	"math"

	"github.com/jubatus/jubatus-go/learner/confidence"
	"github.com/jubatus/jubatus-go/learner/fv"
)

// A step of learning concerns a vector of which s has the scores, its right
// label y, and r, the label that was nearest to it, which is NoLabel for none.
// Keys may be in a vector twice.

// Move adds tau times v to the weights of y and takes it from those of r.
func (t *Linear) Move(v *fv.Vector, s *Scores, y, r Label, tau float64) {
	for i := range v.Len() {
		x := float64(v.Value(i) * tau)
		if w, _, ok := t.plain(v, s, i, y, r); ok {
			p := &w[y]
			*p = math.Float64bits(math.Float64frombits(*p) + x)
			if r != NoLabel {
				p := &w[r]
				*p = math.Float64bits(math.Float64frombits(*p) - x)
			}
			continue
		}
		p := t.pair(v, s, i, y, r)
		p.add(p.y, x)
		if p.r >= 0 {
			p.add(p.r, -x)
		}
	}
}

// Variance is the variance of y's score: the sum of variances, which are 1 for
// entries that are not there, times the squares of v.
func (t *Linear) Variance(v *fv.Vector, s *Scores, y Label) float64 {
	t.foresee(s, y, y)
	sum := 0.0
	for i := range v.Len() {
		x := v.Value(i)
		vy, _ := t.variances(s, i, y, y)
		sum += float64(float64(vy*x) * x)
	}
	return sum
}

// Variances is the variance of the difference of the scores of y and r, of
// which either may be NoLabel. The entries of labels that are not there count
// as 1, also those of none.
func (t *Linear) Variances(v *fv.Vector, s *Scores, y, r Label) float64 {
	t.foresee(s, y, r)
	sum := 0.0
	for i := range v.Len() {
		x := v.Value(i)
		vy, vr := t.variances(s, i, y, r)
		sum += float64(float64((vy+vr)*x) * x)
	}
	return sum
}

// Learn moves the weights of y into a direction, which is 1 or -1, and those of
// r against it, by as much as u says, and shrinks their variances. Variance or
// Variances was asked for the same labels before; a y that is new since, and an
// r left out, count as the same.
func (t *Linear) Learn(v *fv.Vector, s *Scores, y, r Label, direction float64, u confidence.Update) {
	for i := range v.Len() {
		x := v.Value(i)
		if w, variances, ok := t.plain(v, s, i, y, r); ok {
			learn(&w[y], &variances[y], direction, x, &u)
			if r != NoLabel {
				learn(&w[r], &variances[r], -direction, x, &u)
			}
			continue
		}
		p := t.pair(v, s, i, y, r)
		p.learn(p.y, direction, x, &u)
		if p.r >= 0 {
			p.learn(p.r, -direction, x, &u)
		}
	}
}

// learn changes the weight and the variance of an entry.
func learn(weight, variance *uint64, direction, x float64, u *confidence.Update) {
	w, s := math.Float64frombits(*weight), math.Float64frombits(*variance)
	*weight = math.Float64bits(w + float64(direction*u.Step(s, x)))
	*variance = math.Float64bits(u.Shrink(s, x))
}

func (p *pair) learn(i int32, direction, x float64, u *confidence.Update) {
	w, s := p.weight(i), p.variance(i)
	p.set(i, w+float64(direction*u.Step(s, x)), u.Shrink(s, x))
}

// plain returns the weights and variances of entry i if labels index them and
// nothing else depends on them.
func (t *Linear) plain(v *fv.Vector, s *Scores, i int, y, r Label) (weights, variances []uint64, ok bool) {
	if t.options.Shared || s.moves != t.rows.moves && !v.Merged() {
		return nil, nil, false
	}
	run := t.rows.run(s.places[i].at)
	h := head(run[0])
	if !h.dense() || !h.knows(y) || r != NoLabel && !h.knows(r) {
		return nil, nil, false
	}
	return run[1:], run[1+h.places():], true
}

// pair returns the entries of entry i of v. Those that were not there must be
// set.
func (t *Linear) pair(v *fv.Vector, s *Scores, i int, y, r Label) pair {
	p := &s.places[i]
	if !v.Merged() && s.moves != t.rows.moves {
		*p = t.rows.place(s.prints[i]) // the key may have been there before
	}
	return t.entries(p, s.prints[i], v.Key(i), y, r)
}

// foresee prepares for the variances that are going to be asked for, as locate
// does for weights.
func (t *Linear) foresee(s *Scores, y, r Label) {
	if t.rows.len() < nearby {
		return
	}
	for i := range s.places {
		t.rows.prefetchVariances(&s.lines, s.places[i].at, y, r)
		if i%block == block-1 {
			s.lines.Load()
		}
	}
	s.lines.Load()
}

// variances returns the variances that entry i of the vector of s has for y
// and r, 1 for one that is not there.
func (t *Linear) variances(s *Scores, i int, y, r Label) (vy, vr float64) {
	p := &s.places[i]
	run := t.rows.run(p.at)
	if h := head(run[0]); h.dense() && h.knows(y) && h.knows(r) {
		v := run[t.options.variances(h.places()):]
		p.y, p.r = int32(y), int32(r)
		return math.Float64frombits(v[y]), math.Float64frombits(v[r])
	}
	vy, vr = 1, 1
	row := t.options.open(run)
	if i := row.search(y); i >= 0 {
		p.y = int32(i)
		vy = row.varianceAt(i)
	}
	if i := row.search(r); i >= 0 {
		p.r = int32(i)
		vr = row.varianceAt(i)
	}
	return vy, vr
}
