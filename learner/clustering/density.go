package clustering

import (
	"errors"

	"github.com/jubatus/jubatus-go/learner/clustering/dbscan"
	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
)

// What clusters without centres cannot be asked.
var (
	errNoCenters        = errors.New("unsupported method (get_k_center)")
	errNoNearestCenter  = errors.New("unsupported method (get_nearest_center)")
	errNoNearestCluster = errors.New("unsupported method (get_nearest_center_index)")
)

// density is DBSCAN. Its clusters are those of the last run: points that came
// later are in none.
type density struct {
	eps      float64
	minCore  int
	metric   sparse.Metric
	clusters [][]*point
}

func (d *density) cluster(points []*point, k *sparse.Keys) error {
	found := dbscan.Scan(sample(points, k, d.metric), d.eps, d.minCore)
	d.clusters = make([][]*point, len(found))
	for i, indices := range found {
		d.clusters[i] = make([]*point, len(indices))
		for j, index := range indices {
			d.clusters[i][j] = points[index]
		}
	}
	return nil
}

func (d *density) rekey(_, _ *sparse.Keys) {}

func (d *density) members(*model) ([][]*point, error) {
	if len(d.clusters) == 0 {
		return nil, errNotPerformed
	}
	return d.clusters, nil
}

func (d *density) centers() ([]sparse.Vector, error) { return nil, errNoCenters }

func (d *density) nearestCenter(*model, sparse.Source) (sparse.Vector, error) {
	return sparse.Vector{}, errNoNearestCenter
}

func (d *density) nearestCluster(*model, sparse.Source) (int, error) {
	return 0, errNoNearestCluster
}
