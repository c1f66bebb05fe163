package index

import (
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/storage/bitindex"
	"github.com/jubatus/jubatus-go/learner/storage/signature"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// signatures compares rows by bits that they are hashed to.
type signatures struct {
	rows *bitindex.Index
	hash func(v *fv.Vector, dst []uint64) []uint64
}

func (m *signatures) set(id []byte, v *fv.Vector, s *Search) error {
	s.words = m.hash(v, s.words)
	return m.rows.Set(id, s.words)
}

func (m *signatures) updateIsEnough() bool { return false }

func (m *signatures) touchesFirst() bool { return false }

func (m *signatures) remove(id []byte) { m.rows.Remove(id) }

func (m *signatures) clear() { m.rows.Clear() }

func (m *signatures) len() int { return m.rows.Len() }

func (m *signatures) all(yield func(row int) bool) { upTo(m.len(), yield) }

func (m *signatures) find(id []byte) (row int, ok bool) { return m.rows.Find(id) }

func (m *signatures) appendID(b []byte, row int) []byte { return append(b, m.rows.ID(row)...) }

func (m *signatures) similar(v *fv.Vector, limit int, s *Search) {
	s.words = m.hash(v, s.words)
	m.rank(s.words, limit, s)
}

func (m *signatures) similarTo(id []byte, limit int, s *Search) bool {
	if row, ok := m.rows.Find(id); ok {
		m.rank(m.rows.Record(row), limit, s)
	}
	return true
}

func (m *signatures) rank(words []uint64, limit int, s *Search) {
	s.alike = m.rows.Similar(words, limit, s.alike)
	for _, n := range s.alike {
		s.found = append(s.found, Similar{n.Row, n.Score})
	}
}

func (m *signatures) distance(similarity float64) float64 { return 1 - similarity }

func (m *signatures) pack(b []byte) []byte { return m.rows.Pack(b) }

func (m *signatures) unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	return m.rows.Unpack(r, from)
}

func (m *signatures) mixable() engine.Mixable { return m.rows }

func (b *builder) minhash() error {
	bits := int(b.o.Int("hash_num"))
	if err := b.finish(); err != nil {
		return err
	}
	if bits < 1 {
		return config.InvalidParameter("1 <= hash_num")
	}
	b.signatures(bits, func(v *fv.Vector, dst []uint64) []uint64 {
		return signature.MinHash(v, bits, signature.Double, dst)
	})
	return nil
}

func (b *builder) lsh() error {
	h := b.hashing()
	if err := b.finish(); err != nil {
		return err
	}
	if err := h.check(); err != nil {
		return err
	}
	p := signature.NewProjectorCache(int(h.bits), int(h.threads), int(h.cached))
	b.signatures(int(h.bits), p.LSH)
	return nil
}

func (b *builder) signatures(bits int, hash func(v *fv.Vector, dst []uint64) []uint64) {
	rows := bitindex.New(bits)
	if b.unlearner != nil {
		rows.Gate = b.unlearner
	}
	b.method = &signatures{rows, hash}
}

// upTo yields the numbers below n.
func upTo(n int, yield func(row int) bool) {
	for row := range n {
		if !yield(row) {
			return
		}
	}
}
