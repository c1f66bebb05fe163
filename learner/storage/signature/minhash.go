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
	var least [block]float64 // in single precision
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
func hashBlock(hash uint64, value float64, base uint64, m int, flavour Flavour, least *[64]float64, word uint64) uint64 {
	const scale, slack = 1 << 63, 1e-7 * (1 << 63)
	var draws [64]uint64
	for j := 0; j < m; j += 2 {
		draws[j&63], draws[(j+1)&63] = mix(hash, base+uint64(j))
	}
	bit := hash & 1
	if flavour == Single {
		value = float64(float32(value))
	}
	// The negative logarithm of a number is at least its distance from 1.
	// Most draws are seen to lose by that, without the logarithm: with a
	// little room for all roundings.
	cutoff, positive := value*(1+1e-6)*scale, value > 0
	for j, a := range draws[:m] {
		if positive && float64(int64(^a>>1)) > float64(cutoff*least[j&63])+slack {
			continue
		}
		log := -float32(math.Log(float64(float32(a) / (1 << 64))))
		var weight float32
		if flavour == Single {
			weight = log / float32(value)
		} else {
			weight = float32(float64(log) / value)
		}
		if float64(weight) < least[j&63] {
			least[j&63] = float64(weight)
			word = word&^(1<<(j&63)) | bit<<(j&63)
		}
	}
	return word
}

// mix hashes a number with another, and with the one after that, by Jenkins'
// mixing of three, twice over. Each step waits for the one before; two side by
// side take little longer than one.
func mix(a, b uint64) (first, second uint64) {
	c := uint64(0xc3a5c85c97cb3127)
	d, e, f := a, b+1, c
	for range 2 {
		a = (a - b - c) ^ c>>43
		d = (d - e - f) ^ f>>43
		b = (b - c - a) ^ a<<9
		e = (e - f - d) ^ d<<9
		c = (c - a - b) ^ b>>8
		f = (f - d - e) ^ e>>8
		a = (a - b - c) ^ c>>38
		d = (d - e - f) ^ f>>38
		b = (b - c - a) ^ a<<23
		e = (e - f - d) ^ d<<23
		c = (c - a - b) ^ b>>5
		f = (f - d - e) ^ e>>5
		a = (a - b - c) ^ c>>35
		d = (d - e - f) ^ f>>35
		b = (b - c - a) ^ a<<49
		e = (e - f - d) ^ d<<49
		c = (c - a - b) ^ b>>11
		f = (f - d - e) ^ e>>11
		a = (a - b - c) ^ c>>12
		d = (d - e - f) ^ f>>12
		b = (b - c - a) ^ a<<18
		e = (e - f - d) ^ d<<18
		c = (c - a - b) ^ b>>22
		f = (f - d - e) ^ e>>22
	}
	return a, d
}
