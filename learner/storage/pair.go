package storage

import (
	"math"

	"github.com/jubatus/jubatus-go/learner/storage/keyindex"
)

// pair is a feature's entries for two labels while they are being changed:
// for the right label y, and for the one r that was nearest to it, if any. It
// is good until the next change of the table. Entries that were not there have
// weight 0 and variance 1 (0 in a table without variances) and must be set.
type pair struct {
	t      *Linear
	run    run
	f      Feature
	places int32
	y, r   int32 // places in the run; r is -1 for none
}

// entries returns the entries of a key at its place, and makes what is not
// there.
func (t *Linear) entries(p *place, print keyindex.Print, key []byte, y, r Label) pair {
	if p.feature == NoFeature {
		*p = t.rows.place(print) // it may have come since
	}
	if p.feature == NoFeature {
		n := 2
		if r == NoLabel {
			n = 1
		}
		p.feature, p.at = t.rows.intern(print, key, n)
	}
	row := t.options.open(t.rows.run(p.at))
	if p.y < 0 || p.r < 0 && r != NoLabel {
		missing := p.search(&row, y, r)
		if missing > 0 {
			row, p.at = t.rows.reserve(print, p.feature, p.at, missing)
			if p.y < 0 {
				t.rows.addCell(&row, y)
			}
			if p.r < 0 && r != NoLabel {
				t.rows.addCell(&row, r)
			}
			p.search(&row, y, r)
		}
	}
	pair := pair{t, row.run, p.feature, int32(row.places), p.y, -1}
	if r != NoLabel {
		pair.r = p.r
	}
	return pair
}

// search finds the cells of two labels, and returns how many are missing.
func (p *place) search(row *cells, y, r Label) (missing int) {
	p.y, p.r = int32(row.search(y)), -1
	if p.y < 0 {
		missing++
	}
	if r == NoLabel {
		return missing
	}
	if p.r = int32(row.search(r)); p.r < 0 {
		missing++
	}
	return missing
}

// entry returns the entry of a key for a label, and makes it if it is not there.
func (t *Linear) entry(key []byte, l Label) pair {
	p, print := nowhere, t.rows.index.Print(key)
	return t.entries(&p, print, key, l, NoLabel)
}

func (p *pair) weight(i int32) float64 { return math.Float64frombits(p.run[1+i]) }

func (p *pair) variance(i int32) float64 {
	if !p.t.options.Variance {
		return 0
	}
	return math.Float64frombits(p.run[1+p.places+i])
}

// set assigns the weight and the variance of one of the entries.
func (p *pair) set(i int32, weight, variance float64) {
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
func (p *pair) setEffective(i int32, weight, variance float64) {
	base := p.row().shadow(int(i)).base
	p.setDiff(i, value{weight - base.weight, variance - base.variance})
}

// add adds to the weight of one of the entries.
func (p *pair) add(i int32, weight float64) {
	if p.t.options.Shared {
		p.addDiff(i, weight)
		return
	}
	p.run[1+i] = math.Float64bits(p.weight(i) + weight)
}

func (p *pair) addDiff(i int32, weight float64) {
	diff := p.row().shadow(int(i)).diff
	diff.weight += weight
	p.setDiff(i, diff)
}

// row opens the run.
func (p *pair) row() *cells {
	c := p.t.options.open(p.run)
	return &c
}

// setDiff sets an entry's diff.
func (p *pair) setDiff(i int32, diff value) {
	row := p.row()
	row.setShadow(int(i), shadow{row.shadow(int(i)).base, diff})
	row.mark(int(i), hasDiff)
	p.t.markChanged(p.f)
}

// setBase sets the right label's base.
func (p *pair) setBase(base value) {
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
