package burst

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exactLog is the logarithm by its series with many bits.
func exactLog(x float64) float64 {
	const bits = 200
	f, e := math.Frexp(x)
	one := big.NewFloat(1).SetPrec(bits)
	artanh := func(f float64) *big.Float { // 2 artanh((f-1)/(f+1))
		v := new(big.Float).SetPrec(bits).SetFloat64(f)
		s := new(big.Float).Quo(new(big.Float).Sub(v, one), new(big.Float).Add(v, one))
		square := new(big.Float).Mul(s, s)
		power, total := new(big.Float).Set(s), new(big.Float).SetPrec(bits)
		for n := 1; n < 130; n += 2 {
			total.Add(total, new(big.Float).Quo(power, big.NewFloat(float64(n)).SetPrec(bits)))
			power.Mul(power, square)
		}
		return total.Mul(total, big.NewFloat(2))
	}
	l := artanh(f)
	l.Add(l, new(big.Float).Mul(artanh(2), big.NewFloat(float64(e)).SetPrec(bits)))
	v, _ := l.Float64()
	return v
}

func TestLogIsRoundedCorrectly(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	numbers := []float64{1, 2, 0.5, 3, 1.5, 1 - 1.0/(1<<53), 1 + 1.0/(1<<52), math.MaxFloat64, 1e-300, 0.7071067811865475}
	for i := range 1000 {
		numbers = append(numbers, float64(i+1), r.Float64(), float64(1+r.IntN(100))/float64(100+r.IntN(300)))
	}
	for _, x := range numbers {
		if got, want := logOf(x), exactLog(x); got != want {
			t.Errorf("ln %v = %v, want %v", x, got, want)
		}
	}
	if l := logOf(0); !math.IsInf(l, -1) {
		t.Errorf("ln 0 = %v", l)
	}
}

func TestLogFactorial(t *testing.T) {
	// As the GNU C library has them.
	for n, want := range map[int32]float64{
		0: 0, 1: 0, 2: 0.6931471805599453, 6: 6.579251212010101, 7: 8.525161361065413,
		20: 42.335616460753485, 1000: 5912.128178488163, 70000: 710944.0335371889,
	} {
		if got := logFactorial(n); got != want {
			t.Errorf("ln %d! = %v, want %v", n, got, want)
		}
	}
	a := newAutomaton(&options{batches: 1, interval: 1})
	for _, n := range []int32{5, 300, 2, factorials - 1, factorials, 1 << 30} {
		if got, want := a.logFactorial(n), logFactorial(n); got != want {
			t.Errorf("ln %d! = %v, want %v", n, got, want)
		}
	}
}
