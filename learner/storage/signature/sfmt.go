package signature

import "math/bits"

// sfmt is the generator of Saito and Matsumoto (MCQMC 2006) with the period
// 2^607-1.
type sfmt struct {
	state [20]uint32 // five lanes of 128 bits
	next  int
}

// seed starts the generator anew.
func (s *sfmt) seed(seed uint32) {
	w := &s.state
	w[0] = seed
	for i := uint32(1); i < 20; i++ {
		last := w[i-1]
		w[i] = 1812433253*(last^last>>30) + i
	}
	// The period is certified by a parity over what the mask selects.
	if bits.OnesCount32(w[0]&0x00000001^w[3]&0x5986f054)%2 == 0 {
		w[0] ^= 1
	}
	s.next = len(w)
}

// uint32 returns the next output.
func (s *sfmt) uint32() uint32 {
	if s.next == len(s.state) {
		s.turn()
	}
	x := s.state[s.next]
	s.next++
	return x
}

var sfmtMask = [4]uint32{0xfdff37ff, 0xef7f3f7d, 0xff777b7d, 0x7ff7fb2f}

// turn makes the next 20 outputs.
func (s *sfmt) turn() {
	w := &s.state
	c, d := 12, 16
	for a := 0; a < 20; a += 4 {
		b := (a + 8) % 20
		left := shiftLeft24(w[a], w[a+1], w[a+2], w[a+3])
		right := shiftRight24(w[c], w[c+1], w[c+2], w[c+3])
		for k := range 4 {
			w[a+k] ^= left[k] ^ w[b+k]>>13&sfmtMask[k] ^ right[k] ^ w[d+k]<<15
		}
		c, d = d, a
	}
	s.next = 0
}

// shiftLeft24 shifts a number of 128 bits, whose lowest word comes first.
func shiftLeft24(a, b, c, d uint32) [4]uint32 {
	return [4]uint32{a << 24, b<<24 | a>>8, c<<24 | b>>8, d<<24 | c>>8}
}

// shiftRight24 shifts the other way.
func shiftRight24(a, b, c, d uint32) [4]uint32 {
	return [4]uint32{a>>24 | b<<8, b>>24 | c<<8, c>>24 | d<<8, d >> 24}
}
