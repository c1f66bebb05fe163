package clustering

import (
	"errors"

	"github.com/jubatus/jubatus-go/learner/clustering/gmm"
	"github.com/jubatus/jubatus-go/learner/clustering/kmeans"
	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
)

// errNotPerformed answers questions before there are clusters.
var errNotPerformed = errors.New("clustering is not performed yet")

// finder tells the cluster that vectors are nearest to, one after another.
type finder interface {
	stored(v sparse.Vector) int
	asked(v sparse.Source) int
}

// centered is a method whose clusters have centres.
type centered interface {
	cluster(points []*point, k *sparse.Keys) error
	rekey(from, to *sparse.Keys)
	performed() bool
	count() int
	center(i int) sparse.Vector
	finder(k *sparse.Keys) finder
}

// central answers the questions to such a method.
type central struct{ centered }

func (c central) members(m *model) ([][]*point, error) {
	if !c.performed() {
		return nil, errNotPerformed
	}
	clusters, f := make([][]*point, c.count()), c.finder(m.keys)
	for _, p := range m.all() {
		i := p.cluster(m.run, f.stored)
		clusters[i] = append(clusters[i], p)
	}
	return clusters, nil
}

func (c central) centers() ([]sparse.Vector, error) {
	if !c.performed() {
		return nil, errNotPerformed
	}
	centers := make([]sparse.Vector, c.count())
	for i := range centers {
		centers[i] = c.center(i)
	}
	return centers, nil
}

func (c central) nearestCluster(m *model, v sparse.Source) (int, error) {
	if !c.performed() {
		return 0, errNotPerformed
	}
	return c.finder(m.keys).asked(v), nil
}

func (c central) nearestCenter(m *model, v sparse.Source) (sparse.Vector, error) {
	i, err := c.nearestCluster(m, v)
	if err != nil {
		return sparse.Vector{}, err
	}
	return c.center(i), nil
}

// byMeans is k-means.
type byMeans struct{ means *kmeans.KMeans }

func (b byMeans) cluster(points []*point, k *sparse.Keys) error {
	b.means.Run(sample(points, k, b.means.Metric()))
	return nil
}

func (b byMeans) rekey(from, to *sparse.Keys) { b.means.Rekey(from, to) }
func (b byMeans) performed() bool             { return b.means.Performed() }
func (b byMeans) count() int                  { return len(b.means.Centers()) }
func (b byMeans) center(i int) sparse.Vector  { return b.means.Centers()[i] }
func (b byMeans) finder(k *sparse.Keys) finder {
	return &meansFinder{b.means, k, k.Locator(b.means.Like())}
}

type meansFinder struct {
	means   *kmeans.KMeans
	keys    *sparse.Keys
	locator *sparse.Locator
}

func (f *meansFinder) stored(v sparse.Vector) int { return f.means.Nearest(f.locator.Row(v)) }

func (f *meansFinder) asked(v sparse.Source) int {
	var r sparse.Row
	f.keys.Locate(v, &r)
	return f.means.Nearest(r)
}

// byMixture is a mixture of normal distributions.
type byMixture struct{ mixture *gmm.GMM }

func (b byMixture) cluster(points []*point, k *sparse.Keys) error {
	return b.mixture.Run(sample(points, k, sparse.ByEuclid))
}

func (b byMixture) rekey(from, to *sparse.Keys)  { b.mixture.Rekey(from, to) }
func (b byMixture) performed() bool              { return b.mixture.Performed() }
func (b byMixture) count() int                   { return b.mixture.Len() }
func (b byMixture) center(i int) sparse.Vector   { return b.mixture.Mean(i) }
func (b byMixture) finder(k *sparse.Keys) finder { return &mixtureFinder{mixture: b.mixture, keys: k} }

type mixtureFinder struct {
	mixture *gmm.GMM
	keys    *sparse.Keys
	query   gmm.Query
}

func (f *mixtureFinder) stored(v sparse.Vector) int { return f.mixture.Nearest(v, &f.query) }

func (f *mixtureFinder) asked(v sparse.Source) int {
	var known sparse.Vector
	f.keys.Known(v, &known)
	return f.mixture.Nearest(known, &f.query)
}
