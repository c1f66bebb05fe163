package knn

import (
	"runtime"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/storage/rowtable"
	"github.com/jubatus/jubatus-go/learner/storage/signature"
)

// method is how rows are hashed and compared.
type method uint8

const (
	lsh method = iota
	minhash
	euclid
)

// methods are the methods by their names.
var methods = map[string]method{"lsh": lsh, "minhash": minhash, "euclid_lsh": euclid}

// New returns an empty index of a method: "lsh" compares the directions of
// vectors by random projection, "minhash" the sets that they are, weighted,
// and "euclid_lsh" estimates their distance from the angle between them and
// their norms. The parameter is the method's block in the configuration, at
// that path:
//
//	hash_num    bits of a signature, at least 1
//	threads     optional; above 1, into how many blocks work is cut; below 0
//	            as many as there are processors
//	cache_size  optional, not for minhash; of how many features at least the
//	            random directions are remembered, from 0
//
// Rows get the name of their owner, so that nodes can share them. Errors are
// those of package config.
func New(name string, parameter *config.Value, path, owner string) (*Index, error) {
	m, ok := methods[name]
	if !ok {
		return nil, config.Unsupported(name)
	}
	if parameter == nil {
		path = ""
	}
	o := config.Read(parameter, path)
	bits := int(o.Int("hash_num"))
	threads, _ := o.OptInt("threads")
	var cached int32
	if m != minhash {
		cached, _ = o.OptInt("cache_size")
	}
	if err := o.Err(); err != nil {
		return nil, err
	}
	if bits < 1 {
		return nil, config.InvalidParameter("1 <= hash_num")
	}
	if cached < 0 {
		return nil, config.InvalidParameter("0 <= cache_size")
	}
	if threads < 0 {
		threads = int32(runtime.NumCPU())
	}
	x := &Index{method: m, bits: bits, threads: int(threads)}
	columns := []rowtable.Column{rowtable.Bits(bits)}
	if m == euclid {
		columns = append(columns, rowtable.Double())
		x.cosines = signature.NewCosines(bits)
	}
	if m != minhash {
		x.projector = signature.NewProjectorCache(bits, int(threads), int(cached))
	}
	x.table = rowtable.New(owner, columns...)
	return x, nil
}
