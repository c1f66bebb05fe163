package index

import (
	"cmp"
	"slices"
	"strings"

	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/knn"
	"github.com/jubatus/jubatus-go/learner/storage/bitindex"
	"github.com/jubatus/jubatus-go/learner/storage/inverted"
	"github.com/jubatus/jubatus-go/learner/storage/lshindex"
	"github.com/jubatus/jubatus-go/learner/storage/sparse"
)

// Search is the memory of a search. It can be used again and again, but not by
// two at a time. The zero Search is ready.
type Search struct {
	found  []Similar
	vector fv.Vector // an original
	id     []byte

	// The rest belongs to the methods.
	inverted  []inverted.Neighbor
	words     []uint64
	alike     []bitindex.Neighbor
	hashes    lshindex.Signature
	near      []lshindex.Neighbor
	signature knn.Signature
	neighbors []knn.Neighbor

	entries []sparse.Entry // of Complete
	groups  []group
}

// Similar returns at most limit rows that are similar to a vector, the most
// similar first. The result is valid until the next search.
func (x *Index) Similar(v *fv.Vector, limit int, s *Search) []Similar {
	s.found = s.found[:0]
	if limit > 0 {
		x.method.similar(v, limit, s)
	}
	return s.found
}

// SimilarTo is Similar for what a row is. By methods that need its original, a
// row that has none is like one without features.
func (x *Index) SimilarTo(id []byte, limit int, s *Search) []Similar {
	s.found = s.found[:0]
	if limit > 0 && !x.method.similarTo(id, limit, s) {
		x.originals.Vector(id, &s.vector)
		x.method.similar(&s.vector, limit, s)
	}
	return s.found
}

// similarRows is of how many similar rows Complete makes the mean.
const similarRows = 128

// Complete fills in the mean of the 128 rows that are most similar to a
// vector, as far as their originals are here and not empty. All count alike,
// whatever their similarity; what a row does not have counts as 0 there. The
// features are in the order of their names.
func (x *Index) Complete(v *fv.Vector, s *Search, mean *fv.Vector) {
	mean.Reset()
	rows := 0
	s.entries = s.entries[:0]
	for _, m := range x.Similar(v, similarRows, s) {
		s.id = x.ID(s.id, m.Row)
		if row, _ := x.originals.Row(s.id); len(row) > 0 {
			rows++
			s.entries = append(s.entries, row...)
		}
	}
	if rows == 0 {
		return
	}
	// Sums run from the smallest value to the largest.
	slices.SortFunc(s.entries, func(a, b sparse.Entry) int {
		if c := cmp.Compare(a.Feature, b.Feature); c != 0 {
			return c
		}
		return cmp.Compare(a.Value, b.Value)
	})
	s.groups = s.groups[:0]
	for i := 0; i < len(s.entries); {
		f, sum := s.entries[i].Feature, 0.0
		for ; i < len(s.entries) && s.entries[i].Feature == f; i++ {
			sum += s.entries[i].Value
		}
		s.groups = append(s.groups, group{x.originals.Name(f), sum})
	}
	slices.SortFunc(s.groups, func(a, b group) int { return strings.Compare(a.name, b.name) })
	for _, g := range s.groups {
		mean.AppendString(g.name, g.sum/float64(rows))
	}
	clear(s.groups)
}

// group is a feature and the sum of its values.
type group struct {
	name string
	sum  float64
}

// Trim lets go of memory that is unusually large.
func (s *Search) Trim() {
	const large = 1 << 14
	if cap(s.found) > large || cap(s.entries) > large {
		*s = Search{}
	}
}
