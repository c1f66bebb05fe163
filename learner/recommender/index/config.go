package index

import (
	"runtime"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/knn"
	"github.com/jubatus/jubatus-go/learner/storage/inverted"
	"github.com/jubatus/jubatus-go/learner/storage/sparse"
	"github.com/jubatus/jubatus-go/learner/unlearner"
)

// New returns an empty index. The parameter is the method's block in the
// configuration, at that path. Every method takes an unlearner, and besides
//
//	inverted_index                nothing; the block may be missing
//	inverted_index_euclid         ignore_orthogonal, optional; as above
//	minhash                       hash_num
//	lsh                           hash_num; optional threads, cache_size
//	euclid_lsh                    as lsh, and table_num, bin_width, probe_num, seed
//	nearest_neighbor_recommender  method and parameter, as knn.New
//
// Errors are those of package config.
func New(name string, parameter *config.Value, path string, env engine.Env) (*Index, error) {
	read, ok := readers[name]
	if !ok {
		return nil, config.Unsupported(name)
	}
	b := &builder{env: env, path: path}
	if parameter == nil {
		b.path = ""
	}
	if parameter == nil && (name == "inverted_index" || name == "inverted_index_euclid") {
		parameter = &config.Value{Kind: config.Object}
	}
	b.o = config.Read(parameter, b.path)
	if err := read(b); err != nil {
		return nil, err
	}
	x := &Index{method: b.method, originals: sparse.New(), unlearner: b.unlearner}
	if u := x.unlearner; u != nil {
		u.OnForget(func(id string) { x.forget([]byte(id)) })
	}
	return x, nil
}

// builder reads a parameter block.
type builder struct {
	env       engine.Env
	o         *config.Reader
	path      string
	unlearner unlearner.Unlearner
	method    method
}

var readers = map[string]func(b *builder) error{
	"inverted_index":               (*builder).exact,
	"inverted_index_euclid":        (*builder).exactEuclid,
	"minhash":                      (*builder).minhash,
	"lsh":                          (*builder).lsh,
	"euclid_lsh":                   (*builder).euclidLSH,
	"nearest_neighbor_recommender": (*builder).table,
}

// finish reads the unlearner, when all else is read.
func (b *builder) finish() error {
	settings := unlearner.Read(b.o)
	if err := b.o.Err(); err != nil {
		return err
	}
	if settings.ParameterOnly() {
		return config.Invalid("unlearner_parameter is set but unlearner is not found")
	}
	var err error
	b.unlearner, err = unlearner.NewForRows(settings, b.env.Now)
	return err
}

func (b *builder) exact() error {
	if err := b.finish(); err != nil {
		return err
	}
	rows := inverted.New()
	if b.unlearner != nil {
		rows.Gate = b.unlearner
	}
	b.method = &exact{rows}
	return nil
}

func (b *builder) exactEuclid() error {
	which := inverted.AllRows
	if only, _ := b.o.OptBool("ignore_orthogonal"); only {
		which = inverted.InCommon
	}
	if err := b.exact(); err != nil {
		return err
	}
	b.method = &exactEuclid{*b.method.(*exact), which}
	return nil
}

// hashing is what methods of random projection have in common.
type hashing struct{ bits, threads, cached int32 }

func (b *builder) hashing() (h hashing) {
	h.bits = b.o.Int("hash_num")
	h.threads, _ = b.o.OptInt("threads")
	h.cached, _ = b.o.OptInt("cache_size")
	if h.threads < 0 {
		h.threads = int32(runtime.NumCPU())
	}
	return h
}

func (h hashing) check() error {
	switch {
	case h.bits < 1:
		return config.InvalidParameter("1 <= hash_num")
	case h.cached < 0:
		return config.InvalidParameter("0 <= cache_size")
	}
	return nil
}

func (b *builder) table() error {
	name, parameter := b.o.String("method"), b.o.Any("parameter")
	settings := unlearner.Read(b.o)
	if err := b.o.Err(); err != nil {
		return err
	}
	index, err := knn.New(name, parameter, b.path+".parameter", b.env.ID)
	if err != nil {
		return err
	}
	if b.unlearner, err = unlearner.NewForRows(settings, b.env.Now); err != nil {
		return err
	}
	if b.unlearner != nil {
		index.Table().Admit = b.unlearner.Touch
	}
	b.method = &table{index, name == "euclid_lsh"}
	return nil
}
