package mt19937

import "math"

// IntRange returns a number in [low, high), made of two outputs. An empty
// range gives low, and takes the two outputs all the same.
func (s *Source) IntRange(low, high int) int { return low + s.Intn(high-low) }

// Gauss returns a number of the standard normal distribution, by the method
// of Box and Muller (Annals of Mathematical Statistics 29(2), 1958): it makes
// two of four outputs, and keeps the second for the next call.
func (s *Source) Gauss() float64 {
	if s.hasSpare {
		s.hasSpare = false
		return s.spare
	}
	u, v := 1-s.Float64(), 1-s.Float64()
	m := math.Sqrt(-2 * math.Log(u))
	sin, cos := math.Sincos(2 * math.Pi * v)
	s.spare, s.hasSpare = m*cos, true
	return m * sin
}

// Gamma returns a number of the gamma distribution of that shape and scale 1:
// by the method of Ahrens and Dieter (Computing 12, 1974) up to shape 1, by
// that of Marsaglia and Tsang (ACM TOMS 26(3), 2000) above. A shape that is
// not positive has no distribution: it gives some number, or NaN.
func (s *Source) Gamma(shape float64) float64 {
	if shape <= 1 {
		return s.gammaSmall(shape)
	}
	return s.gammaLarge(shape)
}

// maxTries is after how many rejected tries Gamma gives up. Of shapes that
// have a distribution hardly one try in two is rejected; of others, all may be.
const maxTries = 1 << 14

func (s *Source) gammaSmall(shape float64) float64 {
	const e = 2.718281828 // as many digits as make the same numbers as ever
	c := e / (shape + e)
	for range maxTries {
		u, v := s.Float64(), s.Float64()
		if u < c {
			if x := math.Pow(u/c, 1/shape); math.Log(v) <= -x {
				return x
			}
			continue
		}
		if x := -math.Log((1 - u) / float64(c*shape)); math.Log(v) <= float64((shape-1)*math.Log(x)) {
			return x
		}
	}
	return math.NaN()
}

func (s *Source) gammaLarge(shape float64) float64 {
	c1 := shape - 1.0/3
	c2 := 1 / math.Sqrt(float64(9*c1))
	for range maxTries {
		z := s.Gauss()
		if float64(c2*z) <= -1 {
			continue
		}
		t := 1 + float64(c2*z)
		v := t * t * t
		u := s.Float64()
		z2 := float64(z * z)
		if u < 1-float64(0.0331*z2*z2) ||
			math.Log(u) < float64(0.5*z2)+float64(c1*(1-v+math.Log(v))) {
			return c1 * v
		}
	}
	return math.NaN()
}

// Beta returns a number of the beta distribution: of two gamma draws, first a,
// then b, the share of the first.
func (s *Source) Beta(a, b float64) float64 {
	x := s.Gamma(a)
	y := s.Gamma(b)
	return x / (x + y)
}
