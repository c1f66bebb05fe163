package classifier

import "math"

// rule is how a linear method learns.
//
// The papers: Rosenblatt 1958 for the perceptron; Crammer et al., JMLR 7
// (2006) for the passive-aggressive family; Crammer, Dredze and Pereira, NIPS
// 2008 for confidence-weighted learning; Crammer, Kulesza and Dredze, NIPS
// 2009 for AROW; Crammer and Lee, NIPS 2010 for normal herding. Jubatus's
// multi-class variants learn from the right label and the best wrong one.
// Products and sums below are in the order that gives the same bits everywhere.
type rule uint8

const (
	perceptron rule = iota
	pa
	pa1
	pa2
	cw
	arow
	nherd
)

// regularized reports whether the rule has a regularization weight.
func (r rule) regularized() bool { return r >= pa1 }

// confident reports whether the rule keeps variances.
func (r rule) confident() bool { return r >= cw }

// constants are what a rule needs of its regularization weight C, with the
// single-precision roundings that the parameter brings along.
type constants struct {
	c           float64
	twice       float64 // 2C
	fourfold    float64 // 4C
	eightfold   float64 // 8C
	inverse     float64 // 1/C, in double precision
	halfInverse float64 // 1/(2C), in single precision
	square      float64 // C², in single precision
}

func newConstants(c float32) constants {
	return constants{
		c:           float64(c),
		twice:       float64(2 * c),
		fourfold:    float64(4 * c),
		eightfold:   float64(8 * c),
		inverse:     1 / float64(c),
		halfInverse: float64(1 / (2 * c)),
		square:      float64(float32(c * c)),
	}
}

// update is how a training step of a confident rule changes weights and
// variances.
type update struct {
	rule rule
	a, b float64
	c    float64
}

// update decides on a training step from the margin and the variance of the
// vector; false if there is nothing to learn.
func (c *constants) update(r rule, margin, variance float64) (update, bool) {
	switch r {
	case cw:
		b := 1 + float64(c.twice*margin)
		root := math.Sqrt(float64(b*b) - float64(c.eightfold*(margin-float64(c.c*variance))))
		gamma := -b + root
		if gamma <= 0 {
			return update{}, false
		}
		return update{rule: r, a: gamma / float64(c.fourfold*variance), c: c.c}, true
	case arow:
		if margin >= 1 {
			return update{}, false
		}
		beta := 1 / (variance + c.inverse)
		return update{rule: r, a: float64((1 - margin) * beta), b: beta}, true
	default:
		if margin >= 1 {
			return update{}, false
		}
		return update{
			rule: r,
			a:    1 - margin,
			b:    c.twice + float64(c.square*variance),
			c:    variance + c.inverse,
		}, true
	}
}

// step is by how much a weight with that variance moves.
func (u *update) step(variance, x float64) float64 {
	if u.rule == nherd {
		return float64(u.a*float64(x*variance)) / u.c
	}
	return float64(float64(u.a*variance) * x)
}

// shrink is the new variance.
func (u *update) shrink(variance, x float64) float64 {
	switch u.rule {
	case cw:
		return 1 / (1/variance + float64(float64(float64(float64(2*u.a)*x)*x)*u.c))
	case arow:
		return variance - float64(float64(float64(float64(u.b*variance)*variance)*x)*x)
	default:
		return 1 / (1/variance + float64(float64(u.b*x)*x))
	}
}
