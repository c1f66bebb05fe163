// Package mt19937 is the Mersenne Twister of Matsumoto and Nishimura (ACM
// TOMACS 8(1), 1998) with 32-bit output and the seeding of 2002, and the
// draws that engines make from it. The same seed gives the same numbers as
// any other implementation.
package mt19937

import "math"

const (
	size  = 624
	shift = 397
)

// Source is a generator. It is not safe for concurrent use.
type Source struct {
	state [size]uint32
	next  int

	spare    float64 // the number that Gauss has in store
	hasSpare bool
}

// New returns a generator seeded by init_genrand.
func New(seed uint32) *Source {
	s := &Source{}
	s.Seed(seed)
	return s
}

// Seed starts the generator anew.
func (s *Source) Seed(seed uint32) {
	s.state[0] = seed
	for i := uint32(1); i < size; i++ {
		last := s.state[i-1]
		s.state[i] = 1812433253*(last^last>>30) + i
	}
	s.next = size
	s.hasSpare = false
}

// Uint32 returns the next output.
func (s *Source) Uint32() uint32 {
	if s.next == size {
		s.turn()
	}
	y := s.state[s.next]
	s.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

func (s *Source) turn() {
	for i := range size {
		y := s.state[i]&0x80000000 | s.state[(i+1)%size]&0x7fffffff
		x := s.state[(i+shift)%size] ^ y>>1
		if y&1 != 0 {
			x ^= 0x9908b0df
		}
		s.state[i] = x
	}
	s.next = 0
}

// Float64 returns a number in [0, 1) with 53 random bits, made of two
// outputs.
func (s *Source) Float64() float64 {
	a, b := s.Uint32()>>5, s.Uint32()>>6
	return (float64(a)*(1<<26) + float64(b)) / (1 << 53)
}

// Intn returns a number in [0, n), made of two outputs; n must be positive.
func (s *Source) Intn(n int) int { return int(math.Floor(s.Float64() * float64(n))) }
