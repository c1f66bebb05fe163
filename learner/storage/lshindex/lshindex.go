// Package lshindex holds vectors as signatures, norms and buckets of
// locality-sensitive hash tables, and finds those that are near a given one in
// the Euclidean sense by looking into the buckets around it (multi-probe LSH:
// Lv et al., VLDB 2007). The method euclid_lsh of the recommender lives on it.
package lshindex

import (
	"math"
	"sync"

	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/mt19937"
	"github.com/jubatus/jubatus-go/learner/storage/mixrows"
	"github.com/jubatus/jubatus-go/learner/storage/signature"
)

// Options are how vectors are hashed and looked for.
type Options struct {
	Hashes int     // hash functions of a table, at least 1
	Tables int     // at least 1; not more than 2^24 hash functions in all
	Width  float32 // of a bin, above 0
	Probes int     // further buckets that a search may look into
	Seed   uint32  // of the places where bins begin

	Threads, Cache int // as those of signature.NewProjectorCache
}

// Index is the rows and their buckets. What changes it needs it alone; all
// else may share it. Hash needs no lock. It is an engine.Mixable and an
// engine.Keeper.
type Index struct {
	*mixrows.Rows
	options   Options
	bits      int // hash functions in all
	projector *signature.Projector
	cosines   signature.Cosines
	shift     []float32 // where bins begin, by hash function
	formers   formers
	searches  sync.Pool // of *search
}

// Signature is what a vector is hashed to. Its memory is reused.
type Signature struct {
	values []float32 // by hash function, in bins
	words  []uint64
	norm   float64
}

// New returns an empty index.
func New(o Options) *Index {
	x := &Index{options: o, bits: o.Hashes * o.Tables}
	x.projector = signature.NewProjectorCache(x.bits, o.Threads, o.Cache)
	x.cosines = signature.NewCosinesOf(x.bits, angle)
	x.shift = make([]float32, x.bits)
	random := mt19937.New(o.Seed)
	for j := range x.shift {
		x.shift[j] = float32(random.Float64())
	}
	l := x.layout()
	x.Rows = mixrows.New(mixrows.Shape{
		Width: l.width(), Layout: l, Limit: (math.MaxUint32 - 1) / o.Tables, Serial: true,
		Watch: func(c *mixrows.Content) mixrows.Watcher { return newBuckets(c, o.Tables) },
	})
	return x
}

// angle is what signatures of n bits that differ in h of them tell of the
// angle between two vectors: (1 - match/n)·π.
func angle(h, n int) float64 { return float64((1 - float64(n-h)/float64(n)) * math.Pi) }

// Hash makes the signature of a vector, whose features may be in any order and
// repeat.
func (x *Index) Hash(v *fv.Vector, s *Signature) {
	s.values = x.projector.Project(v, s.values)
	for j := range s.values {
		s.values[j] /= x.options.Width
	}
	s.words = signature.Signs(s.values, s.words)
	s.norm = v.Norm()
}

// Set sets the row of an id, in place of the one it had. The error is
// mixrows.ErrFull.
func (x *Index) Set(id []byte, s *Signature) error {
	q := x.borrow()
	defer x.searches.Put(q)
	x.place(q, s)
	if err := x.Rows.Set(id, q.record); err != nil {
		return err
	}
	if f := x.formers.byID[string(id)]; f != nil {
		row, _ := x.Find(id)
		x.SetSerial(row, f.serial)
		x.formers.set(f, x.layout().buckets(q.record))
	}
	return nil
}

// Remove removes the row of an id and reports whether there was one.
func (x *Index) Remove(id []byte) bool {
	if row, ok := x.Find(id); ok {
		x.formers.add(id, x.Serial(row), x.layout().buckets(x.Record(row)))
	}
	return x.Rows.Remove(id)
}

// Clear removes all rows.
func (x *Index) Clear() {
	x.formers = formers{}
	x.Rows.Clear()
}

// place makes the record of a signature, and what it takes to look around it.
func (x *Index) place(q *search, s *Signature) {
	q.base, q.rest = q.base[:0], q.rest[:0]
	for j, value := range s.values {
		at := value + x.shift[j]
		base := floor(at)
		q.base = append(q.base, base)
		q.rest = append(q.rest, at-float32(base))
	}
	q.record = append(q.record[:0], math.Float64bits(s.norm))
	for table := range x.options.Tables {
		q.record = append(q.record, bucketOf(x.tableOf(q.base, table), table))
	}
	q.record = append(q.record, s.words...)
}

func (x *Index) layout() layout { return layout{tables: x.options.Tables, bits: x.bits} }

// tableOf returns the coordinates of a table.
func (x *Index) tableOf(base []int32, table int) []int32 {
	n := x.options.Hashes
	return base[table*n : table*n+n]
}

// floor is the bin of a number. What is out of range is in the lowest.
func floor(x float32) int32 {
	f := math.Floor(float64(x))
	if !(f >= math.MinInt32 && f <= math.MaxInt32) {
		return math.MinInt32
	}
	return int32(f)
}

// bucketOf names a bucket: the 64-bit FNV-1 hash (RFC 9923) of its coordinates
// and its table, each in four bytes, the least significant first.
func bucketOf(key []int32, table int) uint64 {
	h := uint64(14695981039346656037)
	for _, k := range key {
		h = hash4(h, uint32(k))
	}
	return hash4(h, uint32(table))
}

func hash4(h uint64, x uint32) uint64 {
	const prime = 1099511628211
	h = h*prime ^ uint64(x&0xff)
	h = h*prime ^ uint64(x>>8&0xff)
	h = h*prime ^ uint64(x>>16&0xff)
	return h*prime ^ uint64(x>>24)
}
