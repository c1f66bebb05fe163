package ids

import (
	"math"
	"testing"
)

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		id string
		n  uint64
		ok bool
	}{
		{"", 0, false}, {"a", 0, false}, {"-", 0, false}, {" ", 0, false}, {"a1", 0, false}, {"--1", 0, false},
		{"0", 0, true}, {"12", 12, true}, {"12abc", 12, true}, {" \t\n12", 12, true}, {"+7", 7, true}, {"007", 7, true},
		{"-1", math.MaxUint64, true}, {"-0", 0, true},
		{"18446744073709551615", math.MaxUint64, true}, {"18446744073709551616", 0, false}, {"99999999999999999999", 0, false},
	} {
		if n, ok := Number([]byte(c.id)); n != c.n || ok != c.ok {
			t.Errorf("%q: %d, %v, want %d, %v", c.id, n, ok, c.n, c.ok)
		}
	}
}
