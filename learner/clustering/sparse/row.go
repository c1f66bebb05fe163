package sparse

import (
	"math"
	"slices"
)

// Row is a vector whose features have places in the order of names. Rows of
// one ranking can be compared; their places ascend.
type Row struct {
	Places []uint32
	Values []float64
}

// Locate locates the features of a vector that is not stored, whose keys
// ascend and do not repeat. Names that are not ranked lie between the others.
// It appends to the row's memory.
func (k *Keys) Locate(v Source, row *Row) {
	row.Places, row.Values = row.Places[:0], row.Values[:0]
	for i := range v.Len() {
		name := v.Key(i)
		var place uint32
		if id, ok := k.ids[string(name)]; ok {
			place = k.places[id]
		} else {
			place = k.gap(string(name))
		}
		row.Places = append(row.Places, place)
		row.Values = append(row.Values, v.Value(i))
	}
}

// Known finds the features of a vector that is not stored, as far as there are
// such. It appends to the vector's memory.
func (k *Keys) Known(v Source, known *Vector) {
	known.Keys, known.Values = known.Keys[:0], known.Values[:0]
	for i := range v.Len() {
		if id, ok := k.ids[string(v.Key(i))]; ok {
			known.Keys, known.Values = append(known.Keys, id), append(known.Values, v.Value(i))
		}
	}
}

// sameShape reports whether rows are known to have the same features.
func sameShape(a, b Row) bool {
	return len(a.Places) == len(b.Places) && (len(a.Places) == 0 || &a.Places[0] == &b.Places[0])
}

// Norm is the euclidean norm.
func (r Row) Norm() float64 {
	sum := 0.0
	for _, x := range r.Values {
		sum += float64(x * x)
	}
	return math.Sqrt(sum)
}

// Euclidean is the euclidean distance.
func Euclidean(a, b Row) float64 { return math.Sqrt(squares(a, b)) }

// squares is the sum of the squared differences.
func squares(a, b Row) float64 {
	sum := 0.0
	if sameShape(a, b) {
		y := b.Values[:len(a.Values)]
		for i, x := range a.Values {
			d := x - y[i]
			sum += float64(d * d)
		}
		return sum
	}
	i, j := 0, 0
	for i < len(a.Places) && j < len(b.Places) {
		p, q := a.Places[i], b.Places[j]
		var d float64
		switch {
		case p < q:
			d = a.Values[i]
			i++
		case p > q:
			d = b.Values[j]
			j++
		default:
			d = a.Values[i] - b.Values[j]
			i++
			j++
		}
		sum += float64(d * d)
	}
	for _, d := range a.Values[i:] {
		sum += float64(d * d)
	}
	for _, d := range b.Values[j:] {
		sum += float64(d * d)
	}
	return sum
}

// dot is the inner product.
func dot(a, b Row) float64 {
	sum := 0.0
	if sameShape(a, b) {
		y := b.Values[:len(a.Values)]
		for i, x := range a.Values {
			sum += float64(x * y[i])
		}
		return sum
	}
	i, j := 0, 0
	for i < len(a.Places) && j < len(b.Places) {
		switch p, q := a.Places[i], b.Places[j]; {
		case p < q:
			i++
		case p > q:
			j++
		default:
			sum += float64(a.Values[i] * b.Values[j])
			i++
			j++
		}
	}
	return sum
}

// cosine is the cosine distance of rows with those norms.
func cosine(a, b Row, normA, normB float64) float64 {
	if normA == 0 || normB == 0 {
		return 1
	}
	similarity := dot(a, b) / normA / normB
	switch {
	case similarity > 1:
		similarity = 1
	case similarity < -1:
		similarity = -1
	}
	return 1 - similarity
}

// Locator locates vectors one after another, which often have the same
// features.
type Locator struct {
	keys   *Keys
	like   Row
	last   []uint32 // the keys located last,
	places []uint32 // and their places
}

// Locator returns a locator for the present ranking. Rows with the features of
// like share its places, which makes them fast to compare with it.
func (k *Keys) Locator(like Row) *Locator { return &Locator{keys: k, like: like} }

// Row locates a vector. The row is valid until the next call.
func (l *Locator) Row(v Vector) Row {
	if !l.isLast(v.Keys) {
		if sharesMemory(l.places, l.like.Places) {
			l.places = nil
		}
		l.locate(v.Keys)
	}
	return Row{Places: l.places, Values: v.Values}
}

// Stable locates a vector. The row stays valid.
func (l *Locator) Stable(v Vector) Row {
	if !l.isLast(v.Keys) {
		l.places = nil
		l.locate(v.Keys)
	}
	return Row{Places: l.places, Values: v.Values}
}

func (l *Locator) isLast(keys []uint32) bool {
	return len(keys) == len(l.last) && len(keys) > 0 && &keys[0] == &l.last[0]
}

func (l *Locator) locate(keys []uint32) {
	l.places = l.places[:0]
	for _, id := range keys {
		l.places = append(l.places, l.keys.places[id])
	}
	if slices.Equal(l.places, l.like.Places) {
		l.places = l.like.Places
	}
	l.last = keys
}

func sharesMemory(a, b []uint32) bool {
	return cap(a) > 0 && cap(b) > 0 && &a[:1][0] == &b[:1][0]
}
