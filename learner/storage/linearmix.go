package storage

import (
	"math"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// sentCell is an entry of the diff as Diff sent it.
type sentCell struct {
	feature Feature
	label   Label
	value   value
}

// Version is how many diffs have been put.
func (t *Linear) Version() uint64 { return t.version }

// Diff appends what was learned since the last mix and remembers it as sent:
//
//	[count, [[[feature, [[label, [weight, variance, 0.0]]…]]…], [version]]]
//
// It costs as much as there is to send.
func (t *Linear) Diff(b []byte) []byte {
	t.sent = nil
	n := 0
	for _, f := range t.changed {
		if row := t.rows.row(f); row.having(hasDiff) > 0 {
			n++
		}
	}
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendUint(b, 1)
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendArrayHeader(b, n)
	for _, f := range t.changed {
		if !t.options.Shared {
			break
		}
		row := t.rows.row(f)
		n := row.having(hasDiff)
		if n == 0 {
			continue
		}
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendRaw(b, t.rows.key(f))
		b = mpack.AppendArrayHeader(b, n)
		for i := range row.n {
			if !row.has(i, hasDiff) {
				continue
			}
			l, v := row.label(i), row.shadow(i).diff
			b = mpack.AppendArrayHeader(b, 2)
			b = mpack.AppendRaw(b, t.Name(l))
			b = appendValue(b, v)
			t.sent = append(t.sent, sentCell{f, l, v})
		}
	}
	b = mpack.AppendArrayHeader(b, 1)
	return mpack.AppendUint(b, t.version)
}

// forgetSent forgets what was sent about a label.
func (t *Linear) forgetSent(l Label) {
	kept := t.sent[:0]
	for _, s := range t.sent {
		if s.label != l {
			kept = append(kept, s)
		}
	}
	t.sent = kept
}

// Put adds a mixed diff to the base, if it is of the table's version. What
// Diff had sent is taken out of the diff then; what was learned since stays
// there, on top of the new base. If the mixed diff lacks some of what was
// sent, the sender's diff has not arrived where it was mixed, and nothing is
// taken out.
//
// Variances that changed since keep their proportion to what was sent, so that
// they stay positive.
func (t *Linear) Put(r *mpack.Reader) (ok bool, err error) {
	d, err := parseDiff(r)
	if err != nil {
		return false, err
	}
	if !t.options.Shared || d.version != t.version {
		return false, nil
	}
	if t.filter != nil {
		d.each(func(_, label []byte, _ triple) { t.filter.Touch(label) })
	}
	t.mark(&d)
	later := t.takeSent()
	var emptied []sentCell
	d.each(func(feature, label []byte, v triple) {
		if c, ok := t.putEntry(feature, label, v); ok {
			emptied = append(emptied, c)
		}
	})
	t.restore(later)
	for _, e := range emptied {
		t.dropVoid(e.feature, e.label)
	}
	t.version++
	return true, nil
}

// mark flags the entries that the diff mentions, of features with a diff.
func (t *Linear) mark(d *linearDiff) {
	if len(t.changed) == 0 {
		return
	}
	d.each(func(feature, label []byte, _ triple) {
		f, l := t.rows.find(feature), t.Find(label)
		if f == NoFeature || l == NoLabel || t.rows.feature(f).flags&listed == 0 {
			return
		}
		row := t.rows.row(f)
		if i := row.search(l); i >= 0 {
			row.mark(i, mentioned)
		}
	})
}

// laterCell is an entry of the diff that stays after a Put.
type laterCell struct {
	feature Feature
	label   Label
	weight  float64
	ratio   float64 // of the variance to that which the others know
}

// takeSent empties the diff of all entries that the put diff touches and
// returns those that hold more than was sent.
func (t *Linear) takeSent() (later []laterCell) {
	arrived := true
	for _, s := range t.sent {
		if row, i := t.sentEntry(s.feature, s.label); !row.has(i, mentioned) {
			arrived = false
			break
		}
	}
	if arrived {
		for _, s := range t.sent {
			row, i := t.sentEntry(s.feature, s.label)
			sh := row.shadow(i)
			if !same(sh.diff.weight, s.value.weight) || !same(sh.diff.variance, s.value.variance) {
				later = append(later, laterCell{
					s.feature, s.label, sh.diff.weight - s.value.weight,
					ratio(row.varianceAt(i), sh.base.variance+s.value.variance),
				})
			}
			row.setShadow(i, shadow{base: sh.base})
			row.unmark(i, hasDiff|mentioned)
		}
	}
	t.sent = nil
	kept := t.changed[:0]
	for _, f := range t.changed {
		row := t.rows.row(f)
		stays := false
		for i := range row.n {
			if row.has(i, mentioned|hasDiff) {
				s := row.shadow(i)
				known := s.base.variance
				if !row.has(i, hasBase) {
					known = 1
				}
				later = append(later, laterCell{f, row.label(i), s.diff.weight, ratio(row.varianceAt(i), known)})
				row.setShadow(i, shadow{base: s.base})
				row.unmark(i, hasDiff)
			}
			row.unmark(i, mentioned)
			stays = stays || row.has(i, hasDiff)
		}
		if stays {
			kept = append(kept, f)
		} else {
			t.rows.feature(f).flags &^= listed
		}
	}
	t.changed = kept
	return later
}

// same is equality, also of what is not a number.
func same(a, b float64) bool { return a == b || a != a && b != b }

// ratio is how much of a variance is left; 1 if that says nothing.
func ratio(now, before float64) float64 {
	if q := now / before; q > 0 && !math.IsInf(q, 0) {
		return q
	}
	return 1
}

// sentEntry returns the row and the place of an entry that is there.
func (t *Linear) sentEntry(f Feature, l Label) (cells, int) {
	row := t.rows.row(f)
	i := row.search(l)
	if i < 0 {
		panic("storage: an entry of the diff is gone")
	}
	return row, i
}

// putEntry adds an entry of a mixed diff to the base. An entry that comes to
// nothing is no entry; what may have to go for that is returned.
func (t *Linear) putEntry(feature, label []byte, v triple) (emptied sentCell, ok bool) {
	if t.filter != nil && !t.filter.Knows(label) {
		return sentCell{}, false
	}
	l, _ := t.Register(label)
	base := value{v[0], v[1]}
	if f := t.rows.find(feature); f != NoFeature {
		row := t.rows.row(f)
		if i := row.search(l); i >= 0 {
			known := row.shadow(i).base
			base = value{known.weight + v[0], known.variance + v[1]}
			if t.void(base) {
				row.setShadow(i, shadow{diff: row.shadow(i).diff})
				row.unmark(i, hasBase)
				t.recountBase(f)
				return sentCell{feature: f, label: l}, true
			}
		}
	}
	if t.void(base) {
		return sentCell{}, false
	}
	p := t.entry(feature, l)
	p.setBase(base)
	return sentCell{}, false
}

// restore puts back what was learned after Diff, relative to the new base.
func (t *Linear) restore(later []laterCell) {
	for _, c := range later {
		row, i := t.sentEntry(c.feature, c.label)
		diff := value{weight: c.weight}
		switch {
		case !t.options.Variance:
		case row.has(i, hasBase):
			base := row.shadow(i).base.variance
			diff.variance = float64(base*c.ratio) - base
		default:
			diff.variance = c.ratio
		}
		p := pair{t, row.run, c.feature, int32(row.places), int32(i), -1}
		p.setDiff(p.y, diff)
	}
}

// dropVoid removes an entry that is in neither table.
func (t *Linear) dropVoid(f Feature, l Label) {
	row := t.rows.row(f)
	if i := row.search(l); i >= 0 && !row.has(i, hasBase) && !row.has(i, hasDiff) {
		t.dropCell(f, i)
	}
}
