package index

import (
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/storage/inverted"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// exact compares rows by all their features: by the cosine of the angle
// between them.
type exact struct{ rows *inverted.Index }

func (m *exact) set(id []byte, v *fv.Vector, _ *Search) error {
	m.rows.Set(id, v)
	return nil
}

func (m *exact) updateIsEnough() bool { return true }

func (m *exact) touchesFirst() bool { return false }

func (m *exact) remove(id []byte) { m.rows.Remove(id) }

func (m *exact) clear() { m.rows.Clear() }

func (m *exact) len() int { return m.rows.Len() }

func (m *exact) all(yield func(row int) bool) { m.rows.All(yield) }

func (m *exact) find(id []byte) (row int, ok bool) { return m.rows.Find(id) }

func (m *exact) appendID(b []byte, row int) []byte { return append(b, m.rows.ID(row)...) }

func (m *exact) similar(v *fv.Vector, limit int, s *Search) {
	s.inverted = m.rows.Cosine(v, limit, s.inverted)
	for _, n := range s.inverted {
		s.found = append(s.found, Similar{n.Row, n.Score})
	}
}

func (m *exact) similarTo([]byte, int, *Search) bool { return false }

func (m *exact) distance(similarity float64) float64 { return 1 - similarity }

func (m *exact) pack(b []byte) []byte { return m.rows.Pack(b) }

func (m *exact) unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	return m.rows.Unpack(r, from == engine.FromPeer)
}

func (m *exact) mixable() engine.Mixable { return m.rows }

// exactEuclid compares rows by their Euclidean distance.
type exactEuclid struct {
	exact
	which inverted.Rows
}

func (m *exactEuclid) similar(v *fv.Vector, limit int, s *Search) {
	s.inverted = m.rows.Euclid(v, limit, m.which, s.inverted)
	for _, n := range s.inverted {
		s.found = append(s.found, Similar{n.Row, -n.Score})
	}
}

func (m *exactEuclid) distance(similarity float64) float64 { return -similarity }
