package anomaly

import (
	"sync"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
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

func (n *similar) nearest(v *fv.Vector, limit int, found func(id []byte, distance float64)) {
	s := n.borrow()
	defer n.giveBack(s)
	n.report(n.index.Similar(v, limit, &s.Search), s, found)
}

func (n *similar) nearestOf(id []byte, limit int, found func(id []byte, distance float64)) {
	s := n.borrow()
	defer n.giveBack(s)
	if n.rankings != nil && limit == n.kept {
		if row, ok := n.rankings.Find(id); ok {
			n.reportKept(n.rankings.Of(row), s, found)
			return
		}
	}
	n.report(n.index.SimilarTo(id, limit, &s.Search), s, found)
}

func (n *similar) changed(id []byte, limit int, found func(id []byte, distance float64)) {
	if n.rankings == nil {
		n.nearestOf(id, limit, found)
		return
	}
	row, ok := n.rankings.Find(id)
	if !ok {
		n.mixed()
		n.nearestOf(id, limit, found)
		return
	}
	s := n.borrow()
	defer n.giveBack(s)
	n.nearby = n.rankings.Changed(row, limit, n.nearby)
	n.reportKept(n.nearby, s, found)
}

func (n *similar) reportKept(list []inverted.Neighbor, s *search, found func(id []byte, distance float64)) {
	for _, m := range list {
		s.id = n.index.ID(s.id, m.Row)
		found(s.id, m.Score)
	}
}

func (n *similar) report(list []index.Similar, s *search, found func(id []byte, distance float64)) {
	for _, m := range list {
		s.id = n.index.ID(s.id, m.Row)
		found(s.id, n.index.Distance(m.Similarity))
	}
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
