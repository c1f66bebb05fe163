package lshindex

import (
	"errors"
	"math"

	"github.com/jubatus/jubatus-go/learner/storage/signature"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// layout is that of records: the norm, the bucket in each table, the
// signature. They are written as [[bucket…], [bits, raw], norm], without any
// buckets for a removed row.
type layout struct{ tables, bits int }

// firstBucket is where the buckets begin.
const firstBucket = 1

func (l layout) width() int { return firstBucket + l.tables + signature.Words(l.bits) }

func norm(record []uint64) float64 { return math.Float64frombits(record[0]) }

func (l layout) buckets(record []uint64) []uint64 { return record[firstBucket:][:l.tables] }

func (l layout) words(record []uint64) []uint64 { return record[firstBucket+l.tables:] }

func (l layout) Append(b []byte, record []uint64) []byte {
	b = mpack.AppendArrayHeader(b, 3)
	b = mpack.AppendArrayHeader(b, l.tables)
	for _, bucket := range l.buckets(record) {
		b = mpack.AppendUint(b, bucket)
	}
	b = signature.AppendBitVector(b, l.words(record), l.bits)
	return mpack.AppendFloat64(b, norm(record))
}

func (l layout) AppendRemoved(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 3)
	b = mpack.AppendArrayHeader(b, 0)
	b = signature.AppendBitVector(b, nil, 0)
	return mpack.AppendFloat64(b, 0)
}

var (
	errBits   = errors.New("a signature has another number of bits than this index's")
	errTables = errors.New("a row is not in one bucket of each table")
)

func (l layout) Read(r *mpack.Reader, record []uint64) (removed bool, err error) {
	if err := r.Tuple(3); err != nil {
		return false, err
	}
	n, err := r.ArrayHeader()
	if err != nil {
		return false, err
	}
	if n != l.tables && n != 0 {
		return false, errTables
	}
	for i := range n {
		if record[firstBucket+i], err = r.Uint64(); err != nil {
			return false, err
		}
	}
	words, bits, err := signature.ReadBitVector(r, l.words(record)[:0])
	if err != nil {
		return false, err
	}
	norm, err := r.Float64()
	if err != nil {
		return false, err
	}
	if n == 0 {
		return true, nil
	}
	if bits != l.bits {
		return false, errBits
	}
	copy(l.words(record), words)
	record[0] = math.Float64bits(norm)
	return false, nil
}
