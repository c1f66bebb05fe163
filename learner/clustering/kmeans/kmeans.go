// Package kmeans puts weighted vectors into k clusters around means: Lloyd's
// iteration (IEEE Transactions on Information Theory 28(2), 1982) from centres
// that are seeded far apart, after Arthur and Vassilvitskii (SODA 2007), but
// by distance, not by its square.
package kmeans

import (
	"math"

	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
	"github.com/jubatus/jubatus-go/learner/mt19937"
)

// KMeans is the method and the centres that it found last.
type KMeans struct {
	k       int
	metric  sparse.Metric
	random  *mt19937.Source
	centers []sparse.Vector
	located []sparse.Normed // the centres, for the present ranking of keys
}

// New returns the method without centres. There are to be k of them, at least
// one. Its generator goes on from run to run.
func New(k int, m sparse.Metric, seed uint32) *KMeans {
	return &KMeans{k: k, metric: m, random: mt19937.New(seed)}
}

// Metric is how the method measures distances.
func (m *KMeans) Metric() sparse.Metric { return m.metric }

// Reset forgets the centres. The generator goes on.
func (m *KMeans) Reset() { m.centers, m.located = nil, nil }

// Run finds centres anew. Of fewer than k vectors there are none to find: the
// centres stay as they are.
func (m *KMeans) Run(s *sparse.Sample) {
	if s.Len() == 0 {
		m.Reset()
		return
	}
	if s.Len() < m.k {
		m.locate(s.Keys())
		return
	}
	l := &lloyd{sample: s, metric: m.metric, centers: m.seed(s)}
	l.run()
	m.located = l.centers
	m.centers = make([]sparse.Vector, m.k)
	for i, c := range l.centers {
		m.centers[i] = s.Vector(c.Row)
		if i > 0 && s.Dense() {
			m.centers[i].Keys = m.centers[0].Keys
		}
	}
}

// Rekey follows the features to another numbering, which is not ranked yet.
func (m *KMeans) Rekey(from, to *sparse.Keys) {
	for i, c := range m.centers {
		m.centers[i] = to.Adopt(c, from)
	}
}

// locate finds the centres' places in a ranking that they were not made in.
func (m *KMeans) locate(k *sparse.Keys) {
	l := k.Locator(sparse.Row{})
	for i, c := range m.centers {
		m.located[i] = m.metric.Normed(l.Stable(c))
	}
}

// seed picks the first vector and k-1 more, each with a probability that is
// proportional to its distance from those before it, times its weight.
func (m *KMeans) seed(s *sparse.Sample) []sparse.Normed {
	n := s.Len()
	centers := make([]sparse.Normed, 0, m.k)
	centers = append(centers, s.At(0))
	distances, masses := make([]float64, n), make([]float64, n)
	for i := range distances {
		distances[i] = math.Inf(1)
	}
	generator := &mt19937.Source{}
	for len(centers) < m.k {
		last := centers[len(centers)-1]
		for i := range n {
			if d := m.metric.Distance(s.At(i), last); d < distances[i] {
				distances[i] = d
			}
			masses[i] = float64(distances[i] * s.Weights[i])
		}
		generator.Seed(m.random.Uint32())
		centers = append(centers, s.At(mt19937.NewDiscrete(masses).Draw(generator)))
	}
	return centers
}

// Performed reports whether there are centres.
func (m *KMeans) Performed() bool { return m.centers != nil }

// Centers are the centres. They are not changed.
func (m *KMeans) Centers() []sparse.Vector { return m.centers }

// Nearest is the index of the centre nearest to a row, the first of those that
// are equally near. There must be centres.
func (m *KMeans) Nearest(r sparse.Row) int {
	i, _ := m.metric.Nearest(m.metric.Normed(r), m.located)
	return i
}

// Like is a row of the shape that rows need for Nearest to be fastest.
func (m *KMeans) Like() sparse.Row { return m.located[0].Row }
