// Package mixrows keeps rows that nodes share by MIX: each has an id and a
// record, a fixed number of words whose meaning is the user's. The records lie
// in contiguous memory, for scans.
//
// There are two halves, as in everything that is mixed: what the nodes have in
// common, the master, and what this one has set and removed since, the diff.
// Without mixes all is diff. A row of the diff hides that of the master; a row
// that the diff has removed is not there, whatever the master has.
//
// Rows are numbered 0 to n-1. When one is removed the last takes its number.
package mixrows

import (
	"errors"
	"math"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// ErrFull is that there is no room for another row.
var ErrFull = errors.New("there is no room for another row")

// Layout is how records are written in models and messages.
type Layout interface {
	// Append appends a record.
	Append(b []byte, record []uint64) []byte
	// AppendRemoved appends what stands for a row that was removed.
	AppendRemoved(b []byte) []byte
	// Read reads what one of them wrote into a record.
	Read(r *mpack.Reader, record []uint64) (removed bool, err error)
}

// Watcher is told which records are there, so that it can find rows by them.
type Watcher interface {
	// Enter is called when a row has got its record.
	Enter(row int)
	// Leave is called when a row is about to lose it or to be renumbered.
	Leave(row int)
}

// Shape is what rows have in common. Of its members the first two must be set.
type Shape struct {
	Width  int // words of a record
	Layout Layout
	Limit  int                    // how many rows there can be; 0 for 2^32 - 2
	Serial bool                   // whether rows remember in which order they came
	Watch  func(*Content) Watcher // returns who watches a new content; nil for nobody
}

// Rows is the rows. What changes them needs them alone; all else may share
// them. They are an engine.Mixable and an engine.Keeper.
type Rows struct {
	*Content
	sharing
}

// New returns no rows.
func New(s Shape) *Rows {
	if s.Limit == 0 {
		s.Limit = math.MaxUint32 - 1
	}
	return &Rows{Content: newContent(&s)}
}

// NewContent returns a content for these rows, which is empty.
func (x *Rows) NewContent() *Content { return newContent(x.shape) }

// Set gives the row of an id a record, a new one if need be. The error is
// ErrFull.
func (x *Rows) Set(id []byte, record []uint64) error {
	if !x.set(id, record) {
		return ErrFull
	}
	x.changed(id)
	return nil
}

// Remove removes the row of an id and reports whether there was one.
func (x *Rows) Remove(id []byte) bool {
	row, ok := x.Find(id)
	if !ok {
		return false
	}
	x.changed(id)
	if x.evicted != nil {
		x.evicted[string(id)] = struct{}{}
	}
	// What was sent comes back with the next Put.
	x.remove(row, x.sending)
	return true
}

// Clear removes all rows. The other nodes do not get to know.
func (x *Rows) Clear() {
	x.forgetAll()
	x.Content = x.NewContent()
}

// Replace makes something else the content, all of which is kept when a diff
// is put that was sent before.
func (x *Rows) Replace(c *Content) {
	x.Content = c
	x.Keep()
}
