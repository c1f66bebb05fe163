package regression

import (
	"math"

	"github.com/jubatus/jubatus-go/learner/confidence"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/storage"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// rule is how a linear method learns.
//
// The papers: Crammer et al., JMLR 7 (2006) for the passive-aggressive family;
// package confidence names those of the others. PA2 has no regularization
// term in Jubatus and is PA. Products and sums are in the order that gives the
// same bits everywhere.
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

// settings are the parameters of a linear method, of which each rule has some.
type settings struct {
	rate           float32 // of learning
	regularization float32
	sensitivity    float32 // how far off an estimate may be without a step
}

// linear is a method that has a weight for every feature. In models and diffs
// these are the weights of a label of that name.
type linear struct {
	rule        rule
	rate        float64
	c           float64 // the regularization weight
	sensitivity float64
	confident   confidence.Constants // of c
	table       *storage.Linear
	targets     spread
}

var label = []byte("+")

func newLinear(r rule, s settings, env engine.Env) *linear {
	return &linear{
		rule:        r,
		rate:        float64(s.rate),
		c:           float64(s.regularization),
		sensitivity: float64(s.sensitivity),
		confident:   confidence.NewConstants(s.regularization),
		table:       storage.NewLinear(storage.Options{Shared: env.Cluster, Variance: r.confident()}),
	}
}

// spread is how far numbers are from each other. It belongs to this server
// alone: it is not in models and not mixed.
type spread struct{ n, sum, squares float64 }

// add takes a number in and returns the standard deviation of all so far.
// Rounding can make that not a number if all are about the same.
func (s *spread) add(x float64) float64 {
	s.n++
	s.sum += x
	s.squares += float64(x * x)
	mean := s.sum / s.n
	return math.Sqrt(s.squares/s.n - float64(mean*mean))
}

func (l *linear) estimate(v *fv.Vector, s *scratch) float64 {
	l.table.Score(v, &s.scores)
	if y := l.table.Find(label); y != storage.NoLabel {
		return s.scores.Of(y)
	}
	return 0
}

func (l *linear) train(target float64, v *fv.Vector, s *scratch) error {
	off := target - l.estimate(v, s)
	// One that is not a number is on this side, too.
	direction := -1.0
	if off > 0 {
		direction = 1
	}
	distance := direction * off
	switch l.rule {
	case perceptron:
		l.step(v, s, float64(off*l.rate))
	case pa, pa1, pa2:
		// A standard deviation that is not a number teaches nothing.
		loss := distance - float64(l.sensitivity*l.targets.add(target))
		if !(loss > 0) {
			break
		}
		tau := loss / v.Square()
		if l.rule == pa1 && !(tau < l.c) {
			tau = l.c
		}
		if !math.IsInf(tau, 0) {
			l.step(v, s, float64(direction*tau))
		}
	default:
		if loss := distance - l.sensitivity; loss > 0 {
			l.stepConfident(v, s, direction, loss, math.Abs(off))
		}
	}
	return nil
}

// step moves the weights along v.
func (l *linear) step(v *fv.Vector, s *scratch, tau float64) {
	y, _ := l.table.Register(label)
	l.table.Move(v, &s.scores, y, storage.NoLabel, tau)
}

// stepConfident moves the weights along v or against it, and shrinks their
// variances.
func (l *linear) stepConfident(v *fv.Vector, s *scratch, direction, loss, distance float64) {
	if v.Len() == 0 {
		return
	}
	y, _ := l.table.Register(label)
	variance := l.table.Variance(v, &s.scores, y)
	var u confidence.Update
	switch l.rule {
	case cw:
		u, _ = l.confident.CW(-distance, variance)
	case arow:
		u = l.confident.AROW(loss, variance)
	default:
		u = l.confident.NHERD(loss, variance)
	}
	l.table.Learn(v, &s.scores, y, storage.NoLabel, direction, u)
}

// clear forgets everything.
func (l *linear) clear() {
	l.table.Clear()
	l.targets = spread{}
}

func (l *linear) status(set func(key, value string)) { l.table.Status(set) }

func (l *linear) mixables() []engine.Mixable { return []engine.Mixable{l.table} }

// pack appends [table].
func (l *linear) pack(b []byte) []byte {
	return l.table.Pack(mpack.AppendArrayHeader(b, 1))
}

func (l *linear) unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	if err := r.Tuple(1); err != nil {
		return nil, err
	}
	table, err := l.table.Unpack(r, from == engine.FromPeer)
	if err != nil {
		return nil, err
	}
	return func() {
		table()
		l.targets = spread{}
	}, nil
}
