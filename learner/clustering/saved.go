package clustering

import (
	"fmt"
	"slices"

	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// saved is the part of a storage that models hold, the elements behind the
// first one.
type saved interface {
	// elements is how many elements pack appends.
	elements() int
	pack(b []byte, k *sparse.Keys) []byte
	// unpack reads those elements. What it returns makes them the storage's.
	unpack(r *mpack.Reader, x *pointReader) (commit func(), err error)
}

func (s *simple) elements() int { return 1 }

func (s *simple) pack(b []byte, k *sparse.Keys) []byte { return appendPoints(b, s.points, k) }

func (s *simple) unpack(r *mpack.Reader, x *pointReader) (commit func(), err error) {
	points, err := x.points(r)
	return func() { s.points = points }, err
}

func (s *compressive) elements() int { return 2 }

func (s *compressive) pack(b []byte, k *sparse.Keys) []byte {
	b = mpack.AppendArrayHeader(b, len(s.levels))
	for _, l := range s.levels {
		b = appendPoints(b, l, k)
	}
	return mpack.AppendUint(b, s.status)
}

func (s *compressive) unpack(r *mpack.Reader, x *pointReader) (commit func(), err error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, err
	}
	var levels [][]*point
	for range n {
		points, err := x.points(r)
		if err != nil {
			return nil, err
		}
		levels = append(levels, points)
	}
	if len(levels) == 0 {
		levels = make([][]*point, 1)
	}
	status, err := r.Uint64()
	return func() { s.levels, s.status = levels, status }, err
}

// Pack implements engine.Engine: [points, converter weights], where points is
// [[revision, others' points], own points…].
func (c *Clustering) Pack(b []byte) []byte {
	m := c.model
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendArrayHeader(b, 1+m.store.elements())
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendUint(b, m.revision)
	b = appendGroups(b, m.common, m.keys)
	b = m.store.pack(b, m.keys)
	return c.converter.Weights().Pack(b)
}

// Unpack implements engine.Engine.
//
// A peer's own points stay the peer's, which reports them at the next MIX. Ours
// stay ours, too: nobody else has them. A server that has none, because it has
// just been started, takes back those that the others know it by.
func (c *Clustering) Unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	if err := r.Tuple(2); err != nil {
		return nil, err
	}
	points, err := c.model.unpack(r, from)
	if err != nil {
		return nil, fmt.Errorf("clustering: %w", err)
	}
	weights, err := c.converter.Weights().Unpack(r, from == engine.FromPeer)
	if err != nil {
		return nil, err
	}
	return func() { points(); weights() }, nil
}

func (m *model) unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	if err := r.Tuple(1 + m.store.elements()); err != nil {
		return nil, err
	}
	x := &pointReader{keys: sparse.NewKeys()}
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, err
	}
	var revision uint64
	var groups []group
	for i := range n {
		switch i {
		case 0:
			revision, err = r.Uint64()
		case 1:
			groups, err = x.groups(r)
		default:
			err = r.Skip()
		}
		if err != nil {
			return nil, err
		}
	}
	if from == engine.FromPeer {
		_, err := m.store.unpack(r, &pointReader{})
		return func() { m.join(revision, groups, x.keys) }, err
	}
	own, err := m.store.unpack(r, x)
	return func() {
		m.clear()
		m.revision, m.keys = revision, x.keys
		own()
		m.common = groups
		m.recluster()
	}, err
}

// join takes over what a peer knows of the others.
func (m *model) join(revision uint64, groups []group, k *sparse.Keys) {
	m.common = nil
	m.rekey(k)
	if own := m.store.own(nil); len(own) == 0 {
		if i := slices.IndexFunc(groups, func(g group) bool { return g.server == m.id }); i >= 0 {
			m.store.take(groups[i].points)
		}
	}
	m.revision = revision
	m.share(groups)
	m.recluster()
}
