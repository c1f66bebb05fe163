package burst

import "math"

// Whether a batch is in a burst is decided by comparing sums of logarithms,
// which are often equal but for their last bits. So that equal documents give
// equal answers on every machine, and those of the original, logarithms are
// rounded correctly here, as C libraries do, which math.Log does not promise.

// double is a number of twice the precision: the sum of both.
type double struct{ high, low float64 }

// logOf returns the natural logarithm, correctly rounded but for very few
// numbers. It is 2 artanh((f-1)/(f+1)) + e ln 2 of x = f 2^e, by its series.
func logOf(x float64) float64 {
	if !(x > 0) || math.IsInf(x, 1) {
		return math.Log(x)
	}
	f, e := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f *= 2
		e--
	}
	s := quotient(f-1, sum(f, 1))
	square := product(s, s)
	y := square.high
	tail := 0.0
	for n := 25; n >= 5; n -= 2 {
		tail = 1/float64(n) + float64(y*tail)
	}
	const thirdLow = 1.850371707708594e-17 // 1/3 less its double
	series := sum(1.0/3, float64(y*tail)+thirdLow)
	cubic := product(product(s, square), series)

	const ln2High, ln2Low = 6.93147180369123816490e-01, 1.90821492927058770002e-10
	k := float64(e)
	head := sum(float64(k*ln2High), 2*s.high)
	rest := sum(head.low, 2*cubic.high)
	total := sum(head.high, rest.high)
	return total.high + (total.low + (rest.low + 2*s.low + 2*cubic.low + float64(k*ln2Low)))
}

// sum is a + b.
func sum(a, b float64) double {
	high := a + b
	t := high - a
	return double{high, (a - (high - t)) + (b - t)}
}

func product(a, b double) double {
	high := a.high * b.high
	low := math.FMA(a.high, b.high, -high)
	return double{high, low + float64(a.high*b.low) + float64(a.low*b.high)}
}

func quotient(a float64, b double) double {
	high := a / b.high
	rest := math.FMA(-high, b.high, a) - float64(high*b.low)
	return double{high, rest / b.high}
}

// logFactorial returns ln n!, by Stirling's series where n is not small, in
// the form of Sun's lgamma, which C libraries share.
func logFactorial(n int32) float64 {
	if n < 7 {
		product := 1.0
		for i := int32(2); i <= n; i++ {
			product *= float64(i)
		}
		return logOf(product)
	}
	x := float64(n) + 1
	z := 1 / x
	y := z * z
	w := 0.0
	for i := len(stirling) - 1; i > 0; i-- {
		w = stirling[i] + float64(y*w)
	}
	w = stirling[0] + float64(z*w)
	return float64((x-0.5)*(logOf(x)-1)) + w
}

var stirling = [...]float64{
	4.18938533204672725052e-01,
	8.33333333333329678849e-02,
	-2.77777777728775536470e-03,
	7.93650558643019558500e-04,
	-5.95187557450339963135e-04,
	8.36339918996282139126e-04,
	-1.63092934096575273989e-03,
}
