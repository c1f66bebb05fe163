package fv

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

// sortKey is what decides the place of a feature nearly always: the first
// bytes in which keys of the vector differ.
type sortKey struct {
	prefix uint64
	index  uint32
}

// SortMerge sorts the features by the bytes of their keys, equal keys by
// value, and sums the values of equal keys in that order. A sum of zero stays.
func (v *Vector) SortMerge() {
	n := len(v.features)
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
	// Keys of one vector mostly share how they begin; what all of them share
	// decides nothing.
	skip := v.sharedPrefix()
	v.order = slices.Grow(v.order[:0], n)[:n]
	for i := range v.order {
		v.order[i] = sortKey{first8(v.Key(i)[skip:]), uint32(i)}
	}
	slices.SortFunc(v.order, func(a, b sortKey) int {
		if a.prefix < b.prefix {
			return -1
		}
		if a.prefix > b.prefix {
			return 1
		}
		return v.compare(a.index, b.index)
	})
	merged := append(v.sorted[:0], v.features[v.order[0].index])
	for _, o := range v.order[1:] {
		a, b := &merged[len(merged)-1], v.features[o.index]
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
		sorted = append(sorted, v.features[o.index])
	}
	v.features, v.sorted = sorted, v.features
}

// compare compares features by key and value.
func (v *Vector) compare(i, j uint32) int {
	if c := bytes.Compare(v.Key(int(i)), v.Key(int(j))); c != 0 {
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
	last := v.Key(int(v.order[0].index))
	for _, o := range v.order[1:] {
		key := v.Key(int(o.index))
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
