package fv

import (
	"slices"
	"strconv"
)

// Vector is a sparse feature vector: a list of (key, value) in the order the
// converter made them, in which keys may repeat. The keys lie in one buffer
// that is reused from call to call, so that filling a Vector allocates nothing
// once it has grown. The zero Vector is empty and ready.
type Vector struct {
	keys     []byte
	features []feature
	full     bool // a feature found no room
	merged   bool // no key repeats, as far as is known

	// Memory of SortMerge: how the last vector was sorted, and its shape before
	// that if no keys repeated.
	order  []uint64 // empty if it was in order already
	sorted []feature
	last   Shape
}

type feature struct {
	span
	value float64
}

// span is where a key lies in the buffer of keys.
type span struct{ start, end uint32 }

// Bounds of what a vector takes, so that no datum, however it repeats its
// keys, fills the memory. What does not fit is left out, and the conversion
// fails.
const (
	maxKeyBytes = 1 << 29
	maxFeatures = 1 << placeBits
)

// keptKeyBytes and keptFeatures are how much memory an empty vector keeps.
const (
	keptKeyBytes = 1 << 23
	keptFeatures = 1 << 18
)

// Reset empties the vector and keeps its memory, unless it is out of the
// ordinary.
func (v *Vector) Reset() {
	if cap(v.keys) > keptKeyBytes || cap(v.features) > keptFeatures {
		*v = Vector{}
		return
	}
	v.keys, v.features, v.full, v.merged = v.keys[:0], v.features[:0], false, false
}

// Len is the number of features.
func (v *Vector) Len() int { return len(v.features) }

// Merged reports whether it is known that no key repeats: nothing was added
// since SortMerge.
func (v *Vector) Merged() bool { return v.merged }

// Key returns the key of feature i. It is valid until the vector changes.
func (v *Vector) Key(i int) []byte {
	f := &v.features[i]
	return v.keys[f.start:f.end:f.end]
}

// Value returns the value of feature i.
func (v *Vector) Value(i int) float64 { return v.features[i].value }

// Append adds a feature at the end.
func (v *Vector) Append(key []byte, value float64) {
	v.merged = false
	v.add(value, key, nil, "")
}

// AppendString is Append for a key that is a string.
func (v *Vector) AppendString(key string, value float64) {
	v.merged = false
	v.add(value, nil, nil, key)
}

// add adds a feature whose key is the parts one after another.
func (v *Vector) add(value float64, a, b []byte, suffix string) {
	start := len(v.keys)
	size := len(a) + len(b) + len(suffix)
	if start+size > maxKeyBytes || len(v.features) >= maxFeatures {
		v.full = true
		return
	}
	v.keys = slices.Grow(v.keys, size)[:start+size]
	key := v.keys[start:]
	n := copy(key, a)
	n += copy(key[n:], b)
	copy(key[n:], suffix)
	v.features = append(v.features, feature{span{uint32(start), uint32(start + size)}, value})
}

// addToken adds a feature with the key "<a>$<token><suffix>".
func (v *Vector) addToken(value float64, a, token []byte, suffix string) {
	start := len(v.keys)
	size := len(a) + 1 + len(token) + len(suffix)
	if start+size > maxKeyBytes || len(v.features) >= maxFeatures {
		v.full = true
		return
	}
	v.keys = slices.Grow(v.keys, size)[:start+size]
	key := v.keys[start:]
	n := copy(key, a)
	key[n] = '$'
	key = key[n+1:]
	n = copy(key, token)
	copy(key[n:], suffix)
	v.features = append(v.features, feature{span{uint32(start), uint32(start + size)}, value})
}

// addToken2 adds a feature with the key "<a><suffix>$<text>".
func (v *Vector) addToken2(value float64, a []byte, suffix string, text []byte) {
	start := len(v.keys)
	size := len(a) + len(suffix) + 1 + len(text)
	if start+size > maxKeyBytes || len(v.features) >= maxFeatures {
		v.full = true
		return
	}
	keys := append(v.keys, a...)
	keys = append(keys, suffix...)
	keys = append(keys, '$')
	v.keys = append(keys, text...)
	v.features = append(v.features, feature{span{uint32(start), uint32(start + size)}, value})
}

// addPair adds a feature with the key "<key of i>&<key of j><suffix>".
func (v *Vector) addPair(value float64, i, j int, suffix string) {
	a, b := v.features[i], v.features[j]
	start := len(v.keys)
	size := int(a.end-a.start+b.end-b.start) + 1 + len(suffix)
	if start+size > maxKeyBytes || len(v.features) >= maxFeatures {
		v.full = true
		return
	}
	keys := append(v.keys, v.keys[a.start:a.end]...)
	keys = append(keys, '&')
	keys = append(keys, v.keys[b.start:b.end]...)
	v.keys = append(keys, suffix...)
	v.features = append(v.features, feature{span{uint32(start), uint32(start + size)}, value})
}

// hashKeys replaces every key by its hash modulo n, in decimal.
func (v *Vector) hashKeys(n uint64) {
	end := len(v.keys)
	for i := range v.features {
		f := &v.features[i]
		if len(v.keys)-end > maxKeyBytes {
			v.full = true
			return
		}
		start := len(v.keys)
		v.keys = strconv.AppendUint(v.keys, fnv1(v.keys[f.start:f.end])%n, 10)
		f.start, f.end = uint32(start-end), uint32(len(v.keys)-end)
	}
	v.keys = v.keys[:copy(v.keys, v.keys[end:])]
}

// dropZeros removes the features whose value is 0 and keeps the order.
func (v *Vector) dropZeros() {
	n := 0
	for i := range v.features {
		if v.features[i].value != 0 {
			v.features[n] = v.features[i]
			n++
		}
	}
	v.features = v.features[:n]
}
