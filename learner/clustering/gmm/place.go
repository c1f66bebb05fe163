package gmm

import "github.com/jubatus/jubatus-go/learner/clustering/sparse"

// vector is a vector's values by dimension.
type vector []cell

type cell struct {
	dim   int32
	value float64
}

// placed are vectors whose features have been given dimensions.
type placed struct {
	dims    []uint32
	index   []int32
	vectors []vector
	kept    []int32 // the dimensions that some vector has a value of
}

// place numbers the features in the order in which they appear. A vector that
// brings a new one loses its values before that one: so it has always been,
// and mixtures depend on it.
func place(s *sparse.Sample) placed {
	p := placed{index: make([]int32, s.Keys().Len()), vectors: make([]vector, s.Len())}
	for i := range p.index {
		p.index[i] = -1
	}
	total := 0
	for i := range s.Len() {
		total += len(s.Row(i).Values)
	}
	cells := make(vector, 0, total)
	for i := range s.Len() {
		v := s.Vector(s.Row(i))
		start := len(cells)
		for j, key := range v.Keys {
			if p.index[key] < 0 {
				p.index[key] = int32(len(p.dims))
				p.dims = append(p.dims, key)
				cells = cells[:start]
			}
			cells = append(cells, cell{p.index[key], v.Values[j]})
		}
		p.vectors[i] = cells[start:len(cells):len(cells)]
	}
	has := make([]bool, len(p.dims))
	for _, x := range cells {
		has[x.dim] = true
	}
	for dim, ok := range has {
		if ok {
			p.kept = append(p.kept, int32(dim))
		}
	}
	return p
}
