package inverted

import (
	"math"
	"math/rand/v2"
	"testing"
)

// However many rows there are, and however they are added, the sums have the
// bits of one addition after the other.
func TestAddLeading(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	number := func() float64 {
		switch r.IntN(50) {
		case 0:
			return math.Inf(1 - 2*r.IntN(2))
		case 1:
			return math.Float64frombits(r.Uint64N(1 << 52)) // a tiny one
		case 2:
			return 0
		}
		return r.NormFloat64() * math.Exp2(float64(r.IntN(80)-40))
	}
	for _, n := range []int{0, 1, 2, 3, 4, 7, 100, 1<<14 - 1, 1 << 14, 1<<14 + 1, 1<<15 + 3} {
		var lists [atOnce]list
		var terms [atOnce]term
		for i := range terms {
			for row := range n + i { // not all are as long
				lists[i].append(uint32(row), number(), inDiff)
			}
			terms[i] = term{number(), &lists[i]}
		}
		dots, want := make([]float64, n), make([]float64, n)
		for row := range want {
			dots[row] = number()
			want[row] = dots[row]
			for i := range terms {
				want[row] += float64(terms[i].value * lists[i].values[row])
			}
		}
		addLeading(dots, &terms)
		for row := range want {
			if got := dots[row]; math.Float64bits(got) != math.Float64bits(want[row]) && (got == got || want[row] == want[row]) {
				t.Fatalf("%d rows: %v in row %d, want %v", n, got, row, want[row])
			}
		}
	}
}
