package regression

import (
	"math"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/instances"
	"github.com/jubatus/jubatus-go/learner/storage/rowtable"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// neighbours is a method that keeps all it learns and estimates the mean of the
// targets of the nearest, plain or weighted by how near they are.
type neighbours struct {
	vectors   *instances.Instances
	targets   *rowtable.Table // of the same ids
	limit     int
	byInverse bool // weighted by the inverse of the distance
}

func newNeighbours(vectors *instances.Instances, s vote, env engine.Env) *neighbours {
	n := &neighbours{
		vectors: vectors, targets: rowtable.New(instances.Owner(env), rowtable.Double()),
		limit: int(s.limit), byInverse: s.byInverse,
	}
	vectors.OnForget(func(id []byte) { n.targets.Delete(id) })
	if vectors.Forgets() {
		// Others may know more targets than there is room for vectors.
		n.targets.Admit = vectors.Has
	}
	return n
}

func (n *neighbours) train(target float64, v *fv.Vector, s *scratch) error {
	id, err := n.vectors.Add(nil, v, &s.search)
	if err != nil {
		return err
	}
	row, err := n.targets.Set(id)
	if err != nil {
		n.vectors.Remove(id)
		return err
	}
	n.targets.Doubles(0)[row] = target
	return nil
}

// near is a neighbour's target and how far it is.
type near struct{ target, distance float64 }

func (n *neighbours) estimate(v *fv.Vector, s *scratch) float64 {
	targets := n.targets.Doubles(0)
	s.near = s.near[:0]
	for _, m := range n.vectors.Nearest(v, n.limit, &s.search) {
		if row, ok := n.targets.Find(m.ID); ok {
			s.near = append(s.near, near{targets[row], m.Distance})
		}
	}
	switch {
	case len(s.near) == 0:
		return 0
	case !n.byInverse:
		return mean(s.near)
	}
	same := 0
	for same < len(s.near) && s.near[same].distance <= n.vectors.Identical() {
		same++
	}
	if same > 0 {
		return mean(s.near[:same])
	}
	sum, weights := 0.0, 0.0
	for _, m := range s.near {
		weight := 1 / math.Abs(m.distance)
		sum += float64(weight * m.target)
		weights += weight
	}
	return sum / weights
}

func mean(list []near) float64 {
	sum := 0.0
	for _, m := range list {
		sum += m.target
	}
	return sum / float64(len(list))
}

func (n *neighbours) clear() {
	n.vectors.Clear()
	n.targets.Clear()
}

func (n *neighbours) status(func(key, value string)) {}

func (n *neighbours) mixables() []engine.Mixable {
	return []engine.Mixable{n.vectors.Mixable(), n.targets}
}

// pack appends [vectors, targets], with the unlearner in front if there is one.
func (n *neighbours) pack(b []byte) []byte { return n.vectors.Pack(b, n.targets.Pack) }

func (n *neighbours) unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	return n.vectors.Unpack(r, from, n.targets.Unpack)
}
