package storage

import (
	"math"

	"github.com/jubatus/jubatus-go/learner/fv"
)

// Pair is a feature's entries for two labels while they are being changed:
// for the right label Y, and for the one R that was nearest to it, if any. It
// is good until the next change of the table.
type Pair struct {
	t      *Linear
	run    run
	f      Feature
	places int32
	y, r   int32 // places in the run; r is -1 for none
}

// Pair returns the entries of entry i of v, for which s has the scores, for y
// and r; r can be NoLabel. Entries that were not there have weight 0 and
// variance 1 (0 in a table without variances) and must be set. If Variances was
// asked before, then for the same labels, of which a new y and an r left out
// count as the same.
func (t *Linear) Pair(v *fv.Vector, s *Scores, i int, y, r Label) Pair {
	p := &s.places[i]
	if s.moves != t.rows.moves && p.feature != NoFeature {
		p.at = t.rows.feature(p.feature).at
	}
	run := t.rows.run(p.at)
	if h := head(run[0]); h.dense() && h.knows(y) && (r == NoLabel || h.knows(r)) {
		return Pair{t, run, p.feature, int32(h.places()), int32(y), int32(r)}
	}
	if p.feature == NoFeature {
		p.feature = t.rows.intern(v.Key(i), entries(r))
		p.at = t.rows.feature(p.feature).at
		return t.pair(p.feature, y, r)
	}
	if p.y < 0 || p.r < 0 && r != NoLabel {
		return t.pair(p.feature, y, r)
	}
	pair := Pair{t, run, p.feature, int32(head(run[0]).places()), p.y, -1}
	if r != NoLabel {
		pair.r = p.r
	}
	return pair
}

// entries is how many a pair has.
func entries(r Label) int {
	if r == NoLabel {
		return 1
	}
	return 2
}

// at returns an entry that is at this place of a row.
func (t *Linear) at(f Feature, row cells, i int) Pair {
	return Pair{t, row.run, f, int32(row.places), int32(i), -1}
}

// pair returns the entries of a row, and makes those that are not there.
func (t *Linear) pair(f Feature, y, r Label) Pair {
	row := t.rows.row(f)
	noY, noR := row.search(y) < 0, r != NoLabel && row.search(r) < 0
	if noY && noR {
		t.rows.reserve(f, 2)
	}
	if noY {
		t.rows.addCell(f, y)
	}
	if noR {
		t.rows.addCell(f, r)
	}
	if noY || noR {
		row = t.rows.row(f)
	}
	p := t.at(f, row, row.search(y))
	if r != NoLabel {
		p.r = int32(row.search(r))
	}
	return p
}

// Y returns the right label's weight and variance.
func (p *Pair) Y() (weight, variance float64) { return p.weight(p.y), p.variance(p.y) }

// R returns the other label's weight and variance; 0 and 1 if there is none.
func (p *Pair) R() (weight, variance float64) {
	if p.r < 0 {
		return 0, 1
	}
	return p.weight(p.r), p.variance(p.r)
}

func (p *Pair) weight(i int32) float64 { return math.Float64frombits(p.run[1+i]) }

func (p *Pair) variance(i int32) float64 {
	if !p.t.options.Variance {
		return 0
	}
	return math.Float64frombits(p.run[1+p.places+i])
}

// SetY assigns the right label's weight and variance.
func (p *Pair) SetY(weight, variance float64) { p.set(p.y, weight, variance) }

// SetR assigns the other label's weight and variance, if there is one.
func (p *Pair) SetR(weight, variance float64) {
	if p.r >= 0 {
		p.set(p.r, weight, variance)
	}
}

func (p *Pair) set(i int32, weight, variance float64) {
	if p.t.options.Shared {
		p.setEffective(i, weight, variance)
		return
	}
	p.run[1+i] = math.Float64bits(weight)
	if p.t.options.Variance {
		p.run[1+p.places+i] = math.Float64bits(variance)
	}
}

// setEffective assigns what an entry's base and diff come to.
func (p *Pair) setEffective(i int32, weight, variance float64) {
	base := p.row().shadow(int(i)).base
	p.setDiff(i, value{weight - base.weight, variance - base.variance})
}

// Add adds to the right label's weight and takes the same from the other's.
func (p *Pair) Add(weight float64) {
	p.add(p.y, weight)
	if p.r >= 0 {
		p.add(p.r, -weight)
	}
}

func (p *Pair) add(i int32, weight float64) {
	if p.t.options.Shared {
		p.addDiff(i, weight)
		return
	}
	p.run[1+i] = math.Float64bits(p.weight(i) + weight)
}

func (p *Pair) addDiff(i int32, weight float64) {
	diff := p.row().shadow(int(i)).diff
	diff.weight += weight
	p.setDiff(i, diff)
}

// row opens the run.
func (p *Pair) row() *cells {
	c := p.t.rows.layout.open(p.run)
	return &c
}

// setDiff sets an entry's diff.
func (p *Pair) setDiff(i int32, diff value) {
	row := p.row()
	row.setShadow(int(i), shadow{row.shadow(int(i)).base, diff})
	row.mark(int(i), hasDiff)
	p.t.markChanged(p.f)
}

// setBase sets the right label's base.
func (p *Pair) setBase(base value) {
	row := p.row()
	row.setShadow(int(p.y), shadow{base, row.shadow(int(p.y)).diff})
	row.mark(int(p.y), hasBase)
	if h := p.t.rows.feature(p.f); h.flags&based == 0 {
		h.flags |= based
		p.t.baseRows++
	}
}

func (t *Linear) markChanged(f Feature) {
	if h := t.rows.feature(f); h.flags&listed == 0 {
		h.flags |= listed
		t.changed = append(t.changed, f)
	}
}
