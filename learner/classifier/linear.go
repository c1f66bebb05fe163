package classifier

import (
	"errors"
	"math"

	"github.com/jubatus/jubatus-go/learner/confidence"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/storage"
	"github.com/jubatus/jubatus-go/learner/unlearner"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// linear is a method that has a weight for every feature and label.
type linear struct {
	rule        rule
	c           float64              // the regularization weight
	halfInverse float64              // 1/(2c), in single precision
	confident   confidence.Constants // of c
	table       *storage.Linear
	counts      *storage.Counts
	unlearner   unlearner.Unlearner // nil for none
}

func newLinear(r rule, regularization float32, u unlearner.Unlearner, env engine.Env) *linear {
	l := &linear{
		rule:        r,
		c:           float64(regularization),
		halfInverse: float64(1 / (2 * regularization)),
		confident:   confidence.NewConstants(regularization),
		table:       storage.NewLinear(storage.Options{Shared: env.Cluster, Variance: r.confident()}),
		counts:      storage.NewCounts(),
		unlearner:   u,
	}
	if u != nil {
		l.table.SetFilter(u)
		u.OnForget(func(label string) {
			l.table.Delete([]byte(label))
			l.counts.Delete([]byte(label))
		})
	}
	return l
}

// checkRoom refuses a label for which the unlearner cannot make room.
func (l *linear) checkRoom(label []byte) error {
	if l.unlearner == nil || l.unlearner.CanTouch(label) {
		return nil
	}
	return errors.New("cannot add new label as number of sticky labels" +
		" reached the maximum size of unlearner: " + string(label))
}

func (l *linear) train(label []byte, v *fv.Vector, m *scratch) error {
	if err := l.checkRoom(label); err != nil {
		return err
	}
	// A training counts whether or not it changes a weight.
	l.counts.Add(label)
	s := &m.scores
	l.table.Score(v, s)
	touched := false
	switch l.rule {
	case perceptron:
		touched = l.trainPerceptron(label, v, s)
	case pa, pa1, pa2:
		touched = l.trainPA(label, v, s)
	default:
		touched = l.trainConfident(label, v, s)
	}
	if touched && l.unlearner != nil {
		l.unlearner.Touch(label)
	}
	return nil
}

// best returns the label with the largest score that is not y, the first of
// those that are equal in the order of the listing; NoLabel if there is none.
func (l *linear) best(s *storage.Scores, y storage.Label) storage.Label {
	best, r := -math.MaxFloat64, storage.NoLabel
	for i, candidate := range l.table.Listing() {
		if candidate == y {
			continue
		}
		if score := s.Of(candidate); i == 0 || score > best {
			best, r = score, candidate
		}
	}
	return r
}

// rivals is who takes part in a training step.
type rivals struct {
	y  storage.Label // the right label; NoLabel if it is not registered
	r  storage.Label // the best other label, or NoLabel
	sy float64       // their scores, 0 for none
	sr float64
}

func (l *linear) rivals(label []byte, s *storage.Scores) rivals {
	p := rivals{y: l.table.Find(label)}
	if p.y != storage.NoLabel {
		p.sy = s.Of(p.y)
	}
	if p.r = l.best(s, p.y); p.r != storage.NoLabel {
		p.sr = s.Of(p.r)
	}
	return p
}

// punished is r as far as its weights change: the empty label's never do.
func (l *linear) punished(r storage.Label) storage.Label {
	if r != storage.NoLabel && l.table.Name(r) == "" {
		return storage.NoLabel
	}
	return r
}

// The train methods report whether the unlearner is to be told of the label.

func (l *linear) trainPerceptron(label []byte, v *fv.Vector, s *storage.Scores) bool {
	predicted := l.best(s, storage.NoLabel)
	if predicted == storage.NoLabel && len(label) == 0 || predicted != storage.NoLabel && predicted == l.table.Find(label) {
		return false
	}
	l.step(label, predicted, v, s, 1)
	return true
}

func (l *linear) trainPA(label []byte, v *fv.Vector, s *storage.Scores) bool {
	p := l.rivals(label, s)
	loss := 1 + (p.sr - p.sy)
	norm := v.Square()
	if loss < 0 && l.rule == pa {
		return false
	}
	if loss < 0 || norm == 0 {
		l.table.Register(label)
		return false
	}
	var tau float64
	switch l.rule {
	case pa:
		tau = loss / float64(2*norm)
	case pa1:
		tau = l.c
		if t := loss / float64(2*norm); t < tau {
			tau = t
		}
	default:
		tau = loss / (float64(2*norm) + l.halfInverse)
	}
	l.step(label, p.r, v, s, tau)
	return true
}

// step moves the weights of the right label towards v and those of r away.
func (l *linear) step(label []byte, r storage.Label, v *fv.Vector, s *storage.Scores, tau float64) {
	y, _ := l.table.Register(label)
	l.table.Move(v, s, y, l.punished(r), tau)
}

func (l *linear) trainConfident(label []byte, v *fv.Vector, s *storage.Scores) bool {
	p := l.rivals(label, s)
	margin := -(p.sr - p.sy)
	u, due := l.update(margin, l.table.Variances(v, s, p.y, p.r))
	if !due {
		l.table.Register(label)
		return false
	}
	if v.Len() > 0 {
		y, _ := l.table.Register(label)
		l.table.Learn(v, s, y, l.punished(p.r), 1, u)
	}
	return true
}

// update decides on a training step from the margin and the variance of a
// vector.
func (l *linear) update(margin, variance float64) (u confidence.Update, due bool) {
	switch {
	case l.rule == cw:
		return l.confident.CW(margin, variance)
	case margin >= 1:
		return u, false
	case l.rule == arow:
		return l.confident.AROW(1-margin, variance), true
	default:
		return l.confident.NHERD(1-margin, variance), true
	}
}

func (l *linear) classify(b []byte, v *fv.Vector, m *scratch) []byte {
	s := &m.scores
	l.table.Score(v, s)
	listing := l.table.Listing()
	b = mpack.AppendArrayHeader(b, len(listing))
	for _, label := range listing {
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendRaw(b, l.table.Name(label))
		b = mpack.AppendFloat64(b, s.Of(label))
	}
	return b
}

func (l *linear) labels(b []byte) []byte { return l.counts.AppendAll(b) }

func (l *linear) setLabel(label []byte) (bool, error) {
	if err := l.checkRoom(label); err != nil {
		return false, err
	}
	_, ok := l.table.Register(label)
	ok = l.counts.Enter(label) && ok
	if ok && l.unlearner != nil {
		ok = l.unlearner.Touch(label)
	}
	return ok, nil
}

func (l *linear) deleteLabel(label []byte) bool {
	ok := l.table.Delete(label)
	ok = l.counts.Delete(label) && ok
	if ok && l.unlearner != nil {
		ok = l.unlearner.Remove(label)
	}
	return ok
}

func (l *linear) clear() {
	l.table.Clear()
	l.counts.Clear()
	if l.unlearner != nil {
		l.unlearner.Clear()
	}
}

func (l *linear) status(set func(key, value string)) {
	l.table.Status(set)
	if l.unlearner != nil {
		l.unlearner.Status(set)
	}
}

func (l *linear) mixables() []engine.Mixable { return []engine.Mixable{l.table, l.counts} }

// pack appends [table, counts], with the unlearner in front if there is one.
func (l *linear) pack(b []byte) []byte {
	if l.unlearner == nil {
		b = mpack.AppendArrayHeader(b, 2)
	} else {
		b = mpack.AppendArrayHeader(b, 3)
		b = l.unlearner.Pack(b)
	}
	b = l.table.Pack(b)
	return l.counts.Pack(b)
}

func (l *linear) unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	parts := []func(*mpack.Reader) (func(), error){
		func(r *mpack.Reader) (func(), error) { return l.table.Unpack(r, from == engine.FromPeer) },
		func(r *mpack.Reader) (func(), error) { return l.counts.Unpack(r, from == engine.FromPeer) },
	}
	if l.unlearner != nil {
		parts = append([]func(*mpack.Reader) (func(), error){l.unlearner.Unpack}, parts...)
	}
	if err := r.Tuple(len(parts)); err != nil {
		return nil, err
	}
	var commits []func()
	for _, unpack := range parts {
		commit, err := unpack(r)
		if err != nil {
			return nil, err
		}
		commits = append(commits, commit)
	}
	return func() {
		for _, commit := range commits {
			commit()
		}
	}, nil
}
