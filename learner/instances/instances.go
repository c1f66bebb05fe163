// Package instances keeps every vector that was learned, under an id of its
// own, and finds those that are nearest to another: what learning from
// neighbours needs, be it of labels or of numbers.
package instances

import (
	"errors"
	"hash/fnv"
	"math"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/mt19937"
	"github.com/jubatus/jubatus-go/learner/unlearner"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Instances are vectors under ids. What changes them needs them alone; all
// else may share them.
type Instances struct {
	store     store
	names     Source
	unlearner unlearner.Unlearner // nil for none
	id        []byte              // memory of Add
}

// Source draws numbers from 0 to n-1.
type Source interface{ Intn(n int) int }

// store is a way to keep vectors and to compare them.
type store interface {
	has(id []byte) bool
	// set keeps a vector under a new id.
	set(id []byte, v *fv.Vector, s *Search) error
	// nearest puts at most so many vectors into s.found, the nearest first.
	nearest(v *fv.Vector, limit int, s *Search)
	remove(id []byte)
	clear()
	pack(b []byte) []byte
	unpack(r *mpack.Reader, from engine.Source) (commit func(), err error)
	mixable() engine.Mixable
	// identical is up to which distance vectors count as the same.
	identical() float64
}

// Neighbor is a vector and how far it is.
type Neighbor struct {
	ID       []byte // valid until the instances change
	Distance float64
}

// NoLimit asks for all vectors.
const NoLimit = math.MaxInt

func newInstances(s store, u unlearner.Unlearner, env engine.Env) *Instances {
	// Nodes that were started at the same time must not give the same ids.
	h := fnv.New32a()
	h.Write([]byte(env.ID)) // never fails
	x := &Instances{
		store: s, unlearner: u,
		names: mt19937.New(uint32(env.Now().UnixMicro()) ^ h.Sum32()),
	}
	x.OnForget(func([]byte) {})
	return x
}

// DrawFrom sets what ids are made up from. New instances have a generator of
// their own, which the node's name and its clock seed.
func (x *Instances) DrawFrom(s Source) { x.names = s }

// Forgets reports whether there is an unlearner.
func (x *Instances) Forgets() bool { return x.unlearner != nil }

// OnForget sets what is told of the ids that the unlearner has forgotten.
func (x *Instances) OnForget(forgotten func(id []byte)) {
	if x.unlearner == nil {
		return
	}
	x.unlearner.OnForget(func(id string) {
		x.store.remove([]byte(id))
		forgotten([]byte(id))
	})
}

// Add keeps a vector under the prefix with eight characters behind it that are
// made up, and returns that id, which is valid until the next Add. It is an
// error if the unlearner cannot make room.
func (x *Instances) Add(prefix []byte, v *fv.Vector, s *Search) (id []byte, err error) {
	id = x.name(prefix)
	for x.store.has(id) {
		id = x.name(prefix)
	}
	if x.unlearner != nil && !x.unlearner.Touch(id) {
		return nil, errors.New("cannot add new ID as number of sticky IDs" +
			" reached the maximum size of unlearner: " + string(id))
	}
	if err := x.store.set(id, v, s); err != nil {
		if x.unlearner != nil {
			x.unlearner.Remove(id)
		}
		return nil, err
	}
	return id, nil
}

// Letters are the characters of ids that are made up.
const Letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// name makes an id up.
func (x *Instances) name(prefix []byte) []byte {
	x.id = append(x.id[:0], prefix...)
	for range 8 {
		x.id = append(x.id, Letters[x.names.Intn(len(Letters))])
	}
	return x.id
}

// Has reports whether there is a vector under an id.
func (x *Instances) Has(id []byte) bool { return x.store.has(id) }

// Nearest returns at most limit vectors, the nearest first. They are valid
// until the instances change or the next search.
func (x *Instances) Nearest(v *fv.Vector, limit int, s *Search) []Neighbor {
	s.found = s.found[:0]
	x.store.nearest(v, limit, s)
	return s.found
}

// Identical is up to which distance neighbours count as the same as what they
// are neighbours of.
func (x *Instances) Identical() float64 { return x.store.identical() }

// Remove removes a vector.
func (x *Instances) Remove(id []byte) {
	x.store.remove(id)
	if x.unlearner != nil {
		x.unlearner.Remove(id)
	}
}

// Clear removes all vectors.
func (x *Instances) Clear() {
	x.store.clear()
	if x.unlearner != nil {
		x.unlearner.Clear()
	}
}

// Mixable returns how the vectors are shared.
func (x *Instances) Mixable() engine.Mixable { return x.store.mixable() }

// Pack appends [vectors, other], with the unlearner in front if there is one.
func (x *Instances) Pack(b []byte, other func(b []byte) []byte) []byte {
	if x.unlearner == nil {
		b = mpack.AppendArrayHeader(b, 2)
	} else {
		b = x.unlearner.Pack(mpack.AppendArrayHeader(b, 3))
	}
	return other(x.store.pack(b))
}

// Unpack reads what Pack wrote; other reads its part. All of it becomes the
// present contents when commit is called.
func (x *Instances) Unpack(r *mpack.Reader, from engine.Source, other func(r *mpack.Reader) (commit func(), err error)) (commit func(), err error) {
	n := 2
	if x.unlearner != nil {
		n = 3
	}
	if err := r.Tuple(n); err != nil {
		return nil, err
	}
	forget := func() {}
	if x.unlearner != nil {
		if forget, err = x.unlearner.Unpack(r); err != nil {
			return nil, err
		}
	}
	vectors, err := x.store.unpack(r, from)
	if err != nil {
		return nil, err
	}
	rest, err := other(r)
	if err != nil {
		return nil, err
	}
	return func() { forget(); vectors(); rest() }, nil
}
