package mixrows

import (
	"slices"

	"github.com/jubatus/jubatus-go/learner/storage/rowids"
)

// Content is both halves of the rows.
type Content struct {
	shape   *Shape
	watcher Watcher // nil for none
	ids     rowids.List
	records []uint64 // so many words per row
	states  []uint8
	serials []uint64 // if rows have any
	serial  uint64   // the last one

	// hidden is the master's records of rows that are there and in the diff.
	hidden map[string][]uint64
	// removed is the rows that the diff has removed, with the master's
	// records; nil where the master has none.
	removed map[string][]uint64
}

// The states of a row that is there.
const (
	inMaster = 1 << iota
	inDiff
)

func newContent(s *Shape) *Content {
	c := &Content{shape: s, ids: rowids.New(), hidden: map[string][]uint64{}, removed: map[string][]uint64{}}
	if s.Watch != nil {
		c.watcher = s.Watch(c)
	}
	return c
}

// Len is the number of rows.
func (c *Content) Len() int { return len(c.states) }

// ID returns the id of a row, whose bytes never change.
func (c *Content) ID(row int) []byte { return c.ids.At(row) }

// Find returns the row of an id, if there is one.
func (c *Content) Find(id []byte) (row int, ok bool) {
	row = c.ids.Find(id)
	return row, row >= 0
}

// Records returns the records of all rows, one after another.
func (c *Content) Records() []uint64 { return c.records }

// Record returns the record of a row. It is valid until rows change.
func (c *Content) Record(row int) []uint64 {
	w := c.shape.Width
	return c.records[row*w : row*w+w : row*w+w]
}

// Serial is a number that is larger for rows that came later. A row that is
// removed and set again comes anew.
func (c *Content) Serial(row int) uint64 { return c.serials[row] }

// SetSerial gives a row another serial number, which no other row has.
func (c *Content) SetSerial(row int, serial uint64) { c.serials[row] = serial }

// SetSerials gives rows other serial numbers, from 1.
func (c *Content) SetSerials(serial func(id []byte) uint64) {
	for row := range c.serials {
		c.serials[row] = serial(c.ID(row))
		c.serial = max(c.serial, c.serials[row])
	}
}

// Watcher returns who watches.
func (c *Content) Watcher() Watcher { return c.watcher }

// EachMaster yields the rows that the master has, with its records. They have
// no number, -1, where the diff has removed them.
func (c *Content) EachMaster(yield func(row int, id []byte, record []uint64) bool) {
	for row, state := range c.states {
		if state&inMaster != 0 && !yield(row, c.ID(row), c.masterOf(row)) {
			return
		}
	}
	for id, record := range c.removed {
		if record != nil && !yield(-1, []byte(id), record) {
			return
		}
	}
}

// EachDiff yields the rows that the diff has set.
func (c *Content) EachDiff(yield func(row int, record []uint64) bool) {
	for row, state := range c.states {
		if state&inDiff != 0 && !yield(row, c.Record(row)) {
			return
		}
	}
}

// masterOf returns what the master has of a row; nil if it has nothing.
func (c *Content) masterOf(row int) []uint64 {
	switch c.states[row] {
	case inMaster:
		return c.Record(row)
	case inDiff:
		return nil
	default:
		return c.hidden[string(c.ID(row))]
	}
}

// set sets a row in the diff; false if there is no room.
func (c *Content) set(id []byte, record []uint64) bool {
	if row, ok := c.Find(id); ok {
		if c.states[row] == inMaster {
			c.hidden[string(id)] = slices.Clone(c.Record(row))
		}
		c.states[row] |= inDiff
		c.write(row, record)
		return true
	}
	if !c.append(id, record, inDiff) {
		return false
	}
	if master := c.removed[string(id)]; master != nil {
		c.hidden[string(id)] = master
		c.states[c.Len()-1] |= inMaster
	}
	delete(c.removed, string(id))
	return true
}

// remove removes a row in the diff. That is remembered if the master has the
// row, or if it is to be remembered anyway.
func (c *Content) remove(row int, remember bool) {
	id := c.ID(row)
	if master := slices.Clone(c.masterOf(row)); master != nil || remember {
		c.removed[string(id)] = master
	}
	c.drop(row)
}

// write gives a row another record.
func (c *Content) write(row int, record []uint64) {
	c.leave(row)
	copy(c.Record(row), record)
	c.enter(row)
}

// append appends a row; false if there is no room.
func (c *Content) append(id []byte, record []uint64, state uint8) bool {
	row := c.Len()
	if row >= c.shape.Limit || !c.ids.Add(id) {
		return false
	}
	c.records = append(rowids.Grow(c.records, len(record)), record...)
	c.states = append(rowids.Grow(c.states, 1), state)
	if c.shape.Serial {
		c.serial++
		c.serials = append(rowids.Grow(c.serials, 1), c.serial)
	}
	c.enter(row)
	return true
}

// drop takes a row out, of both halves, and gives the last its number.
func (c *Content) drop(row int) {
	last := c.Len() - 1
	if c.states[row] == inMaster|inDiff {
		delete(c.hidden, string(c.ID(row)))
	}
	c.leave(row)
	if row != last {
		c.leave(last)
	}
	c.ids.Remove(row)
	copy(c.Record(row), c.Record(last))
	c.records = c.records[:last*c.shape.Width]
	c.states[row] = c.states[last]
	c.states = c.states[:last]
	if c.shape.Serial {
		c.serials[row] = c.serials[last]
		c.serials = c.serials[:last]
	}
	if row != last {
		c.enter(row)
	}
}

func (c *Content) enter(row int) {
	if c.watcher != nil {
		c.watcher.Enter(row)
	}
}

func (c *Content) leave(row int) {
	if c.watcher != nil {
		c.watcher.Leave(row)
	}
}
