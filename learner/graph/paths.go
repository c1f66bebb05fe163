package graph

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// forest is the shortest paths for a query: trees of the shortest ways to some
// landmarks and from there.
type forest struct {
	query query
	trees []tree
}

// tree is the shortest ways between a landmark and other nodes.
type tree struct {
	landmark uint64
	from, to []hop // by id, ascending
}

// hop is the first step from a node on its way towards the landmark, or the
// last one on the way from there, and how many steps there are.
type hop struct {
	id       uint64
	distance uint64
	next     uint64
}

// farthest bounds the distances that others may send.
const farthest = math.MaxUint32

func compareHops(a, b hop) int { return cmp.Compare(a.id, b.id) }

func find(hops []hop, id uint64) (hop, bool) {
	i, ok := slices.BinarySearchFunc(hops, id, func(h hop, id uint64) int { return cmp.Compare(h.id, id) })
	if !ok {
		return hop{}, false
	}
	return hops[i], true
}

// mentions reports whether a node is on any way.
func (f *forest) mentions(id uint64) bool {
	for i := range f.trees {
		if _, ok := find(f.trees[i].to, id); ok {
			return true
		}
		if _, ok := find(f.trees[i].from, id); ok {
			return true
		}
	}
	return false
}

// path appends the way between two nodes over the landmark that makes it
// shortest; of equals the first. It has at most limit nodes: a way that is
// longer ends there, or where the way from the landmark would begin.
func (f *forest) path(dst []uint64, source, target, limit uint64) []uint64 {
	var best *tree
	var shortest uint64
	for i := range f.trees {
		t := &f.trees[i]
		to, ok := find(t.to, source)
		if !ok {
			continue
		}
		from, ok := find(t.from, target)
		if !ok {
			continue
		}
		if d := to.distance + from.distance; best == nil || d < shortest {
			best, shortest = t, d
		}
	}
	if best == nil {
		return dst
	}
	return best.path(dst, source, target, limit)
}

func (t *tree) path(dst []uint64, source, target, limit uint64) []uint64 {
	begin := len(dst)
	length := func() uint64 { return uint64(len(dst) - begin) }
	for at := source; at != t.landmark; {
		if length() >= limit {
			return dst
		}
		h, ok := find(t.to, at)
		if !ok || length() > uint64(len(t.to)) { // only what others send goes in circles
			return dst[:begin]
		}
		dst = append(dst, at)
		if at == target {
			return dst
		}
		at = h.next
	}
	dst = append(dst, t.landmark)
	middle := len(dst)
	for at := target; at != t.landmark; {
		if length() >= limit {
			return dst[:middle]
		}
		h, ok := find(t.from, at)
		if !ok || uint64(len(dst)-middle) > uint64(len(t.from)) {
			return dst[:begin]
		}
		dst = append(dst, at)
		at = h.next
	}
	slices.Reverse(dst[middle:])
	return dst
}

// grow returns the trees with all shorter ways that the nodes here make
// possible, restricted to these. Ways are never given up, though the edges may
// be gone.
func (f *forest) grow(v *view, s *store) []tree {
	if len(f.trees) == 0 {
		return nil
	}
	w := relaxation{view: v, chosen: v.choose(s, &f.query)}
	w.prepare()
	grown := make([]tree, len(f.trees))
	for i, t := range f.trees {
		grown[i] = tree{
			landmark: t.landmark,
			from:     w.run(t.landmark, t.from, &v.in, &v.out),
			to:       w.run(t.landmark, t.to, &v.out, &v.in),
		}
	}
	return grown
}

// relaxation is the memory of relaxing trees.
type relaxation struct {
	view     *view
	chosen   selection
	distance []uint64 // by rank
	next     []uint64 // by rank
	now      []uint64 // set of ranks that this pass has yet to look at
	later    []uint64 // set of ranks for the next pass
	first    int      // where in later the first one may be
}

// unreached is the distance of nodes without a way.
const unreached = math.MaxUint64

func (w *relaxation) prepare() {
	n := w.view.size()
	w.distance = make([]uint64, n)
	w.next = make([]uint64, n)
	words := (len(w.view.ids) + 63) / 64
	w.now = make([]uint64, words)
	w.later = make([]uint64, words)
}

// run makes the ways of a tree as short as they get. Passes go over the nodes
// in ascending order of their ids, and of ways of one length the first found
// stays, which decides between them. Only nodes that something has changed for
// are looked at again, so that the cost does not grow with the number of
// passes. ahead are the edges that ways follow, back the same in reverse.
func (w *relaxation) run(landmark uint64, hops []hop, ahead, back *arcs) []hop {
	for i := range w.distance {
		w.distance[i] = unreached
	}
	for _, h := range hops {
		if rank, ok := w.view.rank(h.id); ok {
			w.distance[rank], w.next[rank] = h.distance, h.next
		}
	}
	if rank, ok := w.view.rank(landmark); ok {
		w.distance[rank], w.next[rank] = 0, landmark
	}
	// Edges may be listed at one end only, and then back lacks them: it is
	// over when looking at all nodes changes nothing.
	for w.passes(ahead, back) {
	}
	n := 0
	here := w.distance[:len(w.view.ids)]
	for _, d := range here {
		if d != unreached {
			n++
		}
	}
	grown := make([]hop, 0, n)
	for rank, d := range here {
		if d != unreached {
			grown = append(grown, hop{w.view.ids[rank], d, w.next[rank]})
		}
	}
	return grown
}

// passes looks at all nodes, and again at those that have something to gain
// from what changed. It reports whether something did.
func (w *relaxation) passes(ahead, back *arcs) (changed bool) {
	nodes := len(w.view.ids)
	for i := range w.now {
		w.now[i] = math.MaxUint64
	}
	if rest := nodes % 64; rest > 0 {
		w.now[len(w.now)-1] = 1<<rest - 1
	}
	for first := 0; first < len(w.now); {
		w.first = len(w.later)
		for k := first; k < len(w.now); k++ {
			for w.now[k] != 0 {
				bit := bits.TrailingZeros64(w.now[k])
				w.now[k] &^= 1 << bit
				rank := uint32(64*k + bit)
				if w.shorten(rank, ahead) {
					changed = true
					w.wake(rank, back)
				}
			}
		}
		w.now, w.later = w.later, w.now
		first = w.first
	}
	return changed
}

// shorten makes the way of a node as short as its neighbours' allow.
func (w *relaxation) shorten(rank uint32, ahead *arcs) (shorter bool) {
	if !w.chosen.nodes[rank] {
		return false
	}
	from, to := ahead.of(rank)
	d := w.distance[rank]
	for k := from; k < to; k++ {
		far := ahead.far[k]
		if f := w.distance[far]; f != unreached && f+1 < d && w.chosen.nodes[far] && w.chosen.edge(ahead.edge[k]) {
			d = f + 1
			w.next[rank] = w.view.id(far)
			shorter = true
		}
	}
	w.distance[rank] = d
	return shorter
}

// wake has those looked at for which a node's way may be part of a shorter
// one: in this pass if it has yet to come to them.
func (w *relaxation) wake(rank uint32, back *arcs) {
	from, to := back.of(rank)
	least := w.distance[rank] + 1
	for k := from; k < to; k++ {
		far := back.far[k]
		if int(far) >= len(w.view.ids) || w.distance[far] <= least {
			continue
		}
		word, bit := int(far/64), uint64(1)<<(far%64)
		if far > rank {
			w.now[word] |= bit
		} else {
			w.later[word] |= bit
			w.first = min(w.first, word)
		}
	}
}

// has reports whether a node is a landmark.
func (f *forest) has(landmark uint64) bool {
	return slices.ContainsFunc(f.trees, func(t tree) bool { return t.landmark == landmark })
}
