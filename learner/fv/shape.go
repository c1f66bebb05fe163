package fv

import (
	"bytes"
	"slices"
)

// Shape is the list of the keys of a vector. Data of one kind mostly have the
// same names one after another, and what was found out about the keys of one
// vector then holds for the next. To compare shapes costs much less than to
// look at every key. The zero Shape is no vector's.
type Shape struct {
	keys  []byte
	spans []span
}

// largeShape and largeShapeBytes are how many features, and how many bytes of
// keys, a vector may have to be remembered. Larger ones are texts mostly, and no
// two texts are the same.
const (
	largeShape      = 1 << 12
	largeShapeBytes = 1 << 18
)

// Is reports whether v has just these keys, and any.
func (s *Shape) Is(v *Vector) bool {
	if len(s.spans) != len(v.features) || len(s.spans) == 0 || !bytes.Equal(s.keys, v.keys) {
		return false
	}
	for i := range v.features {
		if v.features[i].span != s.spans[i] {
			return false
		}
	}
	return true
}

// Reset makes s no vector's shape.
func (s *Shape) Reset() { s.keys, s.spans = s.keys[:0], s.spans[:0] }

// Set makes s the shape of v, or no vector's if v is very large.
func (s *Shape) Set(v *Vector) {
	s.Reset()
	if len(v.features) > largeShape || len(v.keys) > largeShapeBytes {
		return
	}
	s.keys = append(s.keys, v.keys...)
	s.spans = slices.Grow(s.spans, len(v.features))[:len(v.features)]
	for i := range v.features {
		s.spans[i] = v.features[i].span
	}
}
