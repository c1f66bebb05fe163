package instances

import (
	"unsafe"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/storage/inverted"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// index keeps vectors whole, by their features. Of features that repeat in a
// vector the last one counts.
type index struct {
	*inverted.Index
	euclidean bool
}

// NewCosine returns no instances yet, whose distance is 1 less the cosine of
// the angle between them. Those that have no feature in common are no
// neighbours.
func NewCosine(env engine.Env) *Instances {
	return newInstances(index{inverted.New(), false}, nil, env)
}

// NewEuclidean is NewCosine for the Euclidean distance, by which all are
// neighbours.
func NewEuclidean(env engine.Env) *Instances {
	return newInstances(index{inverted.New(), true}, nil, env)
}

func (x index) has(id []byte) bool {
	_, ok := x.Find(id)
	return ok
}

func (x index) set(id []byte, v *fv.Vector, _ *Search) error {
	x.Set(id, v)
	return nil
}

func (x index) nearest(v *fv.Vector, limit int, s *Search) {
	if x.euclidean {
		s.matches = x.Euclid(v, limit, inverted.AllRows, s.matches)
		for _, m := range s.matches {
			s.found = append(s.found, Neighbor{x.id(m), m.Score})
		}
		return
	}
	s.matches = x.Cosine(v, limit, s.matches)
	for _, m := range s.matches {
		s.found = append(s.found, Neighbor{x.id(m), 1 - m.Score})
	}
}

// id returns the bytes of an id, which nobody changes.
func (x index) id(m inverted.Neighbor) []byte {
	id := x.ID(m.Row)
	return unsafe.Slice(unsafe.StringData(id), len(id))
}

// remove is never called: nothing forgets.
func (x index) remove([]byte) {}

func (x index) clear() { x.Clear() }

func (x index) pack(b []byte) []byte { return x.Pack(b) }

func (x index) unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	return x.Unpack(r, from == engine.FromPeer)
}

func (x index) mixable() engine.Mixable { return x.Index }

// identical allows for rounding.
func (x index) identical() float64 { return 0x1p-52 }
