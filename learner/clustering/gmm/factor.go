package gmm

import "math"

// factor is a symmetric matrix, and after decompose its factors L and D, where
// L D Lᵀ is the matrix, L has ones on its diagonal, and D has nothing else.
// Only the lower triangle is kept, row by row; D lies on its diagonal.
type factor struct {
	cells          []float64
	logDeterminant float64
}

func newFactor(n int) factor { return factor{cells: make([]float64, n*(n+1)/2)} }

// at is the index of a cell of the lower triangle.
func (f *factor) at(row, column int) int { return row*(row+1)/2 + column }

// row is a row up to the diagonal.
func (f *factor) row(i int) []float64 { return f.cells[f.at(i, 0):][: i+1 : i+1] }

// decompose replaces the matrix by its factors. It is meant for matrices that
// are positive definite; what it makes of others may be no numbers.
func (f *factor) decompose() {
	f.logDeterminant = 0
	n := 0
	for start := 0; start < len(f.cells); n++ {
		row := f.cells[start:][: n+1 : n+1]
		start += n + 1
		// Row n of L D, from which that of L follows.
		for j := range n {
			other := f.row(j)
			row[j] -= dot(row[:j], other)
		}
		d := row[n]
		for j := range n {
			l := row[j] / f.cells[f.at(j, j)]
			d -= float64(l * row[j])
			row[j] = l
		}
		row[n] = d
		f.logDeterminant += math.Log(math.Abs(d))
	}
}

// quadratic is xᵀ M⁻¹ x for the matrix M whose factors these are. It uses up
// x.
func (f *factor) quadratic(x []float64) float64 {
	sum := 0.0
	at := 0
	for i := range x {
		row := f.cells[at:][: i+1 : i+1]
		at += i + 1
		y := x[i] - dot(row[:i], x)
		x[i] = y
		sum += float64(y*y) / row[i]
	}
	return sum
}

// dot is the inner product of a and as much of b. Four sums that do not wait
// for each other make it.
func dot(a, b []float64) float64 {
	b = b[:len(a)]
	var s, t, u, v float64
	i := 0
	for ; i+4 <= len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		s += float64(x[0] * y[0])
		t += float64(x[1] * y[1])
		u += float64(x[2] * y[2])
		v += float64(x[3] * y[3])
	}
	for ; i < len(a); i++ {
		s += float64(a[i] * b[i])
	}
	return (s + t) + (u + v)
}
