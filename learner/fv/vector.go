package fv

import (
	"bytes"
	"slices"
)

// Vector is a sparse feature vector: a list of (key, value) in the order the
// converter made them, in which keys may repeat. The keys lie in one buffer
// that is reused from call to call, so that filling a Vector allocates nothing
// once it has grown. The zero Vector is empty and ready.
type Vector struct {
	keys     []byte
	features []feature
}

type feature struct {
	start, end uint32
	value      float64
}

// Reset empties the vector and keeps its memory.
func (v *Vector) Reset() { v.keys, v.features = v.keys[:0], v.features[:0] }

// Len is the number of features.
func (v *Vector) Len() int { return len(v.features) }

// Key returns the key of feature i. It is valid until the vector changes.
func (v *Vector) Key(i int) []byte {
	f := &v.features[i]
	return v.keys[f.start:f.end:f.end]
}

// Value returns the value of feature i.
func (v *Vector) Value(i int) float64 { return v.features[i].value }

// Append adds a feature at the end.
func (v *Vector) Append(key []byte, value float64) {
	start := len(v.keys)
	v.keys = append(v.keys, key...)
	v.features = append(v.features, feature{uint32(start), uint32(len(v.keys)), value})
}

// SortMerge sorts the features by the bytes of their keys, equal keys by
// value, and sums the values of equal keys in that order. A sum of zero stays.
func (v *Vector) SortMerge() {
	if len(v.features) < 2 {
		return
	}
	slices.SortFunc(v.features, func(a, b feature) int {
		if c := bytes.Compare(v.keys[a.start:a.end], v.keys[b.start:b.end]); c != 0 {
			return c
		}
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		default:
			return 0
		}
	})
	n := 0
	for i := 1; i < len(v.features); i++ {
		a, b := &v.features[n], v.features[i]
		if bytes.Equal(v.keys[a.start:a.end], v.keys[b.start:b.end]) {
			a.value += b.value
			continue
		}
		n++
		v.features[n] = b
	}
	v.features = v.features[:n+1]
}
