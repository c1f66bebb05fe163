package sparse

import "math"

// Metric is a measure of distance.
type Metric uint8

// The metrics.
const (
	// ByEuclid is the euclidean distance.
	ByEuclid Metric = iota
	// ByCosine is 1 minus the cosine of the angle; 1 if there is none.
	ByCosine
)

// Normed is a row with its norm, where the metric needs it.
type Normed struct {
	Row
	norm float64
}

// Normed readies a row for Distance.
func (m Metric) Normed(r Row) Normed {
	n := Normed{Row: r}
	if m == ByCosine {
		n.norm = r.Norm()
	}
	return n
}

// Distance is the distance of a from b.
func (m Metric) Distance(a, b Normed) float64 {
	if m == ByCosine {
		return cosine(a.Row, b.Row, a.norm, b.norm)
	}
	return Euclidean(a.Row, b.Row)
}

// Nearest returns which of the targets is nearest to a row, the first of those
// that are equally near, and how far it is. There must be one. A distance that
// is no number is infinite here.
func (m Metric) Nearest(a Normed, targets []Normed) (int, float64) {
	if m == ByCosine {
		return nearest(targets, func(b *Normed) float64 { return cosine(a.Row, b.Row, a.norm, b.norm) })
	}
	dense := true
	for i := range targets {
		if !sameShape(a.Row, targets[i].Row) {
			dense = false
			break
		}
	}
	if dense {
		return nearestDense(a.Values, targets)
	}
	return nearest(targets, func(b *Normed) float64 { return Euclidean(a.Row, b.Row) })
}

func nearest(targets []Normed, distance func(*Normed) float64) (int, float64) {
	best, least := 0, math.Inf(1)
	for i := range targets {
		if d := distance(&targets[i]); d < least {
			best, least = i, d
		}
	}
	return best, least
}

// nearestDense is Nearest by euclidean distance where all have the same
// features. It adds up four sums at a time, each of them in order, since one
// would have to wait for its every addition; the last target fills up.
func nearestDense(x []float64, targets []Normed) (int, float64) {
	var sums [4]float64
	best, square := 0, math.Inf(1)
	least := square
	last := len(targets) - 1
	for i := 0; i <= last; i += 4 {
		squares4(&sums, x, targets[i].Values, targets[min(i+1, last)].Values, targets[min(i+2, last)].Values, targets[min(i+3, last)].Values)
		for j, sum := range sums[:min(4, last+1-i)] {
			// The root can make equal what was not, but not turn it round.
			if sum < square {
				if d := math.Sqrt(sum); d < least {
					best, least, square = i+j, d, sum
				}
			}
		}
	}
	return best, least
}

func squares4(sums *[4]float64, x, a, b, c, d []float64) {
	a, b, c, d = a[:len(x)], b[:len(x)], c[:len(x)], d[:len(x)]
	var sa, sb, sc, sd float64
	for j, v := range x {
		ea, eb, ec, ed := v-a[j], v-b[j], v-c[j], v-d[j]
		sa += float64(ea * ea)
		sb += float64(eb * eb)
		sc += float64(ec * ec)
		sd += float64(ed * ed)
	}
	*sums = [4]float64{sa, sb, sc, sd}
}
