// Package bitindex holds rows of bit signatures by id, in two halves: what the
// nodes have in common, and what this one has set and removed since the last
// MIX. It finds the rows whose signatures are most like a given one. The
// methods lsh and minhash of the recommender live on it.
package bitindex

import (
	"bytes"
	"errors"
	"sync"

	"github.com/jubatus/jubatus-go/learner/storage/mixrows"
	"github.com/jubatus/jubatus-go/learner/storage/signature"
	"github.com/jubatus/jubatus-go/learner/storage/topk"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Index is the rows; their records are the signatures. What changes it needs
// it alone; all else may share it. It is an engine.Mixable and an
// engine.Keeper.
type Index struct {
	*mixrows.Rows
	bits     int
	searches sync.Pool // of *search
}

// New returns an empty index of signatures of so many bits, at least 1.
func New(bits int) *Index {
	return &Index{bits: bits, Rows: mixrows.New(mixrows.Shape{Width: signature.Words(bits), Layout: layout{bits}})}
}

// Neighbor is a row and its similarity.
type Neighbor struct {
	Row   int
	Score float64
}

// search is the memory of one search.
type search struct{ top topk.Smallest[uint32] }

// Similar returns at most limit rows by the share of bits in which their
// signatures are the same as the given one, from 1 down to 0: the largest
// first, and of rows that are equally similar the one of the larger id. The
// result is in dst if there is room.
func (x *Index) Similar(words []uint64, limit int, dst []Neighbor) []Neighbor {
	dst = dst[:0]
	limit = min(limit, x.Len())
	if limit <= 0 {
		return dst
	}
	q, ok := x.searches.Get().(*search)
	if !ok {
		q = &search{}
		q.top.Tie = func(a, b uint32) bool { return bytes.Compare(x.ID(int(a)), x.ID(int(b))) > 0 }
	}
	defer x.searches.Put(q)
	q.top.Reset(limit)
	signature.Scan(x.Records(), words, 0, &q.top)
	for _, item := range q.top.Sorted() {
		dst = append(dst, Neighbor{int(item.Row), float64(x.bits-int(item.X)) / float64(x.bits)})
	}
	return dst
}

// layout writes a signature as [bits, raw], and no bits for a removed row.
type layout struct{ bits int }

func (l layout) Append(b []byte, record []uint64) []byte {
	return signature.AppendBitVector(b, record, l.bits)
}

func (l layout) AppendRemoved(b []byte) []byte { return signature.AppendBitVector(b, nil, 0) }

var errBits = errors.New("a signature has another number of bits than this index's")

func (l layout) Read(r *mpack.Reader, record []uint64) (removed bool, err error) {
	words, bits, err := signature.ReadBitVector(r, record[:0])
	switch {
	case err != nil:
		return false, err
	case bits == 0:
		return true, nil
	case bits != l.bits:
		return false, errBits
	}
	copy(record, words)
	return false, nil
}
