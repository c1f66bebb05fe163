package signature

import (
	"math"
	"math/big"
)

// Cosines holds the cosines of the angles that signatures of n bits can tell
// apart.
type Cosines struct {
	n     int
	angle func(h, n int) float64
	table []float64
}

// maxTable is up to how many bits the cosines are tabled. To make such a table
// takes some hundredths of a second.
const maxTable = 4096

// NewCosines makes the cosines for signatures of n bits, at least 1. Up to
// 4096 bits they are correctly rounded, beyond the last digit may be off.
func NewCosines(n int) Cosines { return NewCosinesOf(n, angle) }

// NewCosinesOf is NewCosines with another way to compute the angle between
// signatures of n bits that differ in h of them, which rounds otherwise.
func NewCosinesOf(n int, angle func(h, n int) float64) Cosines {
	c := Cosines{n: n, angle: angle}
	if n <= maxTable {
		c.table = make([]float64, n+1)
		for h := range c.table {
			c.table[h] = exactCos(angle(h, n))
		}
	}
	return c
}

// Table returns the cosines by the number of bits that differ; nil if there
// are too many for a table.
func (c Cosines) Table() []float64 { return c.table }

// At is the cosine of the angle h·π/n, between vectors whose signatures differ
// in h of n bits.
func (c Cosines) At(h int) float64 {
	if c.table != nil {
		return c.table[h]
	}
	return math.Cos(c.angle(h, c.n))
}

// angle is h·π/n, the product first.
func angle(h, n int) float64 { return float64(float64(h)*math.Pi) / float64(n) }

// exactCos is the correctly rounded cosine of an angle between 0 and π.
func exactCos(x float64) float64 {
	const (
		precision = 192
		halvings  = 10
	)
	number := func() *big.Float { return new(big.Float).SetPrec(precision) }
	// The series of 1 - cos of a small angle, then cos 2y = 2cos²y - 1 as
	// u → 2u(2 - u) with u = 1 - cos.
	y := number().SetFloat64(math.Ldexp(x, -halvings))
	square := number().Mul(y, y)
	term, u := number().SetInt64(-1), number()
	for k := int64(1); k <= 10; k++ {
		term.Mul(term, square)
		term.Quo(term, number().SetInt64(-(2*k-1)*2*k))
		u.Add(u, term)
	}
	two := number().SetInt64(2)
	for range halvings {
		rest := number().Sub(two, u)
		u.Mul(u, rest)
		u.Mul(u, two)
	}
	cos, _ := u.Sub(number().SetInt64(1), u).Float64()
	return cos
}
