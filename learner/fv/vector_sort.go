package fv

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

// SortMerge sorts the features by the bytes of their keys, equal keys by
// value, and sums the values of equal keys in that order. A sum of zero stays.
func (v *Vector) SortMerge() {
	n := len(v.features)
	v.merged = true
	if n < 2 {
		return
	}
	if v.last.Is(v) {
		v.reorder()
		return
	}
	if v.ascends() {
		v.order = v.order[:0]
		v.last.Set(v)
		return
	}
	if v.ascendsAsBefore() {
		v.last.Set(v)
		v.reorder()
		return
	}
	v.last.Set(v)
	v.sort()
	merged := append(v.sorted[:0], v.features[place(v.order[0])])
	for _, o := range v.order[1:] {
		a, b := &merged[len(merged)-1], v.features[place(o)]
		if bytes.Equal(v.keys[a.start:a.end], v.keys[b.start:b.end]) {
			a.value += b.value
			continue
		}
		merged = append(merged, b)
	}
	if len(merged) < n {
		v.last.Reset()
	}
	v.features, v.sorted = merged, v.features
}

// reorder sorts the features as the last vector's were sorted.
func (v *Vector) reorder() {
	if len(v.order) == 0 {
		return
	}
	sorted := v.sorted[:0]
	for _, o := range v.order {
		sorted = append(sorted, v.features[place(o)])
	}
	v.features, v.sorted = sorted, v.features
}

// placeBits is how many bits of an element of order are the place of a feature.
// Above them are the first bytes in which keys of the vector differ.
const placeBits = 24

func place(o uint64) int { return int(o & (1<<placeBits - 1)) }

// sort computes the order of the features.
func (v *Vector) sort() {
	// Keys of one vector mostly share how they begin; what all of them share
	// decides nothing.
	skip := v.sharedPrefix()
	v.order = slices.Grow(v.order[:0], len(v.features))[:len(v.features)]
	for i := range v.order {
		v.order[i] = first8(v.Key(i)[skip:])>>placeBits<<placeBits | uint64(i)
	}
	// Numbers are sorted much faster than anything that needs a comparison of
	// one's own. A few runs of features are left that begin alike.
	slices.Sort(v.order)
	for start := 0; start < len(v.order); {
		end := start + 1
		for end < len(v.order) && v.order[start]>>placeBits == v.order[end]>>placeBits {
			end++
		}
		if end > start+1 {
			slices.SortFunc(v.order[start:end], func(a, b uint64) int { return v.compare(place(a), place(b)) })
		}
		start = end
	}
}

// compare compares features by key and value.
func (v *Vector) compare(i, j int) int {
	if c := bytes.Compare(v.Key(i), v.Key(j)); c != 0 {
		return c
	}
	// NaN is equal to everything here, as in comparisons by "<".
	x, y := v.features[i].value, v.features[j].value
	if x != x || y != y {
		return 0
	}
	return cmp.Compare(x, y)
}

// first8 is the first bytes of a key as a number of the same order; what is
// missing is 0.
func first8(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var n uint64
	for i, c := range key {
		n |= uint64(c) << (56 - 8*i)
	}
	return n
}

// ascends reports whether the keys ascend without repeating.
func (v *Vector) ascends() bool {
	for i := 1; i < len(v.features); i++ {
		if bytes.Compare(v.Key(i-1), v.Key(i)) >= 0 {
			return false
		}
	}
	return true
}

// ascendsAsBefore reports whether the keys ascend without repeating in the
// order in which the last vector was sorted: data of the same kind mostly have
// the same names, or begin with them.
func (v *Vector) ascendsAsBefore() bool {
	if len(v.order) != len(v.features) {
		return false
	}
	last := v.Key(place(v.order[0]))
	for _, o := range v.order[1:] {
		key := v.Key(place(o))
		if bytes.Compare(last, key) >= 0 {
			return false
		}
		last = key
	}
	return true
}

// sharedPrefix is how many bytes all keys begin with.
func (v *Vector) sharedPrefix() int {
	first := v.Key(0)
	shared := len(first)
	for i := 1; i < len(v.features) && shared > 0; i++ {
		shared = commonPrefix(first[:shared], v.Key(i))
	}
	return shared
}

// commonPrefix is how many bytes a and b both begin with.
func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}
