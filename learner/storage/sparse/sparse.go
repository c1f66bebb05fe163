// Package sparse keeps rows of named features as they were given, under ids.
// A feature's name is stored once, under a number; a row lists its features in
// the order of their numbers, which is that in which they first came.
package sparse

import (
	"slices"
	"unsafe"

	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/storage/numbering"
	"github.com/jubatus/jubatus-go/learner/storage/prefetch"
)

// Store is rows under ids. Methods that change it need it alone; the others
// may share it.
type Store struct {
	content
	incoming []Entry // memory of Merge
}

type content struct {
	features *numbering.Numbering
	rows     map[string]Row
}

// Entry is a feature of a row, by its number, and its value.
type Entry struct {
	Feature uint32
	Value   float64
}

// Row is the features of a row, their numbers ascending.
type Row []Entry

// New returns an empty store.
func New() *Store { return &Store{content: newContent()} }

func newContent() content {
	return content{numbering.New(), map[string]Row{}}
}

// Len is the number of rows.
func (s *Store) Len() int { return len(s.rows) }

// Row returns the features of a row; false if there is no such row. They are
// valid until the row changes.
func (s *Store) Row(id []byte) (Row, bool) {
	row, ok := s.rows[string(id)]
	return row, ok
}

// Name is the name of a feature.
func (s *Store) Name(feature uint32) string { return s.features.Name(feature) }

// IDs yields the ids of all rows, in no order.
func (s *Store) IDs(yield func(id string) bool) {
	for id := range s.rows {
		if !yield(id) {
			return
		}
	}
}

// Merge puts the features of a vector into a row, which is new if need be.
// They replace those of the same name; of a name that repeats the last one
// counts. Other features stay.
func (s *Store) Merge(id []byte, v *fv.Vector) {
	in := s.incoming[:0]
	sorted := true
	for i := range v.Len() {
		e := Entry{s.features.Intern(v.Key(i)), v.Value(i)}
		sorted = sorted && (i == 0 || in[i-1].Feature < e.Feature)
		in = append(in, e)
	}
	if !sorted {
		in = lastOfEach(in)
	}
	s.incoming = in
	row, ok := s.rows[string(id)]
	if merged, fresh := row.merge(in); !ok || fresh {
		s.rows[string(id)] = merged
	}
	if cap(in) > 1<<16 {
		s.incoming = nil
	}
}

// lastOfEach sorts entries by their features, of which the last ones stay.
func lastOfEach(in []Entry) []Entry {
	slices.SortStableFunc(in, func(a, b Entry) int {
		switch {
		case a.Feature < b.Feature:
			return -1
		case a.Feature > b.Feature:
			return 1
		}
		return 0
	})
	n := 0
	for i, e := range in {
		if i+1 < len(in) && in[i+1].Feature == e.Feature {
			continue
		}
		in[n] = e
		n++
	}
	return in[:n]
}

// merge returns the row with entries put in; fresh reports whether it is in
// another place now.
func (row Row) merge(in []Entry) (merged Row, fresh bool) {
	added := 0
	i := 0
	for _, e := range in {
		for i < len(row) && row[i].Feature < e.Feature {
			i++
		}
		if i < len(row) && row[i].Feature == e.Feature {
			row[i].Value = e.Value
		} else {
			added++
		}
	}
	if added == 0 {
		return row, false
	}
	merged = make(Row, 0, len(row)+added)
	i = 0
	for _, e := range in {
		for i < len(row) && row[i].Feature < e.Feature {
			merged = append(merged, row[i])
			i++
		}
		if i < len(row) && row[i].Feature == e.Feature {
			i++
		}
		merged = append(merged, e)
	}
	return append(merged, row[i:]...), true
}

// Vector fills in the features of a row in their order, none if there is no
// such row.
func (s *Store) Vector(id []byte, v *fv.Vector) {
	v.Reset()
	row := s.rows[string(id)]
	// Names lie all over the memory: so they are fetched together.
	var lines prefetch.Lines
	for some := range slices.Chunk(row, prefetch.Most) {
		for _, e := range some {
			lines.Add(unsafe.Pointer(unsafe.StringData(s.features.Name(e.Feature))))
		}
		lines.Load()
		for _, e := range some {
			v.AppendString(s.features.Name(e.Feature), e.Value)
		}
	}
}

// Remove removes a row and reports whether there was one. The features keep
// their numbers.
func (s *Store) Remove(id []byte) bool {
	_, ok := s.rows[string(id)]
	delete(s.rows, string(id))
	return ok
}

// Clear removes all rows and forgets the features.
func (s *Store) Clear() { s.content = newContent() }
