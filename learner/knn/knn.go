// Package knn finds the nearest of many rows to a vector, by comparing short
// signatures with all of them.
package knn

import (
	"sync"

	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/storage/rowtable"
	"github.com/jubatus/jubatus-go/learner/storage/signature"
)

// Index is rows that can be ranked by their distance. What changes it needs it
// alone; all else may share it. Hash needs no lock.
type Index struct {
	method    method
	bits      int
	threads   int
	projector *signature.Projector // nil for minhash
	cosines   signature.Cosines    // for euclid_lsh
	table     *rowtable.Table
	searches  sync.Pool // of *search
	batches   sync.Pool // of *batch
}

// Signature is what an index keeps of a vector. Its memory is reused.
type Signature struct {
	words []uint64
	norm  float64 // euclid_lsh only
}

// Neighbor is a row and how far it is.
type Neighbor struct {
	Row      int
	Distance float64
}

// Table returns the rows, to be listed, deleted, saved and mixed.
func (x *Index) Table() *rowtable.Table { return x.table }

// Hash makes the signature of a vector, whose features may be in any order and
// repeat.
func (x *Index) Hash(v *fv.Vector, s *Signature) {
	switch x.method {
	case minhash:
		s.words = signature.MinHash(v, x.bits, signature.Single, s.words)
		return
	case euclid:
		s.norm = v.Norm()
	}
	s.words = x.projector.LSH(v, s.words)
}

// Set sets the row of an id, in place of the one it had, and returns its
// position. The error is rowtable.ErrFull.
func (x *Index) Set(id []byte, s *Signature) (row int, err error) {
	if row, err = x.table.Set(id); err != nil {
		return 0, err
	}
	copy(x.table.WordsOf(0, row), s.words)
	if x.method == euclid {
		x.table.Doubles(1)[row] = s.norm
	}
	return row, nil
}

// Of fills in the signature of a row.
func (x *Index) Of(row int, s *Signature) {
	s.words = append(s.words[:0], x.table.WordsOf(0, row)...)
	if x.method == euclid {
		s.norm = x.table.Doubles(1)[row]
	}
}

// Similarity is what a distance is as a similarity: from 1 down to 0 for lsh
// and minhash, the distance's negative for euclid_lsh.
func (x *Index) Similarity(distance float64) float64 {
	if x.method == euclid {
		return -distance
	}
	return 1 - distance
}

// Nearest returns at most so many rows, the nearest first and of those equally
// far the one in front, in dst if there is room. Distances that are not
// numbers come last.
func (x *Index) Nearest(s *Signature, limit int, dst []Neighbor) []Neighbor {
	dst = dst[:0]
	limit = min(limit, x.table.Len())
	if limit <= 0 {
		return dst
	}
	q, ok := x.searches.Get().(*search)
	if !ok {
		q = &search{}
	}
	defer x.searches.Put(q)
	if x.method == euclid {
		return x.nearestEuclid(q, s, limit, dst)
	}
	return x.nearestHamming(q, s, limit, dst)
}
