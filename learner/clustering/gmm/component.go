package gmm

import "math"

// component is a normal distribution, or the sums that make one.
type component struct {
	mean   []float64
	factor factor // of the covariance; the sum of outer products before that
	weight float64
}

func newComponent(dims int) component {
	return component{mean: make([]float64, dims), factor: newFactor(dims)}
}

// start makes it the standard normal distribution around v.
func (p *component) start(v vector) {
	p.clear()
	for _, x := range v {
		p.mean[x.dim] = x.value
	}
	for i := range p.mean {
		p.factor.cells[p.factor.at(i, i)] = 1
	}
	p.factor.decompose()
}

func (p *component) clear() {
	clear(p.mean)
	clear(p.factor.cells)
	p.weight = 0
}

// add counts v in, with that weight.
func (p *component) add(v vector, weight float64) {
	p.weight += weight
	for _, x := range v {
		p.mean[x.dim] += float64(weight * x.value)
	}
	for _, x := range v {
		wx := float64(weight * x.value)
		row := p.factor.row(int(x.dim))
		for _, y := range v {
			if y.dim <= x.dim {
				row[y.dim] += float64(wx * y.value)
			}
		}
	}
}

// finish turns the sums into mean and covariance.
func (p *component) finish() {
	for i := range p.mean {
		p.mean[i] /= p.weight
	}
	for i, m := range p.mean {
		row := p.factor.row(i)
		for j := range row {
			row[j] = row[j]/p.weight - float64(m*p.mean[j])
		}
		row[i] += ridge
	}
	p.factor.decompose()
}

// logDensity is the logarithm of the density at v, up to a constant. rest is
// memory for a number per dimension.
func (p *component) logDensity(v vector, rest []float64) float64 {
	for i, m := range p.mean {
		rest[i] = -m
	}
	for _, x := range v {
		rest[x.dim] += x.value
	}
	return -0.5 * (p.factor.logDeterminant + p.factor.quadratic(rest))
}

// distance is how far apart the means are.
func (p *component) distance(q *component) float64 {
	sum := 0.0
	for i, m := range p.mean {
		d := m - q.mean[i]
		sum += float64(d * d)
	}
	return math.Sqrt(sum)
}
