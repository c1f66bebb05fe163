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
		for i := range l.cells {
			c := &l.cells[i]
			if c.state&half == 0 {
				continue
			}
			value := c.value
			if half == inMaster {
				value = x.masterOf(uint32(f), c)
			}
			b = mpack.AppendUint(b, uint64(c.row))
			b = mpack.AppendFloat64(b, value)
		}
	}
	return b
}

func (l *list) count(half uint8) (n int) {
	if half == inDiff {
		return l.diffs
	}
	for _, c := range l.cells {
		if c.state&half != 0 {
			n++
		}
	}
	return n
}

// masterOf is what the master has in a cell; 0 if it has nothing.
func (x *Index) masterOf(f uint32, c *cell) float64 {
	switch {
	case c.state&inMaster == 0:
		return 0
	case c.state&inDiff != 0:
		return x.hidden[place{f, c.row}]
	default:
		return c.value
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
		row, value, err := readEntry(r, numbers)
		if err != nil {
			return err
		}
		do(row, value)
	}
	return nil
}

// readEntry reads a row number and a double.
func readEntry(r *mpack.Reader, numbers numbering.Renumbered) (row uint32, value float64, err error) {
	old, err := r.Uint64()
	if err != nil {
		return 0, 0, err
	}
	if value, err = r.Float64(); err != nil {
		return 0, 0, err
	}
	row, err = numbers.Of(old)
	return row, value, err
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
		cells, err := readCells(r, numbers)
		if err != nil {
			return err
		}
		for i := range cells {
			cells[i].state = half
		}
		c.postings[f].cells = c.overlay(f, c.postings[f].cells, cells)
	}
	return nil
}

// readCells reads {row number: value}, sorts it by rows, and leaves out all
// but the last of what repeats.
func readCells(r *mpack.Reader, numbers numbering.Renumbered) ([]cell, error) {
	n, err := r.MapHeader()
	if err != nil {
		return nil, err
	}
	cells := make([]cell, 0, n)
	for range n {
		row, value, err := readEntry(r, numbers)
		if err != nil {
			return nil, err
		}
		cells = append(cells, cell{row: row, value: value})
	}
	byRow := func(a, b cell) int { return cmp.Compare(a.row, b.row) }
	if !slices.IsSortedFunc(cells, byRow) {
		slices.SortStableFunc(cells, byRow)
	}
	kept := 0
	for i, c := range cells {
		if i+1 == len(cells) || cells[i+1].row != c.row {
			cells[kept] = c
			kept++
		}
	}
	return cells[:kept], nil
}

// overlay puts cells over those that are there, both sorted. Values of 0 in
// the master, and removals of nothing, are left out.
func (c *content) overlay(f uint32, under, over []cell) []cell {
	merged := make([]cell, 0, len(under)+len(over))
	i := 0
	for _, o := range over {
		for i < len(under) && under[i].row < o.row {
			merged = append(merged, under[i])
			i++
		}
		if i < len(under) && under[i].row == o.row {
			if o.state == inDiff && under[i].state&inMaster != 0 {
				p := place{f, o.row}
				if _, ok := c.hidden[p]; !ok {
					c.hidden[p] = under[i].value
				}
				o.state |= inMaster
			}
			i++
		}
		if o.value != 0 {
			o.state |= live
		} else if o.state&inMaster == 0 || o.state&inDiff == 0 {
			continue
		}
		merged = append(merged, o)
	}
	return append(merged, under[i:]...)
}

// count computes what follows from the cells.
func (c *content) count() {
	for f := range c.postings {
		l := &c.postings[f]
		for _, cell := range l.cells {
			r := &c.infos[cell.row]
			r.features = append(r.features, uint32(f))
			if cell.state&live != 0 {
				r.live++
			}
			if cell.state&inDiff != 0 {
				r.diffs++
				l.diffs++
			}
		}
	}
	for row := range c.infos {
		c.renew(uint32(row))
	}
}
