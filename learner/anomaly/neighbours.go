package anomaly

import (
	"sync"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/recommender/index"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// similar is neighbours by similarity.
type similar struct {
	index    *index.Index
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
	return &similar{index: x}, nil
}

func (n *similar) update(id []byte, v *fv.Vector) error { return n.index.Update(id, v) }
func (n *similar) remove(id []byte)                     { n.index.Remove(id) }
func (n *similar) clear()                               { n.index.Clear() }
func (n *similar) row(id []byte, v *fv.Vector)          { n.index.Original(id, v) }

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
	n.report(n.index.SimilarTo(id, limit, &s.Search), s, found)
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
	return n.index.Unpack(r, from)
}

func (n *similar) status(set func(key, value string)) { n.index.Status(set) }
func (n *similar) mixables() []engine.Mixable         { return []engine.Mixable{n.index.Mixable()} }
