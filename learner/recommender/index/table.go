package index

import (
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/knn"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// table compares rows by the signatures of a nearest neighbour method.
type table struct {
	index  *knn.Index
	euclid bool
}

func (m *table) set(id []byte, v *fv.Vector, s *Search) error {
	m.index.Hash(v, &s.signature)
	_, err := m.index.Set(id, &s.signature)
	return err
}

func (m *table) updateIsEnough() bool { return false }

func (m *table) touchesFirst() bool { return true }

func (m *table) remove(id []byte) { m.index.Table().Delete(id) }

func (m *table) clear() { m.index.Table().Clear() }

func (m *table) len() int { return m.index.Table().Len() }

func (m *table) all(yield func(row int) bool) { upTo(m.len(), yield) }

func (m *table) find(id []byte) (row int, ok bool) { return m.index.Table().Find(id) }

func (m *table) appendID(b []byte, row int) []byte { return append(b, m.index.Table().ID(row)...) }

func (m *table) similar(v *fv.Vector, limit int, s *Search) {
	m.index.Hash(v, &s.signature)
	s.neighbors = m.index.Nearest(&s.signature, limit, s.neighbors)
	for _, n := range s.neighbors {
		s.found = append(s.found, Similar{n.Row, m.index.Similarity(n.Distance)})
	}
}

func (m *table) similarTo([]byte, int, *Search) bool { return false }

func (m *table) distance(similarity float64) float64 {
	if m.euclid {
		return -similarity
	}
	return 1 - similarity
}

func (m *table) pack(b []byte) []byte { return m.index.Table().Pack(b) }

func (m *table) unpack(r *mpack.Reader, _ engine.Source) (commit func(), err error) {
	return m.index.Table().Unpack(r)
}

func (m *table) mixable() engine.Mixable { return m.index.Table() }
