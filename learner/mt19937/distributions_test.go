package mt19937

import (
	"math"
	"slices"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-14*math.Abs(b) }

// What the generator of seed 0 makes first.
func TestDraws(t *testing.T) {
	for _, c := range []struct {
		name string
		draw func(*Source) float64
		want []float64
	}{
		{"real", (*Source).Float64, []float64{0.5488135039273248, 0.7151893663724195, 0.6027633760716439}},
		{"int(10)", func(s *Source) float64 { return float64(s.Intn(10)) }, []float64{5, 7, 6, 5, 4}},
		{"int(2, 12)", func(s *Source) float64 { return float64(s.IntRange(2, 12)) }, []float64{7, 9, 8, 7, 6}},
		{"gauss", (*Source).Gauss, []float64{1.2315874462339094, -0.2737542302965514, 0.37814642385629843}},
		{"gamma(1)", func(s *Source) float64 { return s.Gamma(1) }, []float64{3.0016504944901743}},
		{"gamma(2.5)", func(s *Source) float64 { return s.Gamma(2.5) }, []float64{4.532120969793968}},
		{"beta(1, 1)", func(s *Source) float64 { return s.Beta(1, 1) }, []float64{0.705062153915466}},
		{"beta(3, 2)", func(s *Source) float64 { return s.Beta(3, 2) }, []float64{0.7961982999083541}},
	} {
		s := New(0)
		var got []float64
		for range c.want {
			got = append(got, c.draw(s))
		}
		if !slices.EqualFunc(got, c.want, near) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// A range without numbers is no reason to fail, and draws like any other.
func TestEmptyRange(t *testing.T) {
	s, other := New(0), New(0)
	if got := s.IntRange(7, 7); got != 7 {
		t.Errorf("drew %d from [7, 7)", got)
	}
	other.Float64()
	if s.Uint32() != other.Uint32() {
		t.Error("the draw did not take two outputs")
	}
}

// Seed forgets what Gauss has in store.
func TestSeedDropsSpare(t *testing.T) {
	s := New(0)
	first := s.Gauss()
	s.Seed(0)
	if got := s.Gauss(); got != first {
		t.Errorf("drew %v after seeding again, %v before", got, first)
	}
}

// The moments of many draws are those of the distribution.
func TestMoments(t *testing.T) {
	const n = 50000
	for _, c := range []struct {
		name           string
		draw           func(*Source) float64
		mean, variance float64
	}{
		{"gauss", (*Source).Gauss, 0, 1},
		{"gamma(0.3)", func(s *Source) float64 { return s.Gamma(0.3) }, 0.3, 0.3},
		{"gamma(1)", func(s *Source) float64 { return s.Gamma(1) }, 1, 1},
		{"gamma(7)", func(s *Source) float64 { return s.Gamma(7) }, 7, 7},
		{"beta(2, 6)", func(s *Source) float64 { return s.Beta(2, 6) }, 0.25, 1.0 / 48},
	} {
		s := New(1)
		sum, sum2 := 0.0, 0.0
		for range n {
			x := c.draw(s)
			sum += x
			sum2 += x * x
		}
		mean := sum / n
		variance := sum2/n - mean*mean
		if tolerance := 4 * math.Sqrt(c.variance/n); math.Abs(mean-c.mean) > tolerance {
			t.Errorf("%s: mean %v, want %v", c.name, mean, c.mean)
		}
		if math.Abs(variance-c.variance) > 0.1*c.variance {
			t.Errorf("%s: variance %v, want %v", c.name, variance, c.variance)
		}
	}
}

// Whatever the shape, drawing ends.
func TestGammaEnds(t *testing.T) {
	for _, shape := range []float64{0, -1, -1000, -1e300, math.Inf(-1), math.Inf(1), math.NaN(), 1e300, 1e-300} {
		New(1).Gamma(shape)
		New(1).Beta(1, shape)
	}
}

func BenchmarkGauss(b *testing.B) {
	s := New(1)
	b.ReportAllocs()
	for b.Loop() {
		s.Gauss()
	}
}

func BenchmarkBeta(b *testing.B) {
	s := New(1)
	b.ReportAllocs()
	for b.Loop() {
		s.Beta(3, 12)
	}
}
