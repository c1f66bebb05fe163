package storage

import "github.com/jubatus/jubatus-go/learner/fv"

// Pair is a feature's entries for two labels while they are being changed:
// for the right label Y, and for the one R that was nearest to it, if any. It
// is good until the next change of the table.
type Pair struct {
	t    *Linear
	f    Feature
	page *page
	y, r int32 // places in the page; r is -1 for none
}

// Pair returns the entries of entry i of v, for which s has the scores, for y
// and r; r can be NoLabel. Entries that were not there have weight 0 and
// variance 1 (0 in a table without variances) and must be set. If Variances was
// asked before, then for the same labels, of which a new y and an r left out
// count as the same.
func (t *Linear) Pair(v *fv.Vector, s *Scores, i int, y, r Label) Pair {
	p := &s.places[i]
	if p.feature == NoFeature {
		p.feature = t.rows.intern(v.Key(i))
		return t.pair(p.feature, y, r)
	}
	if p.y < 0 || p.r < 0 && r != NoLabel {
		return t.pair(p.feature, y, r)
	}
	if r == NoLabel {
		return t.at(p.feature, p.y, -1)
	}
	return t.at(p.feature, p.y, p.r)
}

// at returns the entries at these places of a row.
func (t *Linear) at(f Feature, y, r int32) Pair {
	h := t.rows.feature(f)
	at := int32(h.cells & (pageCells - 1))
	p := Pair{t: t, f: f, page: &t.rows.pages[h.cells>>pageBits], y: at + y, r: -1}
	if r >= 0 {
		p.r = at + r
	}
	return p
}

func (t *Linear) pair(f Feature, y, r Label) Pair {
	row := t.rows.row(f)
	iy, ir := search(row, y), -1
	if r != NoLabel {
		ir = search(row, r)
	}
	if iy < 0 || ir < 0 && r != NoLabel {
		if iy < 0 && ir < 0 && r != NoLabel {
			t.rows.reserve(f, 2)
		}
		if iy < 0 {
			t.rows.addCell(f, y)
		}
		if ir < 0 && r != NoLabel {
			t.rows.addCell(f, r)
		}
		row = t.rows.row(f)
		iy = search(row, y)
		if r != NoLabel {
			ir = search(row, r)
		}
	}
	return t.at(f, int32(iy), int32(ir))
}

// Y returns the right label's weight and variance.
func (p *Pair) Y() (weight, variance float64) {
	return p.page.cells[p.y].weight, p.page.variance(int(p.y))
}

// R returns the other label's weight and variance; 0 and 1 if there is none.
func (p *Pair) R() (weight, variance float64) {
	if p.r < 0 {
		return 0, 1
	}
	return p.page.cells[p.r].weight, p.page.variance(int(p.r))
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
	if p.page.shadows != nil {
		s := &p.page.shadows[i]
		s.diff = value{weight - s.base.weight, variance - s.base.variance}
		p.changed(i)
		return
	}
	p.page.cells[i].weight = weight
	if p.page.variances != nil {
		p.page.variances[i] = variance
	}
}

// Add adds to the right label's weight and takes the same from the other's.
func (p *Pair) Add(weight float64) {
	p.add(p.y, weight)
	if p.r >= 0 {
		p.add(p.r, -weight)
	}
}

func (p *Pair) add(i int32, weight float64) {
	if p.page.shadows != nil {
		p.page.shadows[i].diff.weight += weight
		p.changed(i)
		return
	}
	p.page.cells[i].weight += weight
}

// changed notes that the diff of an entry has changed.
func (p *Pair) changed(i int32) {
	p.page.sum(int(i))
	p.page.cells[i].flags |= hasDiff
	p.t.markChanged(p.f)
}

// sum computes an effective value anew.
func (p *page) sum(i int) {
	s := &p.shadows[i]
	p.cells[i].weight = s.base.weight + s.diff.weight
	if p.variances != nil {
		p.variances[i] = s.base.variance + s.diff.variance
	}
}

func (t *Linear) markChanged(f Feature) {
	if h := t.rows.feature(f); h.flags&listed == 0 {
		h.flags |= listed
		t.changed = append(t.changed, f)
	}
}
