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
// that are equally near, and how far it is. There must be one.
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
	best, least := 0, distance(&targets[0])
	for i := 1; i < len(targets); i++ {
		if d := distance(&targets[i]); d < least {
			best, least = i, d
		}
	}
	return best, least
}

// nearestDense is Nearest by euclidean distance where all have the same
// features. It adds up four sums at a time, each of them in order, since one
// would have to wait for its every addition.
func nearestDense(x []float64, targets []Normed) (int, float64) {
	best, least, square := 0, math.NaN(), math.NaN()
	consider := func(i int, sum float64) {
		// The root can make equal what was not, but not turn it round.
		if i == 0 {
			least, square = math.Sqrt(sum), sum
		} else if sum < square {
			if d := math.Sqrt(sum); d < least {
				best, least, square = i, d, sum
			}
		}
	}
	i := 0
	for ; i+4 <= len(targets); i += 4 {
		a, b := targets[i].Values[:len(x)], targets[i+1].Values[:len(x)]
		c, d := targets[i+2].Values[:len(x)], targets[i+3].Values[:len(x)]
		var sa, sb, sc, sd float64
		for j, v := range x {
			ea, eb, ec, ed := v-a[j], v-b[j], v-c[j], v-d[j]
			sa += float64(ea * ea)
			sb += float64(eb * eb)
			sc += float64(ec * ec)
			sd += float64(ed * ed)
		}
		consider(i, sa)
		consider(i+1, sb)
		consider(i+2, sc)
		consider(i+3, sd)
	}
	for ; i < len(targets); i++ {
		sum := 0.0
		b := targets[i].Values[:len(x)]
		for j, v := range x {
			e := v - b[j]
			sum += float64(e * e)
		}
		consider(i, sum)
	}
	return best, least
}
