package classifier

import (
	"bytes"
	"math"
	"slices"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/instances"
	"github.com/jubatus/jubatus-go/learner/storage"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// neighbours is a method that keeps all it learns and lets the nearest of it
// vote, each with exp(-sensitivity × distance): k nearest neighbours with
// locally sensitive weights.
type neighbours struct {
	vectors     *instances.Instances
	counts      *storage.Counts
	limit       int
	sensitivity float64
}

func newNeighbours(vectors *instances.Instances, limit int32, sensitivity float32) neighbours {
	n := neighbours{vectors, storage.NewCounts(), int(limit), float64(sensitivity)}
	if limit < 0 {
		n.limit = instances.NoLimit
	}
	return n
}

// labelOf returns the label in an id that train gave.
func labelOf(id []byte) []byte {
	if i := bytes.LastIndexByte(id, '_'); i >= 0 {
		return id[:i]
	}
	return id
}

func (n *neighbours) train(label []byte, v *fv.Vector, s *scratch) error {
	s.prefix = append(append(s.prefix[:0], label...), '_')
	if _, err := n.vectors.Add(s.prefix, v, &s.search); err != nil {
		return err
	}
	n.counts.Add(label)
	return nil
}

// classify scores the labels that have a count, and those of neighbours.
func (n *neighbours) classify(b []byte, v *fv.Vector, s *scratch) []byte {
	labels := n.counts.Labels()
	s.sums = append(s.sums[:0], make([]float64, len(labels))...)
	for _, m := range n.vectors.Nearest(v, n.limit, &s.search) {
		label := labelOf(m.ID)
		at, ok := slices.BinarySearchFunc(labels, label, compare)
		if !ok {
			labels = slices.Insert(slices.Clone(labels), at, string(label))
			s.sums = slices.Insert(s.sums, at, 0)
		}
		s.sums[at] += math.Exp(-float64(n.sensitivity * m.Distance))
	}
	b = mpack.AppendArrayHeader(b, len(labels))
	for i, label := range labels {
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendRaw(b, label)
		b = mpack.AppendFloat64(b, s.sums[i])
	}
	return b
}

// compare compares by bytes. Comparing by operators copies nothing.
func compare(a string, b []byte) int {
	switch {
	case a < string(b):
		return -1
	case a > string(b):
		return 1
	}
	return 0
}

func (n *neighbours) labels(b []byte) []byte { return n.counts.AppendAll(b) }

func (n *neighbours) setLabel(label []byte) (bool, error) { return n.counts.Enter(label), nil }

func (n *neighbours) clear() {
	n.vectors.Clear()
	n.counts.Clear()
}

func (n *neighbours) status(func(key, value string)) {}

// pack appends [vectors, counts], with the unlearner in front if there is one.
func (n *neighbours) pack(b []byte) []byte { return n.vectors.Pack(b, n.counts.Pack) }

// hashed is neighbours by signatures, whose rows can be removed. The counts
// are those of the rows, and so they are not mixed, but made anew from the
// rows.
type hashed struct{ neighbours }

func newHashed(vectors *instances.Instances, limit int32, sensitivity float32) *hashed {
	h := &hashed{newNeighbours(vectors, limit, sensitivity)}
	vectors.OnForget(func(id []byte) { h.counts.Drop(labelOf(id)) })
	vectors.OnMix(h.recount)
	return h
}

// recount counts the rows of every label that is known.
func (h *hashed) recount() {
	h.counts.Reset()
	for id := range h.vectors.IDs {
		h.counts.Add(labelOf(id))
	}
}

func (h *hashed) deleteLabel(label []byte) bool {
	if !h.counts.Delete(label) {
		return false
	}
	var ids [][]byte
	for id := range h.vectors.IDs {
		if bytes.Equal(labelOf(id), label) {
			ids = append(ids, bytes.Clone(id))
		}
	}
	for _, id := range ids {
		h.vectors.Remove(id)
	}
	return true
}

func (h *hashed) unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	model, err := h.vectors.Unpack(r, from, func(r *mpack.Reader) (func(), error) {
		return h.counts.Unpack(r, false)
	})
	if err != nil {
		return nil, err
	}
	return func() {
		model()
		h.recount()
	}, nil
}

func (h *hashed) mixables() []engine.Mixable { return []engine.Mixable{h.vectors.Mixable()} }

// exact is neighbours by all features, in an inverted index. What is learned
// stays.
type exact struct{ neighbours }

func newExact(vectors *instances.Instances, limit int32, sensitivity float32) *exact {
	return &exact{newNeighbours(vectors, limit, sensitivity)}
}

func (x *exact) deleteLabel([]byte) bool { return false }

func (x *exact) unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	return x.vectors.Unpack(r, from, func(r *mpack.Reader) (func(), error) {
		return x.counts.Unpack(r, from == engine.FromPeer)
	})
}

func (x *exact) mixables() []engine.Mixable {
	return []engine.Mixable{x.vectors.Mixable(), x.counts}
}
