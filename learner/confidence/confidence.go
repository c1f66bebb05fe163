// Package confidence is how linear methods learn that keep a variance beside
// every weight, and move a weight the less the surer they are of it. How far a
// vector is off the mark is the caller's to say: a margin tells classes apart,
// a loss measures a regression.
//
// The papers: Crammer, Dredze and Pereira, NIPS 2008 for confidence-weighted
// learning; Crammer, Kulesza and Dredze, NIPS 2009 for AROW; Crammer and Lee,
// NIPS 2010 for normal herding. Products and sums are in the order that gives
// the same bits everywhere.
package confidence

import "math"

// Constants are what the rules need of their regularization weight C, with the
// single-precision roundings that the parameter brings along.
type Constants struct {
	c         float64
	twice     float64 // 2C
	fourfold  float64 // 4C
	eightfold float64 // 8C
	inverse   float64 // 1/C, in double precision
	square    float64 // C², in single precision
}

// NewConstants returns the constants of a regularization weight, which is
// above 0.
func NewConstants(c float32) Constants {
	return Constants{
		c:         float64(c),
		twice:     float64(2 * c),
		fourfold:  float64(4 * c),
		eightfold: float64(8 * c),
		inverse:   1 / float64(c),
		square:    float64(float32(c * c)),
	}
}

// Update is how a training step changes the weights and variances of the
// features in its vector.
type Update struct {
	rule    rule
	a, b, c float64
}

type rule uint8

const (
	cw rule = iota
	arow
	nherd
)

// CW is a step of confidence-weighted learning for a vector of that margin and
// variance. It is not due if the margin is large enough already.
func (c *Constants) CW(margin, variance float64) (u Update, due bool) {
	b := 1 + float64(c.twice*margin)
	root := math.Sqrt(float64(b*b) - float64(c.eightfold*(margin-float64(c.c*variance))))
	gamma := -b + root
	return Update{rule: cw, a: gamma / float64(c.fourfold*variance), c: c.c}, !(gamma <= 0)
}

// AROW is a step of adaptive regularization for a vector of that loss and
// variance.
func (c *Constants) AROW(loss, variance float64) Update {
	beta := 1 / (variance + c.inverse)
	return Update{rule: arow, a: float64(loss * beta), b: beta}
}

// NHERD is a step of normal herding for a vector of that loss and variance.
func (c *Constants) NHERD(loss, variance float64) Update {
	return Update{
		rule: nherd,
		a:    loss,
		b:    c.twice + float64(c.square*variance),
		c:    variance + c.inverse,
	}
}

// Step is by how much a weight of that variance moves for a feature of value x.
func (u *Update) Step(variance, x float64) float64 {
	if u.rule == nherd {
		return float64(u.a*float64(x*variance)) / u.c
	}
	return float64(float64(u.a*variance) * x)
}

// Shrink is the new variance.
func (u *Update) Shrink(variance, x float64) float64 {
	switch u.rule {
	case cw:
		return 1 / (1/variance + float64(float64(float64(float64(2*u.a)*x)*x)*u.c))
	case arow:
		return variance - float64(float64(float64(float64(u.b*variance)*variance)*x)*x)
	default:
		return 1 / (1/variance + float64(float64(u.b*x)*x))
	}
}
