package index

import (
	"github.com/jubatus/jubatus-go/learner/config"
)

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
	return config.Unsupported("euclid_lsh")
}

// maxHashes is how many hash functions there can be in all. A row has a bit of
// each.
const maxHashes = 1 << 24
