package graph

import "slices"

// view is the graph as index runs walk it: nodes in ascending order of their
// ids, each known by its rank in it, and their edges side by side. Ends of
// edges that are not here have ranks behind all that are.
type view struct {
	changes uint64 // of the store that it shows

	ids     []uint64 // of the nodes that are here, ascending
	foreign []uint64 // of the other ends, ascending
	places  []uint32 // of the nodes that are here
	out, in arcs
}

// arcs are the edges of all nodes in one direction, those of a node in the
// order of its list.
type arcs struct {
	start []uint32 // where a node's begin; the next one's begin behind them
	far   []uint32 // rank of the other end
	edge  []uint32 // place of the edge
}

func (a *arcs) of(rank uint32) (from, to uint32) { return a.start[rank], a.start[rank+1] }

// size is how many ranks there are.
func (v *view) size() int { return len(v.ids) + len(v.foreign) }

// id is the id of the node of that rank.
func (v *view) id(rank uint32) uint64 {
	if int(rank) < len(v.ids) {
		return v.ids[rank]
	}
	return v.foreign[int(rank)-len(v.ids)]
}

// rank is the rank of a node that is here or at the end of an edge.
func (v *view) rank(id uint64) (uint32, bool) {
	if i, ok := slices.BinarySearch(v.ids, id); ok {
		return uint32(i), true
	}
	i, ok := slices.BinarySearch(v.foreign, id)
	return uint32(len(v.ids) + i), ok
}

func newView(s *store) *view {
	v := &view{changes: s.changes, ids: make([]uint64, 0, s.nodes.len())}
	for id := range s.nodes.places {
		v.ids = append(v.ids, id)
	}
	slices.Sort(v.ids)
	v.places = make([]uint32, len(v.ids))
	ranks := make([]uint32, len(s.nodes.rows)) // by place
	for i, id := range v.ids {
		v.places[i], _ = s.nodes.find(id)
		ranks[v.places[i]] = uint32(i)
	}
	for _, e := range s.edges.rows {
		if e.out != e.in {
			far := e.source
			if e.out {
				far = e.target
			}
			if _, here := s.nodes.find(far); !here {
				v.foreign = append(v.foreign, far)
			}
		}
	}
	slices.Sort(v.foreign)
	v.foreign = slices.Compact(v.foreign)
	rankOf := func(id uint64) uint32 {
		if place, ok := s.nodes.find(id); ok {
			return ranks[place]
		}
		i, _ := slices.BinarySearch(v.foreign, id)
		return uint32(len(v.ids) + i)
	}
	v.out.fill(v, s, func(n *node) []uint32 { return n.out }, func(e *edge) uint64 { return e.target }, rankOf)
	v.in.fill(v, s, func(n *node) []uint32 { return n.in }, func(e *edge) uint64 { return e.source }, rankOf)
	return v
}

func (a *arcs) fill(v *view, s *store, list func(*node) []uint32, far func(*edge) uint64, rank func(uint64) uint32) {
	total := 0
	for _, place := range v.places {
		total += len(list(&s.nodes.rows[place]))
	}
	a.start = make([]uint32, 1, len(v.ids)+1)
	a.far = make([]uint32, 0, total)
	a.edge = make([]uint32, 0, total)
	for _, place := range v.places {
		for _, e := range list(&s.nodes.rows[place]) {
			a.far = append(a.far, rank(far(&s.edges.rows[e])))
			a.edge = append(a.edge, e)
		}
		a.start = append(a.start, uint32(len(a.far)))
	}
}

// selection is what of a view a query takes in.
type selection struct {
	nodes []bool // by rank; ends that are not here always count
	edges []bool // by place; nil if the query takes in all
}

func (v *view) choose(s *store, q *query) selection {
	c := selection{nodes: make([]bool, v.size())}
	for i := range c.nodes {
		c.nodes[i] = i >= len(v.ids) || s.nodes.rows[v.places[i]].properties.match(q.nodes)
	}
	if len(q.edges) > 0 {
		c.edges = make([]bool, len(s.edges.rows))
		for i := range c.edges {
			c.edges[i] = s.edges.rows[i].properties.match(q.edges)
		}
	}
	return c
}

func (c *selection) edge(place uint32) bool { return c.edges == nil || c.edges[place] }
