// Package inverted is an inverted index: for each feature it lists the rows
// that have it, with its values there. A search looks only at the lists of the
// features that are asked for, and so it is exact and yet fast where rows have
// few features in common.
package inverted

import (
	"math"
	"slices"
	"sync"

	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/storage/numbering"
)

// Index is rows that can be ranked by cosine similarity and by Euclidean
// distance. What changes it needs it alone; all else may share it. It is an
// engine.Mixable and an engine.Keeper.
type Index struct {
	content
	sharing
	searches sync.Pool // of *search
}

// content is what a model file holds. It has two halves, as has everything
// that is mixed: what nodes have in common, the master, and what this one
// changed since, the diff. Without mixes all is diff.
type content struct {
	features *numbering.Numbering
	postings []list // by feature
	rows     *numbering.Numbering
	infos    []info    // by row
	norms    []float64 // squared, by row; 0 for rows that are not there
	n        int       // rows that are there

	// hidden is what the master has where the diff has something else.
	hidden map[place]float64
}

type place struct{ feature, row uint32 }

// info is what is known of a row besides its cells.
type info struct {
	master, diff float64 // its squared norm is the sum
	live, diffs  uint32  // cells that are
	features     []uint32
}

// New returns an empty index.
func New() *Index { return &Index{content: newContent()} }

func newContent() content {
	return content{features: numbering.New(), rows: numbering.New(), hidden: map[place]float64{}}
}

// Len is the number of rows.
func (x *Index) Len() int { return x.n }

// Find returns the number of the row of an id, if there is one. It stays the
// same as long as the row is there.
func (x *Index) Find(id []byte) (row int, ok bool) {
	n, ok := x.rows.Find(id)
	return int(n), ok && x.there(n)
}

// ID returns the id of a row.
func (x *Index) ID(row int) string { return x.rows.Name(uint32(row)) }

// All yields the numbers of all rows, ascending.
func (x *Index) All(yield func(row int) bool) {
	for row := range x.norms {
		if x.there(uint32(row)) && !yield(row) {
			return
		}
	}
}

func (x *Index) there(row uint32) bool { return x.norms[row] > 0 }

// Set puts the features of a vector into the row of an id; others that it has
// stay. Of features that repeat the last one counts, and one of value 0 is
// removed. A row without features does not exist.
func (x *Index) Set(id []byte, v *fv.Vector) {
	if v.Len() == 0 {
		return
	}
	row := x.row(id)
	for i := range v.Len() {
		x.set(x.feature(v.Key(i)), row, v.Value(i))
	}
	x.renew(row)
}

// row returns the number of an id, a new one if need be.
func (c *content) row(id []byte) uint32 {
	row := c.rows.Intern(id)
	if int(row) == len(c.infos) {
		c.infos = append(c.infos, info{})
		c.norms = append(c.norms, 0)
	}
	return row
}

// feature returns the number of a feature, a new one if need be.
func (c *content) feature(key []byte) uint32 {
	f := c.features.Intern(key)
	if int(f) == len(c.postings) {
		c.postings = append(c.postings, list{})
	}
	return f
}

// set gives a feature a value in a row.
func (x *Index) set(f, row uint32, value float64) {
	l, r := &x.postings[f], &x.infos[row]
	if value == 0 {
		if i := l.find(row); i >= 0 && l.live(i) {
			r.diff -= float64(l.values[i] * l.values[i])
			if x.kill(l, f, i) {
				x.prune(row)
			}
			l.compact()
		}
		return
	}
	i := l.at(row)
	r.diff = (r.diff - float64(l.values[i]*l.values[i])) + float64(value*value)
	x.toDiff(l, f, i)
	x.fill(l, i, value)
}

// toDiff makes a cell one of the diff.
func (x *Index) toDiff(l *list, f uint32, i int) {
	if l.states[i]&inDiff != 0 {
		return
	}
	x.enter(l, f, i)
	row := l.rows[i]
	if l.states[i]&inMaster != 0 {
		x.hidden[place{f, row}] = l.values[i]
	}
	l.states[i] |= inDiff
	l.diffs++
	x.infos[row].diffs++
}

// fill gives a cell a value that is not 0.
func (x *Index) fill(l *list, i int, value float64) {
	if !l.live(i) {
		x.infos[l.rows[i]].live++
	}
	l.values[i] = value
}

// kill takes the value out of a live cell. Where the master has one, or may
// get one from what was sent, it remains that there is none. It reports
// whether the cell is garbage.
func (x *Index) kill(l *list, f uint32, i int) bool {
	if l.states[i]&inMaster != 0 || x.sending {
		x.toDiff(l, f, i)
	} else {
		x.leaveDiff(l, f, i)
	}
	x.infos[l.rows[i]].live--
	l.values[i] = 0
	if l.states[i] != 0 {
		return false
	}
	l.garbage++
	return true
}

// leaveDiff makes a cell none of the diff, and leaves its value.
func (x *Index) leaveDiff(l *list, f uint32, i int) {
	if l.states[i]&inDiff == 0 {
		return
	}
	row := l.rows[i]
	if l.states[i]&inMaster != 0 {
		delete(x.hidden, place{f, row})
	}
	l.states[i] &^= inDiff
	l.diffs--
	x.infos[row].diffs--
}

// prune lists the features of a row anew, without those of which there is
// nothing any more.
func (c *content) prune(row uint32) {
	r := &c.infos[row]
	r.features = slices.DeleteFunc(r.features, func(f uint32) bool {
		l := &c.postings[f]
		i := l.find(row)
		return i < 0 || l.states[i] == 0
	})
	slices.Sort(r.features)
	if r.features = slices.Compact(r.features); len(r.features) == 0 {
		r.features = nil
	}
}

// renew computes the norm of a row. If sums have lost their precision, it is
// summed up from the cells.
func (c *content) renew(row uint32) {
	r := &c.infos[row]
	norm := 0.0
	switch {
	case r.live > 0:
		if norm = r.master + r.diff; !(norm > 0) {
			norm = 0
			for _, f := range r.features {
				l := &c.postings[f]
				v := l.values[l.find(row)]
				norm += float64(v * v)
			}
			if norm == 0 {
				// It has features, however small they are: it is there.
				norm = math.SmallestNonzeroFloat64
			}
			r.diff = norm - r.master
		}
	case r.master != 0:
		r.diff = -r.master
	default:
		r.diff = 0
	}
	if c.norms[row] > 0 {
		c.n--
	}
	if norm > 0 {
		c.n++
	}
	c.norms[row] = norm
}

// Remove removes the row of an id and reports whether there was one. If it is
// added again it has its old number.
func (x *Index) Remove(id []byte) bool {
	row, ok := x.rows.Find(id)
	if !ok || x.infos[row].live == 0 {
		return false
	}
	if x.putting {
		x.evicted = append(x.evicted, row)
	}
	r := &x.infos[row]
	pruned := false
	for _, f := range r.features {
		l := &x.postings[f]
		if i := l.find(row); l.live(i) && x.kill(l, f, i) {
			pruned = true
		}
	}
	features := r.features
	if pruned {
		features = slices.Clone(features)
		x.prune(row)
	}
	for _, f := range features {
		x.postings[f].compact()
	}
	x.renew(row)
	return true
}

// Clear removes all rows and forgets their numbers.
func (x *Index) Clear() { x.replace(newContent()) }
