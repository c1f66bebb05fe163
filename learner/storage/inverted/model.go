package inverted

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/jubatus/jubatus-go/learner/storage/numbering"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Pack appends both halves:
//
//	[{feature: {row number: value}} master, the same of the diff,
//	 {row number: squared norm} master, the same of the diff, row numbers]
//
// The diff has the value 0 where the master has one that was removed.
func (x *Index) Pack(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 5)
	b = x.packHalf(b, inMaster)
	b = x.packHalf(b, inDiff)
	b = x.packNorms(b, func(r *info) float64 { return r.master })
	b = x.packNorms(b, func(r *info) float64 { return r.diff })
	return x.rows.Pack(b)
}

// packHalf appends the features that have cells of a half, and those.
func (x *Index) packHalf(b []byte, half uint8) []byte {
	n := 0
	for f := range x.postings {
		if x.postings[f].count(half) > 0 {
			n++
		}
	}
	b = mpack.AppendMapHeader(b, n)
	for f := range x.postings {
		l := &x.postings[f]
		n := l.count(half)
		if n == 0 {
			continue
		}
		b = mpack.AppendRaw(b, x.features.Name(uint32(f)))
		b = mpack.AppendMapHeader(b, n)
		for i, state := range l.states {
			if state&half == 0 {
				continue
			}
			value := l.values[i]
			if half == inMaster {
				value = x.masterOf(l, uint32(f), i)
			}
			b = mpack.AppendUint(b, uint64(l.rows[i]))
			b = mpack.AppendFloat64(b, value)
		}
	}
	return b
}

func (l *list) count(half uint8) (n int) {
	if half == inDiff {
		return int(l.diffs)
	}
	for _, state := range l.states {
		if state&half != 0 {
			n++
		}
	}
	return n
}

// masterOf is what the master has in a cell; 0 if it has nothing.
func (x *Index) masterOf(l *list, f uint32, i int) float64 {
	switch {
	case l.states[i]&inMaster == 0:
		return 0
	case l.states[i]&inDiff != 0:
		return x.hidden[place{f, l.rows[i]}]
	default:
		return l.values[i]
	}
}

func (x *Index) packNorms(b []byte, norm func(*info) float64) []byte {
	n := 0
	for i := range x.infos {
		if norm(&x.infos[i]) != 0 {
			n++
		}
	}
	b = mpack.AppendMapHeader(b, n)
	for i := range x.infos {
		if v := norm(&x.infos[i]); v != 0 {
			b = mpack.AppendUint(b, uint64(i))
			b = mpack.AppendFloat64(b, v)
		}
	}
	return b
}

// Unpack reads what Pack wrote, without touching the index, and returns what
// makes it the contents. With dropDiff the half that the writer had not mixed
// yet is left out. Elements missing at the end are empty.
func (x *Index) Unpack(r *mpack.Reader, dropDiff bool) (commit func(), err error) {
	c, err := unpack(r, dropDiff)
	if err != nil {
		return nil, fmt.Errorf("unpacking an inverted index: %w", err)
	}
	return func() { x.replace(c) }, nil
}

func unpack(r *mpack.Reader, dropDiff bool) (content, error) {
	c := newContent()
	n, err := r.ArrayHeader()
	if err != nil {
		return c, err
	}
	// The numbers of the rows come last.
	var parts [4]mpack.Reader
	numbers := numbering.Renumbered{}
	for i := range n {
		switch {
		case i < len(parts):
			var object []byte
			object, err = r.Object()
			parts[i] = mpack.NewReader(object)
		case i == len(parts):
			c.rows, numbers, err = numbering.Unpack(r)
		default:
			err = r.Skip()
		}
		if err != nil {
			return c, err
		}
	}
	c.infos, c.norms = make([]info, c.rows.Len()), make([]float64, c.rows.Len())
	for i, p := range parts[:min(n, len(parts))] {
		switch {
		case i%2 == 1 && dropDiff:
		case i < 2:
			err = c.unpackHalf(&p, numbers, [...]uint8{inMaster, inDiff}[i])
		default:
			err = eachNorm(&p, numbers, func(row uint32, norm float64) {
				if i == 2 {
					c.infos[row].master = norm
				} else {
					c.infos[row].diff = norm
				}
			})
		}
		if err != nil {
			return c, err
		}
	}
	c.count()
	return c, nil
}

func eachNorm(r *mpack.Reader, numbers numbering.Renumbered, do func(row uint32, norm float64)) error {
	n, err := r.MapHeader()
	if err != nil {
		return err
	}
	for range n {
		e, err := readEntry(r, numbers)
		if err != nil {
			return err
		}
		do(e.row, e.value)
	}
	return nil
}

// entry is a row and a value of a feature in it.
type entry struct {
	row   uint32
	value float64
}

func readEntry(r *mpack.Reader, numbers numbering.Renumbered) (e entry, err error) {
	old, err := r.Uint64()
	if err != nil {
		return e, err
	}
	if e.value, err = r.Float64(); err != nil {
		return e, err
	}
	e.row, err = numbers.Of(old)
	return e, err
}

// unpackHalf reads the cells of a half. The master comes first.
func (c *content) unpackHalf(r *mpack.Reader, numbers numbering.Renumbered, half uint8) error {
	n, err := r.MapHeader()
	if err != nil {
		return err
	}
	for range n {
		key, err := r.Raw()
		if err != nil {
			return err
		}
		f := c.feature(key)
		entries, err := readEntries(r, numbers)
		if err != nil {
			return err
		}
		c.postings[f] = c.overlay(f, &c.postings[f], entries, half)
	}
	return nil
}

// readEntries reads {row number: value}, sorts it by rows, and leaves out all
// but the last of what repeats.
func readEntries(r *mpack.Reader, numbers numbering.Renumbered) ([]entry, error) {
	n, err := r.MapHeader()
	if err != nil {
		return nil, err
	}
	entries := make([]entry, 0, n)
	for range n {
		e, err := readEntry(r, numbers)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	byRow := func(a, b entry) int { return cmp.Compare(a.row, b.row) }
	if !slices.IsSortedFunc(entries, byRow) {
		slices.SortStableFunc(entries, byRow)
	}
	kept := 0
	for i, e := range entries {
		if i+1 == len(entries) || entries[i+1].row != e.row {
			entries[kept] = e
			kept++
		}
	}
	return entries[:kept], nil
}

// overlay puts entries of a half over the cells that are there, both sorted.
// Values of 0 in the master, and removals of nothing, are left out.
func (c *content) overlay(f uint32, under *list, over []entry, half uint8) list {
	n := under.len() + len(over)
	merged := list{values: make([]float64, 0, n), rows: make([]uint32, 0, n), states: make([]uint8, 0, n)}
	i := 0
	for _, o := range over {
		for i < under.len() && under.rows[i] < o.row {
			merged.append(under.rows[i], under.values[i], under.states[i])
			i++
		}
		state := half
		if i < under.len() && under.rows[i] == o.row {
			if half == inDiff && under.states[i]&inMaster != 0 {
				p := place{f, o.row}
				if _, ok := c.hidden[p]; !ok {
					c.hidden[p] = under.values[i]
				}
				state |= inMaster
			}
			i++
		}
		if o.value != 0 || state == inMaster|inDiff {
			merged.append(o.row, o.value, state)
		}
	}
	for ; i < under.len(); i++ {
		merged.append(under.rows[i], under.values[i], under.states[i])
	}
	return merged
}

// count computes what follows from the cells.
func (c *content) count() {
	for f := range c.postings {
		l := &c.postings[f]
		for i, row := range l.rows {
			r := &c.infos[row]
			r.features = append(r.features, uint32(f))
			if l.live(i) {
				r.live++
			}
			if l.states[i]&inDiff != 0 {
				r.diffs++
				l.diffs++
			}
		}
	}
	for row := range c.infos {
		c.renew(uint32(row))
	}
}
