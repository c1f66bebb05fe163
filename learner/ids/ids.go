// Package ids reads the numbers that ids are.
package ids

import "math"

// Number returns the number that an id begins with, behind blanks and a sign;
// false if there is none below 2^64. What follows it does not count, and
// negative numbers count from 2^64 down.
func Number(id []byte) (n uint64, ok bool) {
	i := 0
	for i < len(id) && (id[i] == ' ' || '\t' <= id[i] && id[i] <= '\r') {
		i++
	}
	negative := false
	if i < len(id) && (id[i] == '+' || id[i] == '-') {
		negative = id[i] == '-'
		i++
	}
	first := i
	for ; i < len(id) && '0' <= id[i] && id[i] <= '9'; i++ {
		digit := uint64(id[i] - '0')
		if n > (math.MaxUint64-digit)/10 {
			return 0, false
		}
		n = 10*n + digit
	}
	if negative {
		n = -n
	}
	return n, i > first
}
