package graph

import (
	"errors"
	"fmt"
	"slices"
)

// Errors as clients have always seen them.
var (
	errGetNode          = errors.New("get_node")
	errUpdateNode       = errors.New("update_node")
	errRemoveNode       = errors.New("remove_node")
	errRemoveGlobalNode = errors.New("remove_global_node")
	errGetEdge          = errors.New("get_edge")
	errUpdateEdge       = errors.New("update_edge:eid")
	errRemoveEdge       = errors.New("remove_edge:eid")
	errEdgeExists       = errors.New("edge_exists")
)

// store is the nodes and edges of this server, and which nodes it knows to be
// in the cluster.
type store struct {
	nodes   table[node]
	edges   table[edge]
	global  map[uint64]struct{}
	changes uint64 // counts changes, so that what is derived can be kept

	// unlisted is the places of edges that are not listed at an end, by that
	// end. Most of these live on other servers.
	unlisted map[uint64][]uint32
}

// node is a vertex. Its lists hold places of edges.
type node struct {
	id         uint64
	properties properties
	in, out    []uint32
}

// edge is directed. It is listed at those of its ends that were there when it
// was made; the others may be on other servers, or nowhere.
type edge struct {
	id             uint64
	properties     properties
	source, target uint64
	out, in        bool // whether it is listed at its source, at its target
}

// createNode adds a node without properties and edges, unless there is one.
func (s *store) createNode(id uint64) {
	if s.global == nil {
		s.global = map[uint64]struct{}{}
	}
	s.global[id] = struct{}{}
	if s.nodes.get(id) != nil {
		return
	}
	s.changes++
	s.nodes.add(id, node{id: id})
}

// removeNode removes a node without edges. It stays known globally.
func (s *store) removeNode(id uint64) error {
	n := s.nodes.get(id)
	if n == nil {
		return errRemoveNode
	}
	if len(n.in) > 0 || len(n.out) > 0 {
		return fmt.Errorf("graph_wo_index::remove_node node id=%d cannot be removed because it has edges", id)
	}
	s.changes++
	s.nodes.remove(id)
	return nil
}

// removeGlobal forgets that there is a node.
func (s *store) removeGlobal(id uint64) error {
	if _, ok := s.global[id]; !ok {
		return errRemoveGlobalNode
	}
	delete(s.global, id)
	return nil
}

// createEdge adds an edge to those of its ends that are here, at least one.
func (s *store) createEdge(id, source, target uint64, p properties) error {
	if _, ok := s.edges.find(id); ok {
		return errEdgeExists
	}
	from, to := s.nodes.get(source), s.nodes.get(target)
	if from == nil && to == nil {
		return fmt.Errorf("graph_wo_index::create_edge unknown src id=%d tgt id=%d", source, target)
	}
	s.changes++
	place := s.edges.add(id, edge{
		id: id, properties: p, source: source, target: target, out: from != nil, in: to != nil,
	})
	if from != nil {
		from.out = append(from.out, place)
	} else {
		s.leave(source, place)
	}
	if to != nil {
		to.in = append(to.in, place)
	} else {
		s.leave(target, place)
	}
	return nil
}

// leave notes that an edge is not listed at an end.
func (s *store) leave(end uint64, place uint32) {
	if s.unlisted == nil {
		s.unlisted = map[uint64][]uint32{}
	}
	s.unlisted[end] = append(s.unlisted[end], place)
}

// unleave takes that back.
func (s *store) unleave(end uint64, place uint32) {
	if rest := without(s.unlisted[end], place); len(rest) > 0 {
		s.unlisted[end] = rest
	} else {
		delete(s.unlisted, end)
	}
}

// list lists at a node that came later than some of its edges those that are
// not listed there.
func (s *store) list(id uint64) {
	n := s.nodes.get(id)
	if n == nil {
		return
	}
	s.changes++
	for _, place := range s.unlisted[id] {
		e := &s.edges.rows[place]
		if e.source == id && !e.out {
			e.out = true
			n.out = append(n.out, place)
		}
		if e.target == id && !e.in {
			e.in = true
			n.in = append(n.in, place)
		}
	}
	delete(s.unlisted, id)
}

// updateEdge replaces the properties of an edge.
func (s *store) updateEdge(id uint64, p properties) error {
	e := s.edges.get(id)
	if e == nil {
		return errUpdateEdge
	}
	s.changes++
	e.properties = p
	return nil
}

// removeEdge removes an edge. In the lists of its ends the last one takes its
// place.
func (s *store) removeEdge(id uint64) error {
	place, ok := s.edges.find(id)
	if !ok {
		return errRemoveEdge
	}
	s.changes++
	e := &s.edges.rows[place]
	if e.out {
		n := s.nodes.get(e.source)
		n.out = without(n.out, place)
	} else {
		s.unleave(e.source, place)
	}
	if e.in {
		n := s.nodes.get(e.target)
		n.in = without(n.in, place)
	} else {
		s.unleave(e.target, place)
	}
	s.edges.remove(id)
	return nil
}

func without(list []uint32, place uint32) []uint32 {
	if i := slices.Index(list, place); i >= 0 {
		last := len(list) - 1
		list[i] = list[last]
		list = list[:last]
	}
	return list
}

// largest is the largest id of a node or an edge, 0 if there is none.
func (s *store) largest() uint64 {
	var id uint64
	for n := range s.nodes.places {
		id = max(id, n)
	}
	for e := range s.edges.places {
		id = max(id, e)
	}
	return id
}
