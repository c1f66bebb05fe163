package classifier

// rule is how a linear method learns.
//
// The papers: Rosenblatt 1958 for the perceptron; Crammer et al., JMLR 7
// (2006) for the passive-aggressive family; package confidence names those of
// the others. Jubatus's multi-class variants learn from the right label and the
// best wrong one.
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
