// Package index keeps rows as they were given and finds those that are similar
// to others, by any of the recommender's methods. The recommender is one with
// a converter around it; other engines nest one.
package index

import (
	"errors"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/storage/sparse"
	"github.com/jubatus/jubatus-go/learner/unlearner"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Index is rows that can be ranked by their similarity. What changes it needs
// it alone; all else may share it.
//
// A row has two sides. One is the features that it was given, the original,
// which stay where they were given; the other is what the method makes of
// them, which nodes share. So a row that came by MIX has no original.
type Index struct {
	method    method
	originals *sparse.Store
	unlearner unlearner.Unlearner // nil for none
	update    Search              // memory of Update
}

// method is a way to keep what rows are compared by. The numbers of rows are
// its own; they are good until it changes.
type method interface {
	// set makes the row of an id what it is after an update. The vector is all
	// features that it has, or only those of the update if they are enough.
	set(id []byte, v *fv.Vector, s *Search) error
	updateIsEnough() bool
	// touchesFirst reports whether an unlearner is told of a row before it is
	// set, and not after.
	touchesFirst() bool
	remove(id []byte)
	clear()

	len() int
	all(yield func(row int) bool)
	find(id []byte) (row int, ok bool)
	appendID(b []byte, row int) []byte

	// similar puts the rows that are most similar to a vector into s.found.
	similar(v *fv.Vector, limit int, s *Search)
	// similarTo does so for a row; false if only its original can tell.
	similarTo(id []byte, limit int, s *Search) bool
	// distance is what a similarity is as a distance.
	distance(similarity float64) float64

	pack(b []byte) []byte
	unpack(r *mpack.Reader, from engine.Source) (commit func(), err error)
	mixable() engine.Mixable
}

// Similar is a row and its similarity.
type Similar struct {
	Row        int
	Similarity float64
}

// Len is the number of rows.
func (x *Index) Len() int { return x.method.len() }

// All yields the rows.
func (x *Index) All(yield func(row int) bool) { x.method.all(yield) }

// Find returns the row of an id, if there is one.
func (x *Index) Find(id []byte) (row int, ok bool) { return x.method.find(id) }

// AppendID appends the id of a row as a raw.
func (x *Index) AppendID(b []byte, row int) []byte {
	start := len(b)
	b = x.method.appendID(append(b, 0, 0, 0, 0, 0), row)
	n := len(b) - start - 5
	var h [5]byte
	header := mpack.AppendRawHeader(h[:0], n)
	copy(b[start:], header)
	copy(b[start+len(header):], b[start+5:])
	return b[:start+len(header)+n]
}

// ID returns the id of a row, in b if there is room.
func (x *Index) ID(b []byte, row int) []byte { return x.method.appendID(b[:0], row) }

// Original fills in the features that a row was given, in the order in which
// they were first used. There are none if there is no such row here.
func (x *Index) Original(id []byte, v *fv.Vector) { x.originals.Vector(id, v) }

// HasOriginal reports whether a row was given any features here.
func (x *Index) HasOriginal(id []byte) bool {
	row, _ := x.originals.Row(id)
	return len(row) > 0
}

// Update puts the features of a vector into the row of an id, which is new if
// need be; others that it has stay. It is an error if the unlearner cannot
// make room for it; then nothing has changed.
func (x *Index) Update(id []byte, v *fv.Vector) error {
	first := x.method.touchesFirst()
	switch u := x.unlearner; {
	case u == nil:
	case first && !u.Touch(id):
		return errors.New("cannot add new ID as number of sticky IDs reached the maximum size of unlearner: " + string(id))
	case !first && !u.CanTouch(id):
		return errors.New("cannot add new row as number of sticky rows reached the maximum size of unlearner: " + string(id))
	}
	x.originals.Merge(id, v)
	if !x.method.updateIsEnough() {
		v = &x.update.vector
		x.originals.Vector(id, v)
	}
	if err := x.method.set(id, v, &x.update); err != nil {
		return err
	}
	if x.unlearner != nil && !first {
		x.unlearner.Touch(id)
	}
	return nil
}

// forget removes a row of which the unlearner need not be told.
func (x *Index) forget(id []byte) {
	x.originals.Remove(id)
	x.method.remove(id)
}

// Remove removes a row, if there is one.
func (x *Index) Remove(id []byte) {
	x.forget(id)
	if x.unlearner != nil {
		x.unlearner.Remove(id)
	}
}

// Clear removes all rows.
func (x *Index) Clear() {
	x.originals.Clear()
	x.method.clear()
	if x.unlearner != nil {
		x.unlearner.Clear()
	}
}

// Distance is what a similarity is as a distance: 1 less it where the
// similarity is a share, else its negative.
func (x *Index) Distance(similarity float64) float64 { return x.method.distance(similarity) }

// Status reports the keys of the unlearner, if there is one.
func (x *Index) Status(set func(key, value string)) {
	if x.unlearner != nil {
		x.unlearner.Status(set)
	}
}

// Mixable returns how the rows are shared. Their originals are not.
func (x *Index) Mixable() engine.Mixable { return x.method.mixable() }

// Pack appends [originals, rows], with the unlearner in front if there is one.
func (x *Index) Pack(b []byte) []byte {
	if x.unlearner == nil {
		b = mpack.AppendArrayHeader(b, 2)
	} else {
		b = x.unlearner.Pack(mpack.AppendArrayHeader(b, 3))
	}
	return x.method.pack(x.originals.Pack(b))
}

// Unpack reads what Pack wrote, without touching the index, and returns what
// makes it the contents. The originals of a peer are taken over, too: some of
// the rows may live here as well.
func (x *Index) Unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	n := 2
	if x.unlearner != nil {
		n = 3
	}
	if err := r.Tuple(n); err != nil {
		return nil, err
	}
	held := func() {}
	if x.unlearner != nil {
		if held, err = x.unlearner.Unpack(r); err != nil {
			return nil, err
		}
	}
	originals, err := x.originals.Unpack(r)
	if err != nil {
		return nil, err
	}
	rows, err := x.method.unpack(r, from)
	if err != nil {
		return nil, err
	}
	return func() { held(); originals(); rows() }, nil
}
