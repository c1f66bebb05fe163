package fv

import "math"

// Norm is the length of a vector, in which features that repeat count apart.
func (v *Vector) Norm() float64 { return math.Sqrt(v.Square()) }

// Square is the squared length of a vector, in which features that repeat
// count apart. The squares are added in the order of the features.
func (v *Vector) Square() float64 {
	sum := 0.0
	for i := range v.features {
		x := v.features[i].value
		sum += float64(x * x)
	}
	return sum
}
