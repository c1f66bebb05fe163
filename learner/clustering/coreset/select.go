package coreset

// candidate is a vector that has not been dropped yet.
type candidate struct {
	index    int
	distance float64 // from what has been drawn
}

// farthestFirst moves the n candidates that are farthest away to the front,
// the farthest first. It does so with a heap, step by step as the C++ library
// of GCC does: where distances are equal, that decides who stays.
func farthestFirst(c []candidate, n int) {
	h := c[:n]
	for top := n/2 - 1; top >= 0; top-- {
		sink(h, top, h[top])
	}
	for i := n; i < len(c); i++ {
		if farther(c[i], h[0]) {
			v := c[i]
			c[i] = h[0]
			sink(h, 0, v)
		}
	}
	for last := n - 1; last > 0; last-- {
		v := h[last]
		h[last] = h[0]
		sink(h[:last], 0, v)
	}
}

func farther(a, b candidate) bool { return a.distance > b.distance }

// sink fills the hole at top, below which h is a heap with the nearest
// candidate on top: the hole goes down to a leaf, and v rises from there.
func sink(h []candidate, top int, v candidate) {
	hole, child := top, top
	for child < (len(h)-1)/2 {
		child = 2 * (child + 1)
		if farther(h[child], h[child-1]) {
			child--
		}
		h[hole] = h[child]
		hole = child
	}
	if len(h)%2 == 0 && child == (len(h)-2)/2 {
		child = 2*child + 1
		h[hole] = h[child]
		hole = child
	}
	for hole > top {
		parent := (hole - 1) / 2
		if !farther(h[parent], v) {
			break
		}
		h[hole] = h[parent]
		hole = parent
	}
	h[hole] = v
}
