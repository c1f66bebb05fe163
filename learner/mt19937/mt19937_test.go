package mt19937

import (
	"slices"
	"testing"
)

func TestOutputs(t *testing.T) {
	s := New(9193)
	for i, want := range []uint32{1611488198, 1743206191, 2375029077, 3912762592} {
		if got := s.Uint32(); got != want {
			t.Errorf("output %d: %d, want %d", i, got, want)
		}
	}
}

// The 10000th output for the default seed is part of the C++ standard.
func TestTenThousandth(t *testing.T) {
	s := New(5489)
	var got uint32
	for range 10000 {
		got = s.Uint32()
	}
	if got != 4123659995 {
		t.Errorf("10000th output %d, want 4123659995", got)
	}
}

func TestIntn(t *testing.T) {
	s := New(9193)
	var got []int
	for range 12 {
		got = append(got, s.Intn(3))
	}
	if want := []int{1, 1, 0, 0, 2, 2, 1, 1, 2, 2, 2, 2}; !slices.Equal(got, want) {
		t.Errorf("draws %v, want %v", got, want)
	}
}

func TestFloat64(t *testing.T) {
	s := New(1)
	// Also what NumPy draws for this seed.
	for _, want := range []float64{0.417022004702574, 0.7203244934421581, 0.00011437481734488664} {
		if got := s.Float64(); got != want {
			t.Errorf("drew %v, want %v", got, want)
		}
	}
}

func BenchmarkFloat64(b *testing.B) {
	s := New(1)
	for b.Loop() {
		s.Float64()
	}
}
