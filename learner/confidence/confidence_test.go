package confidence

import (
	"math"
	"testing"
)

// A first vector of squared length 5, two labels that know nothing of it.
func TestFirstStep(t *testing.T) {
	c := NewConstants(1)
	cw, due := c.CW(0, 10)
	if !due {
		t.Error("CW does not learn a margin of 0")
	}
	for _, x := range []struct {
		name         string
		u            Update
		step, shrink float64 // for x = 2 and variance 1
	}{
		{"CW", cw, 0.4, 0.3846153846153846},
		{"AROW", c.AROW(1, 10), 0.18181818181818182, 0.6363636363636364},
		{"NHERD", c.NHERD(1, 10), 0.18181818181818182, 0.02040816326530612},
	} {
		if got := x.u.Step(1, 2); got != x.step {
			t.Errorf("%s moves the weight by %v, want %v", x.name, got, x.step)
		}
		if got := x.u.Shrink(1, 2); got != x.shrink {
			t.Errorf("%s makes the variance %v, want %v", x.name, got, x.shrink)
		}
	}
}

// What is wide enough of the mark already needs no step; what is not a number
// gets one.
func TestCWDue(t *testing.T) {
	c := NewConstants(0.5)
	for margin, want := range map[float64]bool{4.9: true, 5: false, 100: false, -100: true, math.NaN(): true} {
		if _, due := c.CW(margin, 10); due != want {
			t.Errorf("margin %v: %v, want %v", margin, due, want)
		}
	}
}

// Steps have the direction of the vector, and variances only get smaller.
func TestShrinks(t *testing.T) {
	for _, weight := range []float32{0.1, 1, 10} {
		c := NewConstants(weight)
		for _, x := range []float64{-3, -0.1, 0.1, 3} {
			for _, variance := range []float64{0.01, 0.5, 1} {
				cw, _ := c.CW(-1, float64(variance*x*x))
				for _, u := range []Update{cw, c.AROW(2, float64(variance*x*x)), c.NHERD(2, float64(variance*x*x))} {
					if u.Step(variance, x)*x <= 0 {
						t.Errorf("C %v: rule %d moves against x = %v", weight, u.rule, x)
					}
					if s := u.Shrink(variance, x); s <= 0 || s >= variance {
						t.Errorf("C %v: rule %d makes variance %v of %v", weight, u.rule, s, variance)
					}
				}
			}
		}
	}
}

func BenchmarkAROW(b *testing.B) {
	c := NewConstants(1)
	sum := 0.0
	b.ReportAllocs()
	for b.Loop() {
		u := c.AROW(0.5, 3)
		sum += u.Step(0.7, 1.5) + u.Shrink(0.7, 1.5)
	}
	if sum == 0 {
		b.Fatal("no step")
	}
}
