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

// Pair returns the entries of entry i of v, which Score has seen, for y and r;
// r can be NoLabel. Entries that were not there have weight 0 and variance 1
// (0 in a table without variances) and must be set.
func (t *Linear) Pair(v *fv.Vector, s *Scores, i int, y, r Label) Pair {
	f := s.features[i]
	if f == NoFeature {
		f = t.rows.intern(v.Key(i))
		s.features[i] = f
	}
	return t.pair(f, y, r)
}

func (t *Linear) pair(f Feature, y, r Label) Pair {
	iy, ir := -1, -1
	row := t.rows.row(f)
	for j := range row {
		switch row[j].label {
		case y:
			iy = j
		case r:
			ir = j
		}
	}
	missing := uint32(0)
	if iy < 0 {
		missing++
	}
	if r != NoLabel && ir < 0 {
		missing++
	}
	if missing > 0 {
		t.rows.reserve(f, missing)
		fresh := cell{}
		if t.options.Variance {
			fresh.variance = 1
		}
		if iy < 0 {
			fresh.label = y
			iy = t.rows.addCell(f, fresh)
		}
		if r != NoLabel && ir < 0 {
			fresh.label = r
			ir = t.rows.addCell(f, fresh)
		}
	}
	h := t.rows.feature(f)
	at := int32(h.cells & (pageCells - 1))
	p := Pair{t: t, f: f, page: &t.rows.pages[h.cells>>pageBits], y: at + int32(iy), r: -1}
	if r != NoLabel {
		p.r = at + int32(ir)
	}
	return p
}

// Y returns the right label's weight and variance.
func (p *Pair) Y() (weight, variance float64) {
	c := &p.page.cells[p.y]
	return c.weight, c.variance
}

// R returns the other label's weight and variance; 0 and 1 if there is none.
func (p *Pair) R() (weight, variance float64) {
	if p.r < 0 {
		return 0, 1
	}
	c := &p.page.cells[p.r]
	return c.weight, c.variance
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
	c := &p.page.cells[i]
	if p.page.shadows == nil {
		c.weight, c.variance = weight, variance
		return
	}
	s := &p.page.shadows[i]
	s.diff = value{weight - s.base.weight, variance - s.base.variance}
	p.changed(c, s)
}

// Add adds to the right label's weight and takes the same from the other's.
func (p *Pair) Add(weight float64) {
	p.add(p.y, weight)
	if p.r >= 0 {
		p.add(p.r, -weight)
	}
}

func (p *Pair) add(i int32, weight float64) {
	c := &p.page.cells[i]
	if p.page.shadows == nil {
		c.weight += weight
		return
	}
	s := &p.page.shadows[i]
	s.diff.weight += weight
	p.changed(c, s)
}

func (p *Pair) changed(c *cell, s *shadow) {
	c.weight = s.base.weight + s.diff.weight
	c.variance = s.base.variance + s.diff.variance
	c.flags |= hasDiff
	p.t.markChanged(p.f)
}

func (t *Linear) markChanged(f Feature) {
	if h := t.rows.feature(f); h.flags&listed == 0 {
		h.flags |= listed
		t.changed = append(t.changed, f)
	}
}
