package instances

import (
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/knn"
	"github.com/jubatus/jubatus-go/learner/storage/rowtable"
	"github.com/jubatus/jubatus-go/learner/unlearner"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Owner is the owner of a node's rows. Nodes that share rows must tell theirs
// from those of others; rows of a model that nobody shares belong to nobody.
func Owner(env engine.Env) string {
	if env.Cluster {
		return env.ID
	}
	return ""
}

// table keeps signatures of vectors in a table that is scanned. Vectors need
// not be merged.
type table struct {
	index *knn.Index
	rows  *rowtable.Table
}

// TableSettings is what a parameter block says of instances in a table.
type TableSettings struct {
	method    string
	parameter *config.Value
	path      string
}

// ReadTable reads the members "method" and "parameter" of a parameter block.
func ReadTable(o *config.Reader) TableSettings {
	return TableSettings{o.String("method"), o.Any("parameter"), o.Path() + ".parameter"}
}

// NewTable returns no instances yet, to be kept as signatures, which an
// unlearner may bound. Those of other nodes that it has no room for do not get
// in. Errors are those of package config.
func NewTable(s TableSettings, u unlearner.Settings, env engine.Env) (*Instances, error) {
	forgetter, err := unlearner.New(u, env.Now)
	if err != nil {
		return nil, err
	}
	index, err := knn.New(s.method, s.parameter, s.path, Owner(env))
	if err != nil {
		return nil, err
	}
	t := &table{index: index, rows: index.Table()}
	if forgetter != nil {
		t.rows.Admit = forgetter.Touch
	}
	return newInstances(t, forgetter, env), nil
}

// OnMix sets what is called when vectors of other nodes have come into a table.
func (x *Instances) OnMix(do func()) {
	if t, ok := x.store.(*table); ok {
		t.rows.Changed = do
	}
}

func (t *table) has(id []byte) bool {
	_, ok := t.rows.Find(id)
	return ok
}

func (t *table) set(id []byte, v *fv.Vector, s *Search) error {
	t.index.Hash(v, &s.signature)
	_, err := t.index.Set(id, &s.signature)
	return err
}

func (t *table) nearest(v *fv.Vector, limit int, s *Search) {
	t.index.Hash(v, &s.signature)
	s.rows = t.index.Nearest(&s.signature, limit, s.rows)
	for _, n := range s.rows {
		s.found = append(s.found, Neighbor{t.rows.ID(n.Row), n.Distance})
	}
}

func (t *table) remove(id []byte) { t.rows.Delete(id) }

func (t *table) clear() { t.rows.Clear() }

func (t *table) pack(b []byte) []byte { return t.rows.Pack(b) }

func (t *table) unpack(r *mpack.Reader, _ engine.Source) (commit func(), err error) {
	return t.rows.Unpack(r)
}

func (t *table) mixable() engine.Mixable { return t.rows }

func (t *table) identical() float64 { return 0 }

// IDs yields the ids of all vectors, which are in a table.
func (x *Instances) IDs(yield func(id []byte) bool) {
	t, ok := x.store.(*table)
	if !ok {
		return
	}
	for row := range t.rows.Len() {
		if !yield(t.rows.ID(row)) {
			return
		}
	}
}
