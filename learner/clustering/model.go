package clustering

import (
	"log/slog"
	"slices"

	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
)

// model is the points and what a method makes of them.
type model struct {
	id     string // of this server
	log    *slog.Logger
	store  storage
	method method

	keys     *sparse.Keys
	common   []group // the points of the other servers
	revision uint64
	run      uint32 // counts runs of the method
	mixed    uint64 // how many diffs have been put
	roomy    int    // as many keys as are worth looking for unused ones
}

// storage keeps this server's own points.
type storage interface {
	// add adds a point. At the end of a bucket it calls full, before or after
	// the point is in.
	add(p *point, k *sparse.Keys, full func())
	// own appends the points in order.
	own(to []*point) []*point
	// each replaces every point's vector.
	each(change func(sparse.Vector) sparse.Vector)
	// take replaces the points by those of a list.
	take(points []*point)
	clear()
	saved
}

// method clusters points. What changes it is called with the model held alone.
type method interface {
	// cluster clusters points anew. The list is the method's to keep.
	cluster(points []*point, k *sparse.Keys) error
	// rekey follows the features to another numbering.
	rekey(from, to *sparse.Keys)

	// members returns the points of every cluster, of all that are stored.
	members(m *model) ([][]*point, error)
	// centers returns the centre of every cluster.
	centers() ([]sparse.Vector, error)
	// nearestCenter and nearestCluster return the centre or the number of the
	// cluster nearest to a vector that is not stored.
	nearestCenter(m *model, v sparse.Source) (sparse.Vector, error)
	nearestCluster(m *model, v sparse.Source) (int, error)
}

const fewKeys = 1 << 12

func newModel(id string, log *slog.Logger, s storage, x method) *model {
	return &model{id: id, log: log, store: s, method: x, keys: sparse.NewKeys(), roomy: fewKeys}
}

// add adds a point whose features are interned.
func (m *model) add(p *point) {
	m.store.add(p, m.keys, func() {
		m.revision++
		m.recluster()
	})
}

// all returns all points: the own ones, then those of others, by their order.
func (m *model) all() []*point {
	points := m.store.own(nil)
	for _, g := range m.common {
		points = append(points, g.points...)
	}
	return points
}

// recluster runs the method over all points.
func (m *model) recluster() {
	m.forgetKeys()
	m.run++
	if err := m.method.cluster(m.all(), m.keys); err != nil {
		m.log.Warn("clustering failed: " + err.Error())
	}
}

// clear forgets everything but how many points there have been.
func (m *model) clear() {
	m.store.clear()
	m.common, m.revision = nil, 0
	m.keys, m.roomy = sparse.NewKeys(), fewKeys
	m.recluster()
}

// forgetKeys numbers the features anew when that may make many unused numbers
// go.
func (m *model) forgetKeys() {
	if m.keys.Len() < m.roomy {
		return
	}
	m.rekey(sparse.NewKeys())
	m.roomy = max(2*m.keys.Len(), fewKeys)
}

// rekey moves all vectors to another numbering.
func (m *model) rekey(to *sparse.Keys) {
	adopt := func(v sparse.Vector) sparse.Vector { return to.Adopt(v, m.keys) }
	m.store.each(adopt)
	for _, g := range m.common {
		for _, p := range g.points {
			p.vector = adopt(p.vector)
		}
	}
	m.method.rekey(m.keys, to)
	m.keys = to
}

// share makes other servers' points the common ones. The own ones among them
// are known better here.
func (m *model) share(groups []group) {
	m.common = slices.DeleteFunc(groups, func(g group) bool { return g.server == m.id })
}

// sample readies points for computing.
func sample(points []*point, k *sparse.Keys, metric sparse.Metric) *sparse.Sample {
	s := sparse.NewSample(k, metric, len(points))
	for _, p := range points {
		s.Add(p.vector, p.weight)
	}
	return s
}
