package anomaly

import (
	"sync"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/knn"
	"github.com/jubatus/jubatus-go/learner/recommender/index"
	"github.com/jubatus/jubatus-go/learner/storage/inverted"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// similar is neighbours by similarity.
type similar struct {
	index    *index.Index
	whole    bool
	rankings *inverted.Rankings // nil if the method has none
	kept     int                // of how many rows they are
	nearby   []inverted.Neighbor
	searches sync.Pool // of *search
}

// search is the memory of a search.
type search struct {
	index.Search
	id []byte
}

func newNeighbours(method string, parameter *config.Value, env engine.Env) (neighbours, error) {
	if parameter != nil && parameter.Kind == config.Null {
		parameter = nil
	}
	x, err := index.New(method, parameter, nestedPath, env)
	if err != nil {
		return nil, err
	}
	return &similar{index: x, whole: method != "euclid_lsh"}, nil
}

// mostKept is of how many rows at most rankings are kept.
const mostKept = 128

func (n *similar) keep(limit int) {
	n.rankings, n.kept = nil, limit
	if limit <= mostKept {
		n.rankings = n.index.Rankings(limit)
	}
}

func (n *similar) total() bool { return n.whole }

func (n *similar) update(id []byte, v *fv.Vector) error { return n.index.Update(id, v) }

func (n *similar) remove(id []byte) {
	if n.rankings != nil {
		n.rankings.Removed(id)
	}
	n.index.Remove(id)
}

func (n *similar) clear() {
	n.index.Clear()
	n.mixed()
}

func (n *similar) mixed() {
	if n.rankings != nil {
		n.rankings.Invalidate()
	}
}

func (n *similar) row(id []byte, v *fv.Vector) { n.index.Original(id, v) }
func (n *similar) has(id []byte) bool          { return n.index.HasOriginal(id) }

func (n *similar) borrow() *search {
	if s, ok := n.searches.Get().(*search); ok {
		return s
	}
	return &search{}
}

func (n *similar) giveBack(s *search) {
	s.Trim()
	n.searches.Put(s)
}

func (n *similar) nearest(v *fv.Vector, limit int, number numbering, list []knn.Neighbor) []knn.Neighbor {
	s := n.borrow()
	defer n.giveBack(s)
	return n.numbered(n.index.Similar(v, limit, &s.Search), s, number, list)
}

func (n *similar) nearestOf(id []byte, limit int, number numbering, list []knn.Neighbor) []knn.Neighbor {
	s := n.borrow()
	defer n.giveBack(s)
	if n.rankings != nil && limit == n.kept {
		if row, ok := n.rankings.Find(id); ok {
			return n.keptNumbered(n.rankings.Of(row), s, number, list)
		}
	}
	return n.numbered(n.index.SimilarTo(id, limit, &s.Search), s, number, list)
}

func (n *similar) changed(id []byte, limit int, number numbering, list []knn.Neighbor) []knn.Neighbor {
	if n.rankings == nil {
		return n.nearestOf(id, limit, number, list)
	}
	row, ok := n.rankings.Find(id)
	if !ok {
		n.mixed()
		return n.nearestOf(id, limit, number, list)
	}
	s := n.borrow()
	defer n.giveBack(s)
	n.nearby = n.rankings.Changed(row, limit, n.nearby)
	return n.keptNumbered(n.nearby, s, number, list)
}

// numbered is what was found, with the caller's numbers of rows.
func (n *similar) numbered(found []index.Similar, s *search, number numbering, list []knn.Neighbor) []knn.Neighbor {
	list = list[:0]
	for _, m := range found {
		s.id = n.index.ID(s.id, m.Row)
		list = append(list, knn.Neighbor{Row: number(s.id), Distance: n.index.Distance(m.Similarity)})
	}
	return list
}

func (n *similar) keptNumbered(found []inverted.Neighbor, s *search, number numbering, list []knn.Neighbor) []knn.Neighbor {
	list = list[:0]
	for _, m := range found {
		s.id = n.index.ID(s.id, m.Row)
		list = append(list, knn.Neighbor{Row: number(s.id), Distance: m.Score})
	}
	return list
}

func (n *similar) len() int { return n.index.Len() }

func (n *similar) eachID(do func(id []byte)) {
	var id []byte
	for row := range n.index.All {
		id = n.index.ID(id, row)
		do(id)
	}
}

func (n *similar) pack(b []byte) []byte { return n.index.Pack(b) }

func (n *similar) unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	unpacked, err := n.index.Unpack(r, from)
	if err != nil {
		return nil, err
	}
	return func() { unpacked(); n.mixed() }, nil
}

func (n *similar) status(set func(key, value string)) { n.index.Status(set) }
func (n *similar) mixables() []engine.Mixable         { return []engine.Mixable{n.index.Mixable()} }
