package kmeans

import (
	"math"
	"slices"

	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
)

const (
	// still is by how much a centre may move that stays where it is.
	still = 1e-9
	// maxRounds bounds the iteration, which need not end for a distance that
	// the mean does not minimise.
	maxRounds = 100_000
)

// lloyd is one run of the iteration.
type lloyd struct {
	sample  *sparse.Sample
	metric  sparse.Metric
	centers []sparse.Normed

	assigned []int32 // the centre of every vector
	members  []int32 // the vectors, centre by centre, each centre's in order
	ends     []int   // of every centre's members
	changed  []bool  // whether a centre's members are others than before

	// Memory of meanSparse: a sum for every feature, and which are in use.
	sums    []float64
	inUse   []bool
	touched []uint32
}

// run moves the centres until they stand still. Centres that come back to
// where they were all together will do so for ever: that ends the run as well.
func (l *lloyd) run() {
	n, k := l.sample.Len(), len(l.centers)
	l.assigned, l.members = make([]int32, n), make([]int32, n)
	l.ends, l.changed = make([]int, k), make([]bool, k)
	for i := range l.assigned {
		l.assigned[i] = -1
	}
	seen := map[uint64]struct{}{}
	for range maxRounds {
		if !l.assign() || !l.move() {
			return
		}
		h := l.hash()
		if _, ok := seen[h]; ok {
			return
		}
		seen[h] = struct{}{}
	}
}

// assign puts every vector to its nearest centre and reports whether any has
// changed.
func (l *lloyd) assign() bool {
	clear(l.changed)
	any := false
	for i := range l.assigned {
		c, _ := l.metric.Nearest(l.sample.At(i), l.centers)
		if old := l.assigned[i]; int32(c) != old {
			l.assigned[i] = int32(c)
			l.changed[c] = true
			if old >= 0 {
				l.changed[old] = true
			}
			any = true
		}
	}
	if any {
		l.group()
	}
	return any
}

// group lists the members of every centre.
func (l *lloyd) group() {
	clear(l.ends)
	for _, c := range l.assigned {
		l.ends[c]++
	}
	start := 0
	for c, n := range l.ends {
		l.ends[c] = start
		start += n
	}
	for i, c := range l.assigned {
		l.members[l.ends[c]] = int32(i)
		l.ends[c]++
	}
}

// move puts the centres into the middle of their members and reports whether
// one has gone far.
func (l *lloyd) move() bool {
	moved, start := false, 0
	for c, end := range l.ends {
		members := l.members[start:end]
		start = end
		if !l.changed[c] {
			continue
		}
		mean, ok := l.mean(members)
		if !ok {
			continue
		}
		center := l.metric.Normed(mean)
		if !(l.metric.Distance(l.centers[c], center) <= still) {
			moved = true
		}
		l.centers[c] = center
	}
	return moved
}

// mean is the weighted mean of vectors; false if they weigh nothing.
func (l *lloyd) mean(members []int32) (sparse.Row, bool) {
	total := 0.0
	for _, i := range members {
		total += l.sample.Weights[i]
	}
	if total == 0 {
		return sparse.Row{}, false
	}
	var sum sparse.Row
	if l.sample.Dense() {
		sum = l.sumDense(members)
	} else {
		sum = l.sumSparse(members)
	}
	scale := 1 / total
	for j := range sum.Values {
		sum.Values[j] *= scale
	}
	return sum, true
}

func (l *lloyd) sumDense(members []int32) sparse.Row {
	first := l.sample.Row(0)
	sums := make([]float64, len(first.Values))
	for _, i := range members {
		w, x := l.sample.Weights[i], l.sample.Row(int(i)).Values[:len(sums)]
		for j := range sums {
			sums[j] += float64(x[j] * w)
		}
	}
	return sparse.Row{Places: first.Places, Values: sums}
}

func (l *lloyd) sumSparse(members []int32) sparse.Row {
	if l.sums == nil {
		n := l.sample.Keys().Len()
		l.sums, l.inUse = make([]float64, n), make([]bool, n)
	}
	l.touched = l.touched[:0]
	for _, i := range members {
		w, r := l.sample.Weights[i], l.sample.Row(int(i))
		for j, place := range r.Places {
			at := place / 2
			if !l.inUse[at] {
				l.inUse[at] = true
				l.touched = append(l.touched, place)
			}
			l.sums[at] += float64(r.Values[j] * w)
		}
	}
	slices.Sort(l.touched)
	sum := sparse.Row{Places: slices.Clone(l.touched), Values: make([]float64, len(l.touched))}
	for j, place := range sum.Places {
		at := place / 2
		sum.Values[j] = l.sums[at]
		l.sums[at], l.inUse[at] = 0, false
	}
	return sum
}

// hash is a number that stands for where the centres are.
func (l *lloyd) hash() uint64 {
	h := uint64(14695981039346656037)
	mix := func(x uint64) { h = (h ^ x ^ h>>29) * 0x9e3779b97f4a7c15 }
	for _, c := range l.centers {
		mix(uint64(len(c.Places)))
		for j, x := range c.Values {
			mix(uint64(c.Places[j]))
			mix(math.Float64bits(x))
		}
	}
	return h
}
