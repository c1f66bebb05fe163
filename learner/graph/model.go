package graph

import (
	"slices"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Pack implements engine.Engine:
//
//	[{node: [properties, [in-edge…], [out-edge…]]}, {edge: [properties, source, target]}, {known node: 0}, scores, trees]
//
// Properties map text to text; scores and trees are those of an index.
func (g *Graph) Pack(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 5)
	ids := sortedIDs(g.nodes.places)
	b = mpack.AppendMapHeader(b, len(ids))
	for _, id := range ids {
		b = mpack.AppendUint(b, id)
		b = g.packNode(b, g.nodes.get(id))
	}
	ids = sortedIDs(g.edges.places)
	b = mpack.AppendMapHeader(b, len(ids))
	for _, id := range ids {
		e := g.edges.get(id)
		b = mpack.AppendUint(b, id)
		b = mpack.AppendArrayHeader(b, 3)
		b = e.properties.pack(b)
		b = mpack.AppendUint(b, e.source)
		b = mpack.AppendUint(b, e.target)
	}
	ids = sortedIDs(g.global)
	b = mpack.AppendMapHeader(b, len(ids))
	for _, id := range ids {
		b = mpack.AppendUint(b, id)
		b = mpack.AppendUint(b, 0)
	}
	b = g.packRankings(b)
	return g.packForests(b)
}

func sortedIDs[V any](m map[uint64]V) []uint64 {
	ids := make([]uint64, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// packNode appends a node as models have it and clients get it.
func (s *store) packNode(b []byte, n *node) []byte {
	b = mpack.AppendArrayHeader(b, 3)
	b = n.properties.pack(b)
	for _, list := range [...][]uint32{n.in, n.out} {
		b = mpack.AppendArrayHeader(b, len(list))
		for _, place := range list {
			b = mpack.AppendUint(b, s.edges.rows[place].id)
		}
	}
	return b
}

// Unpack implements engine.Engine. Nodes and edges belong to the server that
// has them: of a peer's model only scores and trees are taken over.
func (g *Graph) Unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	if err := r.Tuple(5); err != nil {
		return nil, err
	}
	s := store{global: map[uint64]struct{}{}}
	if from == engine.FromPeer {
		for range 3 {
			if err := r.Skip(); err != nil {
				return nil, err
			}
		}
	} else if err := s.unpack(r); err != nil {
		return nil, err
	}
	x := newIndex()
	if err := x.unpack(r); err != nil {
		return nil, err
	}
	if from == engine.FromPeer {
		return func() {
			g.replace(x)
			g.later = g.sent.then(g.later)
			g.sent = journal{}
			g.later.apply(&g.index, g.landmarks)
		}, nil
	}
	largest := s.largest()
	return func() {
		// Ids that are in use must not be given again, and before the load
		// there may have been others in use.
		g.nextID = max(g.store.largest(), largest) + 1
		s.changes = g.changes + 1
		g.store = s
		g.index = x
		g.later, g.sent = journal{replaced: true}, journal{}
	}, nil
}

// replace makes a mixed index the present one.
func (g *Graph) replace(x index) {
	for _, r := range x.rankings {
		normalize(r.scores)
	}
	for _, f := range x.forests {
		f.trees = f.trees[:min(len(f.trees), g.landmarks)]
	}
	g.index = x
}

// listed is a node's lists as a model has them.
type listed struct {
	place   uint32
	in, out []uint64
}

// unpack reads nodes, edges and known nodes. Lists keep only edges that there
// are and that begin or end at the node.
func (s *store) unpack(r *mpack.Reader) error {
	n, err := r.MapHeader()
	if err != nil {
		return err
	}
	var lists []listed
	for range n {
		id, err := r.Uint64()
		if err != nil {
			return err
		}
		if err := r.Tuple(3); err != nil {
			return err
		}
		p, err := decodeProperties(r)
		if err != nil {
			return err
		}
		var l listed
		if l.in, err = decodeIDs(r); err != nil {
			return err
		}
		if l.out, err = decodeIDs(r); err != nil {
			return err
		}
		if s.nodes.get(id) != nil {
			continue
		}
		l.place = s.nodes.add(id, node{id: id, properties: p})
		lists = append(lists, l)
	}
	if err := s.unpackEdges(r); err != nil {
		return err
	}
	for _, l := range lists {
		n := &s.nodes.rows[l.place]
		for _, id := range l.in {
			if e := s.edges.get(id); e != nil && e.target == n.id && !e.in {
				e.in = true
				n.in = append(n.in, s.edges.places[id])
			}
		}
		for _, id := range l.out {
			if e := s.edges.get(id); e != nil && e.source == n.id && !e.out {
				e.out = true
				n.out = append(n.out, s.edges.places[id])
			}
		}
	}
	for place, e := range s.edges.rows {
		if !e.out {
			s.leave(e.source, uint32(place))
		}
		if !e.in {
			s.leave(e.target, uint32(place))
		}
	}
	if n, err = r.MapHeader(); err != nil {
		return err
	}
	for range n {
		id, err := r.Uint64()
		if err != nil {
			return err
		}
		if err := r.Skip(); err != nil {
			return err
		}
		s.global[id] = struct{}{}
	}
	return nil
}

func (s *store) unpackEdges(r *mpack.Reader) error {
	n, err := r.MapHeader()
	if err != nil {
		return err
	}
	for range n {
		var e edge
		if e.id, err = r.Uint64(); err != nil {
			return err
		}
		if err = r.Tuple(3); err != nil {
			return err
		}
		if e.properties, err = decodeProperties(r); err != nil {
			return err
		}
		if e.source, err = r.Uint64(); err != nil {
			return err
		}
		if e.target, err = r.Uint64(); err != nil {
			return err
		}
		if s.edges.get(e.id) == nil {
			s.edges.add(e.id, e)
		}
	}
	return nil
}

func decodeIDs(r *mpack.Reader) ([]uint64, error) {
	n, err := r.ArrayHeader()
	if err != nil || n == 0 {
		return nil, err
	}
	var ids []uint64
	for range n {
		id, err := r.Uint64()
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}
