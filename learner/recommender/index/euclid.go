package index

import (
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/storage/lshindex"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// hashTables compares the rows in some buckets of hash tables by their estimated
// Euclidean distance.
type hashTables struct{ rows *lshindex.Index }

func (m *hashTables) set(id []byte, v *fv.Vector, s *Search) error {
	m.rows.Hash(v, &s.hashes)
	return m.rows.Set(id, &s.hashes)
}

func (m *hashTables) updateIsEnough() bool { return false }

func (m *hashTables) touchesFirst() bool { return false }

func (m *hashTables) remove(id []byte) { m.rows.Remove(id) }

func (m *hashTables) clear() { m.rows.Clear() }

func (m *hashTables) len() int { return m.rows.Len() }

func (m *hashTables) all(yield func(row int) bool) { upTo(m.len(), yield) }

func (m *hashTables) find(id []byte) (row int, ok bool) { return m.rows.Find(id) }

func (m *hashTables) appendID(b []byte, row int) []byte { return append(b, m.rows.ID(row)...) }

func (m *hashTables) similar(v *fv.Vector, limit int, s *Search) {
	m.rows.Hash(v, &s.hashes)
	s.near = m.rows.Similar(&s.hashes, limit, s.near)
	m.found(s)
}

func (m *hashTables) similarTo(id []byte, limit int, s *Search) bool {
	if row, ok := m.rows.Find(id); ok {
		s.near = m.rows.SimilarTo(row, limit, s.near)
		m.found(s)
	}
	return true
}

func (m *hashTables) found(s *Search) {
	for _, n := range s.near {
		s.found = append(s.found, Similar{n.Row, n.Score})
	}
}

func (m *hashTables) distance(similarity float64) float64 { return -similarity }

func (m *hashTables) pack(b []byte) []byte { return m.rows.Pack(b) }

func (m *hashTables) unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	return m.rows.Unpack(r, from)
}

func (m *hashTables) mixable() engine.Mixable { return m.rows }

// euclidLSH reads the parameter of euclid_lsh.
func (b *builder) euclidLSH() error {
	h := b.hashing()
	tables, width := b.o.Int("table_num"), float32(b.o.Float("bin_width"))
	probes, seed := b.o.Int("probe_num"), b.o.Int("seed")
	if err := b.finish(); err != nil {
		return err
	}
	switch {
	case h.bits < 1:
		return config.InvalidParameter("1 <= hash_num")
	case tables < 1:
		return config.InvalidParameter("1 <= table_num")
	case !(width > 0):
		return config.InvalidParameter("0.0 < bin_width")
	case probes < 0:
		return config.InvalidParameter("0 <= probe_num")
	case seed < 0:
		return config.InvalidParameter("0 <= seed")
	case h.cached < 0:
		return config.InvalidParameter("0 <= cache_size")
	}
	if int64(h.bits)*int64(tables) > maxHashes {
		return config.RuntimeError("hash_num * table_num is too large")
	}
	rows := lshindex.New(lshindex.Options{
		Hashes: int(h.bits), Tables: int(tables), Width: width, Probes: int(probes), Seed: uint32(seed),
		Threads: int(h.threads), Cache: int(h.cached),
	})
	if b.unlearner != nil {
		rows.Gate = b.unlearner
	}
	b.method = &hashTables{rows}
	return nil
}

// maxHashes is how many hash functions there can be in all. A row has a bit of
// each.
const maxHashes = 1 << 24
