package signature

import "math"

// The normal deviates of a feature are made by the method of Box and Muller
// (Annals of Mathematical Statistics 29(2), 1958) in single precision: those
// that fill whole blocks of eight with the polynomials of the Cephes library,
// the rest with logarithm, sine and cosine of full precision. Every product
// and every sum is rounded by itself, in the order written here.

// f32 is a constant given by its bits.
func f32(bits uint32) float32 { return math.Float32frombits(bits) }

var twoPi = f32(0x40c90fdb)

// gauss fills g with the normal deviates of a seed.
func gauss(seed uint32, g []float32) {
	var s sfmt
	s.seed(seed)
	whole := len(g) / 8 * 8
	i := 0
	for ; i < whole; i += 2 {
		a, b := s.pair()
		r := sqrt32(float32(ln(a) * -2))
		sin, cos := sincos(float32(twoPi * b))
		g[i], g[i+1] = float32(r*sin), float32(r*cos)
	}
	for ; i < len(g); i += 2 {
		a, b := s.pair()
		r := sqrt32(float32(-2 * float32(math.Log(float64(a)))))
		sin, cos := math.Sincos(float64(float32(twoPi * b)))
		g[i] = float32(r * float32(sin))
		if i+1 < len(g) {
			g[i+1] = float32(r * float32(cos))
		}
	}
}

// pair makes two numbers in (0, 1].
func (s *sfmt) pair() (a, b float32) {
	u, v := s.uint32(), s.uint32()
	return 1 - float32(u>>8)/(1<<24), 1 - float32(v>>8)/(1<<24)
}

func sqrt32(x float32) float32 { return float32(math.Sqrt(float64(x))) }

var (
	lnHalfRoot = f32(0x3f3504f3)
	lnPoly     = [9]float32{
		f32(0x3d9021bb), f32(0xbdebd1b8), f32(0x3def251a), f32(0xbdfe5d4f), f32(0x3e11e9bf),
		f32(0xbe2aae50), f32(0x3e4cceac), f32(0xbe7ffffc), f32(0x3eaaaaaa),
	}
	lnLow, lnHigh = f32(0xb95e8083), f32(0x3f318000)
)

// ln is the natural logarithm of a number in (0, 1].
func ln(x float32) float32 {
	b := math.Float32bits(x)
	e := float32(int32(b>>23)-127) + 1
	m := math.Float32frombits(b&0x007fffff | 0x3f000000)
	if m < lnHalfRoot {
		e--
		x = (m - 1) + m
	} else {
		x = m - 1
	}
	z := float32(x * x)
	y := lnPoly[0]
	for _, p := range lnPoly[1:] {
		y = float32(y*x) + p
	}
	y = float32(y * x)
	y = float32(y * z)
	y += float32(e * lnLow)
	y -= float32(z * 0.5)
	return (x + y) + float32(e*lnHigh)
}

var (
	fourOverPi       = f32(0x3fa2f983)
	quarterPi        = [3]float32{f32(0xbf490000), f32(0xb97da000), f32(0xb3222169)} // negative, in parts
	cosPoly, sinPoly = [3]float32{f32(0x37ccf5ce), f32(0xbab6061a), f32(0x3d2aaaa5)},
		[3]float32{f32(0xb94ca1f9), f32(0x3c08839e), f32(0xbe2aaaa3)}
)

// sincos is the sine and the cosine of an angle that is not negative.
func sincos(x float32) (sin, cos float32) {
	j := (int32(float32(x*fourOverPi)) + 1) &^ 1
	yj := float32(j)
	for _, p := range quarterPi {
		x += float32(yj * p)
	}
	z := float32(x * x)

	c := float32(cosPoly[0]*z) + cosPoly[1]
	c = float32(c*z) + cosPoly[2]
	c = float32(c * z)
	c = float32(c * z)
	c -= float32(z * 0.5)
	c++

	s := float32(sinPoly[0]*z) + sinPoly[1]
	s = float32(s*z) + sinPoly[2]
	s = float32(s * z)
	s = float32(s * x)
	s += x

	if j&2 == 0 {
		sin, cos = s, c
	} else {
		sin, cos = c, s
	}
	if j&4 != 0 {
		sin = -sin
	}
	if (j-2)&4 == 0 {
		cos = -cos
	}
	return sin, cos
}
