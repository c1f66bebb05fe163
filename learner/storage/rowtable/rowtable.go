// Package rowtable keeps rows that nodes share: each has an id, a position,
// typed columns, and a version that tells who wrote it last and when. The
// columns lie in contiguous memory, for scans.
//
// Rows are numbered 0 to n-1 in the order in which they came. When one is
// deleted the last takes its number.
package rowtable

import (
	"errors"

	"github.com/jubatus/jubatus-go/learner/storage/rowids"
	"github.com/jubatus/jubatus-go/learner/storage/signature"
)

// ErrFull is a table that takes no more rows: 2^32 - 2 of them, or 16 GB of
// ids.
var ErrFull = errors.New("the table is full")

// Column is the type of a column.
type Column struct{ bits int }

// Bits is a column of signatures of n bits, at least 1.
func Bits(n int) Column { return Column{bits: n} }

// Double is a column of double-precision numbers.
func Double() Column { return Column{} }

// Table is a table of rows. What changes it needs it alone; all else may share
// it. It is an engine.Mixable, an engine.Keeper and an engine.Pusher.
type Table struct {
	schema []Column
	self   string
	content
	sharing
}

// content is what a model file holds.
type content struct {
	ids      rowids.List
	columns  []column
	versions versions
	owners   []string // the first is the table's own
	numbers  map[string]uint32
	clock    uint64
}

// column is the values of a column, one row after another.
type column struct {
	words   []uint64 // so many per row as its bits take
	doubles []float64
}

// version tells who wrote a row, in the upper 20 bits, and at which time of
// the writer's clock.
type version uint64

const (
	clockBits = 44
	maxClock  = 1<<clockBits - 1
	maxOwners = 1 << (64 - clockBits)
)

func newVersion(owner uint32, clock uint64) version {
	return version(uint64(owner)<<clockBits | clock)
}

func (v version) owner() uint32 { return uint32(v >> clockBits) }
func (v version) clock() uint64 { return uint64(v) & maxClock }

// New returns an empty table. Rows that are set get the name of their owner.
func New(owner string, columns ...Column) *Table {
	t := &Table{schema: columns, self: owner}
	t.content = t.newContent()
	return t
}

func (t *Table) newContent() content {
	return content{
		ids: rowids.New(), columns: make([]column, len(t.schema)),
		owners: []string{t.self}, numbers: map[string]uint32{t.self: 0},
	}
}

// Len is the number of rows.
func (t *Table) Len() int { return t.ids.Len() }

// ID returns the id of a row, which never changes while it is in use.
func (t *Table) ID(row int) []byte { return t.ids.At(row) }

// Find returns the row of an id.
func (t *Table) Find(id []byte) (row int, ok bool) {
	row = t.ids.Find(id)
	return row, row >= 0
}

// Words returns the signatures of all rows in a column, one after another.
// They may be written for rows that have just been Set.
func (t *Table) Words(column int) []uint64 { return t.columns[column].words }

// WordsOf returns the signature of a row in a column.
func (t *Table) WordsOf(column, row int) []uint64 {
	w := signature.Words(t.schema[column].bits)
	return t.columns[column].words[row*w : row*w+w : row*w+w]
}

// Doubles returns the numbers of all rows in a column. They may be written for
// rows that have just been Set.
func (t *Table) Doubles(column int) []float64 { return t.columns[column].doubles }

// Set gives the row of an id a new version, so that it will be shared, and
// returns its number. The caller then writes the columns. An id that is new
// gets a row of zeros at the end. The error is ErrFull.
func (t *Table) Set(id []byte) (row int, err error) {
	if t.clock >= maxClock {
		return 0, ErrFull
	}
	v := newVersion(0, t.clock)
	if row = t.ids.Find(id); row >= 0 {
		t.versions.set(row, v)
	} else if row, err = t.append(id, v); err != nil {
		return 0, err
	}
	t.clock++
	return row, nil
}

// Renew gives a row whose columns are about to be written a new version, as
// Set does.
func (t *Table) Renew(row int) {
	if t.clock < maxClock {
		t.versions.set(row, newVersion(0, t.clock))
		t.clock++
	}
}

// append adds a row of zeros.
func (t *Table) append(id []byte, v version) (row int, err error) {
	c := &t.content
	if !c.ids.Add(id) {
		return 0, ErrFull
	}
	c.versions.add(v)
	for i := range c.columns {
		c.columns[i].grow(t.schema[i])
	}
	return c.versions.len() - 1, nil
}

func (c *column) grow(schema Column) {
	if schema.bits == 0 {
		c.doubles = append(rowids.Grow(c.doubles, 1), 0)
		return
	}
	w := signature.Words(schema.bits)
	n := len(c.words)
	c.words = rowids.Grow(c.words, w)[:n+w]
	clear(c.words[n:])
}

// Delete deletes the row of an id, if there is one. Other nodes do not get to
// know.
func (t *Table) Delete(id []byte) bool {
	row := t.ids.Find(id)
	if row < 0 {
		return false
	}
	t.forget(id, t.versions.at(row))
	last := t.Len() - 1
	t.ids.Remove(row)
	t.versions.remove(row)
	for i := range t.columns {
		t.columns[i].remove(t.schema[i], row, last)
	}
	if t.clock < maxClock {
		t.clock++
	}
	return true
}

func (c *column) remove(schema Column, row, last int) {
	if schema.bits == 0 {
		c.doubles[row] = c.doubles[last]
		c.doubles = c.doubles[:last]
		return
	}
	w := signature.Words(schema.bits)
	copy(c.words[row*w:row*w+w], c.words[last*w:])
	c.words = c.words[:last*w]
}

// Clear deletes all rows, and starts the clock anew. What has been received
// and sent before is forgotten, so that new rows are shared whatever their
// time.
func (t *Table) Clear() {
	t.content = t.newContent()
	t.forgetAll()
}

// owner returns the number of an owner, which is entered if it is new; false
// if there are too many.
func (c *content) owner(name []byte) (number uint32, ok bool) {
	if n, ok := c.numbers[string(name)]; ok {
		return n, true
	}
	if len(c.owners) >= maxOwners {
		return 0, false
	}
	n := uint32(len(c.owners))
	c.owners = append(c.owners, string(name))
	c.numbers[string(name)] = n
	return n, true
}
