package storage

import "math"

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

// at returns an entry that is at this place of a row.
func (t *Linear) at(f Feature, row cells, i int) pair {
	return pair{t, row.run, f, int32(row.places), int32(i), -1}
}

// entries returns the entries of a row, and makes those that are not there.
func (t *Linear) entries(f Feature, y, r Label) pair {
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
	c := p.t.rows.layout.open(p.run)
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
