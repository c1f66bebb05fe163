package clustering

import (
	"math"

	"github.com/jubatus/jubatus-go/learner/clustering/coreset"
	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
)

// simple keeps all points. A bucket ends with every so many points that have
// ever been added to this process, whatever became of them; the point that
// ends it is not in yet.
type simple struct {
	bucketSize uint64
	added      uint64
	points     []*point
}

func (s *simple) add(p *point, _ *sparse.Keys, full func()) {
	s.added++
	if s.added%s.bucketSize == 0 {
		full()
	}
	s.points = append(s.points, p)
}

func (s *simple) own(to []*point) []*point { return append(to, s.points...) }

func (s *simple) each(change func(sparse.Vector) sparse.Vector) { changeAll(s.points, change) }

func (s *simple) take(points []*point) { s.points = points }

func (s *simple) clear() { s.points = nil }

func changeAll(points []*point, change func(sparse.Vector) sparse.Vector) {
	for _, p := range points {
		p.vector = change(p.vector)
	}
}

// compressive keeps few points that stand for all, in levels: a full bucket is
// compressed and carried up, where it meets older ones, as digits are in
// counting. What is carried loses weight, and may be forgotten.
type compressive struct {
	settings   compressiveSettings
	compressor *coreset.Compressor
	levels     [][]*point
	status     uint64 // how many buckets have been full
}

type compressiveSettings struct {
	bucketSize     int // points that a bucket takes
	bucketLength   int // buckets that a level takes
	compressedSize int // points that are left of a bucket
	baseSize       int // points that are drawn at a time for a rough solution

	forgettingFactor    float64 // how fast weights decline
	forgettingThreshold float64 // below what remainder of its weight a level is dropped
}

func newCompressive(s compressiveSettings, c *coreset.Compressor) *compressive {
	return &compressive{settings: s, compressor: c, levels: make([][]*point, 1)}
}

func (s *compressive) add(p *point, k *sparse.Keys, full func()) {
	s.levels[0] = append(s.levels[0], p)
	if len(s.levels[0]) < s.settings.bucketSize {
		return
	}
	s.levels[0] = s.compress(s.levels[0], k, s.settings.compressedSize)
	s.status++
	for r := 0; s.carry(r, k); r++ {
	}
	full()
}

// carry moves level r up and reports whether the next one has to go, too.
func (s *compressive) carry(r int, k *sparse.Keys) bool {
	if r+1 == len(s.levels) {
		s.levels = append(s.levels, nil)
	}
	low, high := s.levels[r], s.levels[r+1]
	decline := math.Exp(-s.settings.forgettingFactor)
	for i, p := range low {
		low[i] = p.weighing(float64(p.weight * decline))
	}
	s.levels[r], s.levels[r+1] = nil, nil
	if s.digit(r) == uint64(s.settings.bucketLength-1) {
		size := s.settings.compressedSize
		if r > 0 {
			size *= 2 * r * r
		}
		s.levels[r+1] = s.compress(append(high, low...), k, size)
		return true
	}
	remainder := math.Exp(float64(-s.settings.forgettingFactor * float64(r+1)))
	if remainder >= s.settings.forgettingThreshold || s.len() == 0 {
		s.levels[r+1] = append(high, low...)
	} else {
		s.levels[r+1] = low
	}
	return false
}

// digit is digit r of the number of full buckets before this one.
func (s *compressive) digit(r int) uint64 {
	n, base := s.status-1, uint64(s.settings.bucketLength)
	for ; r > 0 && n > 0; r-- {
		n /= base
	}
	return n % base
}

func (s *compressive) compress(points []*point, k *sparse.Keys, size int) []*point {
	if size >= len(points) {
		return points
	}
	chosen := s.compressor.Compress(sample(points, k, sparse.ByEuclid), s.settings.baseSize, size)
	kept := make([]*point, len(chosen))
	for i, c := range chosen {
		kept[i] = points[c.Index].weighing(c.Weight)
	}
	return kept
}

func (s *compressive) len() int {
	n := 0
	for _, l := range s.levels {
		n += len(l)
	}
	return n
}

func (s *compressive) own(to []*point) []*point {
	for _, l := range s.levels {
		to = append(to, l...)
	}
	return to
}

func (s *compressive) each(change func(sparse.Vector) sparse.Vector) {
	for _, l := range s.levels {
		changeAll(l, change)
	}
}

func (s *compressive) take(points []*point) {
	s.levels, s.status = [][]*point{points}, 0
}

func (s *compressive) clear() { s.levels, s.status = make([][]*point, 1), 0 }
