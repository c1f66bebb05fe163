package signature

import (
	"math"

	"github.com/jubatus/jubatus-go/learner/fv"
)

// Flavour tells how minhash weighs features.
type Flavour uint8

const (
	// Single divides in single precision.
	Single Flavour = iota
	// Double divides in double precision and rounds the quotient.
	Double
)

// MinHash returns a signature of n bits, at least 1, in dst if there is room.
// For each bit every feature draws a number from an exponential distribution
// whose rate is its value, and that with the least gives the lowest bit of its
// hash: the share of bits in which two signatures agree grows with the weights
// that the vectors have in common. Features of negative value come before all
// others.
func MinHash(v *fv.Vector, n int, flavour Flavour, dst []uint64) []uint64 {
	dst = resize(dst, Words(n))
	const block = 64
	var least [block]float32
	for w := range dst {
		base, m := w*block, min(block, n-w*block)
		for j := range least {
			least[j] = math.MaxFloat32
		}
		var word uint64
		for i := range v.Len() {
			hash := Hash(v.Key(i))
			word = hashBlock(hash, v.Value(i), uint64(base), m, flavour, &least, word)
		}
		dst[w] = word
	}
	return dst
}

// hashBlock lets a feature draw for m bits from the one at base, and returns
// the word of those bits with those changed that it wins.
func hashBlock(hash uint64, value float64, base uint64, m int, flavour Flavour, least *[64]float32, word uint64) uint64 {
	bit := hash & 1
	// The negative logarithm of a number is at least its distance from 1.
	// Most draws are seen to lose by that, without the logarithm: with a
	// little room for all roundings.
	if flavour == Single {
		value = float64(float32(value))
	}
	cutoff, positive := value*(1+1e-6), value > 0
	for j := range m {
		a := mix(hash, base+uint64(j))
		if positive && float64(^a)/(1<<64)-1e-7 > cutoff*float64(least[j]) {
			continue
		}
		l := -float32(math.Log(float64(float32(a) / (1 << 64))))
		var weight float32
		if flavour == Single {
			weight = l / float32(value)
		} else {
			weight = float32(float64(l) / value)
		}
		if weight < least[j] {
			least[j] = weight
			word = word&^(1<<j) | bit<<j
		}
	}
	return word
}

// mix hashes two numbers, by Jenkins' mixing of three, twice over.
func mix(a, b uint64) uint64 {
	c := uint64(0xc3a5c85c97cb3127)
	for range 2 {
		a = (a - b - c) ^ c>>43
		b = (b - c - a) ^ a<<9
		c = (c - a - b) ^ b>>8
		a = (a - b - c) ^ c>>38
		b = (b - c - a) ^ a<<23
		c = (c - a - b) ^ b>>5
		a = (a - b - c) ^ c>>35
		b = (b - c - a) ^ a<<49
		c = (c - a - b) ^ b>>11
		a = (a - b - c) ^ c>>12
		b = (b - c - a) ^ a<<18
		c = (c - a - b) ^ b>>22
	}
	return a
}
