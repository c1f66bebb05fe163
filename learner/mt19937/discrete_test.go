package mt19937

import (
	"math"
	"testing"
)

func TestDiscrete(t *testing.T) {
	for _, c := range []struct {
		weights []float64
		seed    uint32
		want    int
	}{
		{[]float64{0, 1, 9, 10}, 2357136044, 3}, // the share drawn is 15.88 of 20
		{[]float64{5}, 0, 0},
		{[]float64{0, 0, 0}, 0, 0}, // nothing to choose by: the first
		{[]float64{0, 0, 3, 0}, 7, 2},
		{[]float64{math.NaN(), 1}, 7, 1},
	} {
		d := NewDiscrete(append([]float64(nil), c.weights...))
		if got := d.Draw(New(c.seed)); got != c.want {
			t.Errorf("%v: %d, want %d", c.weights, got, c.want)
		}
	}
}

// The shares of many draws are those of the weights.
func TestDiscreteShares(t *testing.T) {
	d, s := NewDiscrete([]float64{1, 0, 2, 5}), New(1)
	var counts [4]int
	const n = 20000
	for range n {
		counts[d.Draw(s)]++
	}
	for i, want := range []float64{0.125, 0, 0.25, 0.625} {
		if got := float64(counts[i]) / n; math.Abs(got-want) > 0.02 {
			t.Errorf("share of %d is %v, want %v", i, got, want)
		}
	}
	if d.Total() != 8 {
		t.Errorf("total %v, want 8", d.Total())
	}
}
