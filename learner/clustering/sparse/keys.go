// Package sparse keeps many sparse vectors of named features compactly, and
// measures how far they are apart. A feature's name is stored once, under a
// number; sums run in the order of the names' bytes, so that the same vectors
// are equally far apart to the last bit wherever they are.
package sparse

import (
	"bytes"
	"cmp"
	"slices"
	"sort"
	"strings"
)

// Vector is a vector of interned features, in the order of their names. It is
// not changed once it is made; vectors may share their keys.
type Vector struct {
	Keys   []uint32
	Values []float64
}

// Keys numbers the names of features from 0 and knows their order. Methods
// that change it need it alone; the others may share it.
type Keys struct {
	ids   map[string]uint32
	names []string

	// order is the ids in the order of their names, of the first so many
	// that Rank has seen. places says where each id lies there: the one at
	// index i at 2i+1, and one that came later, between two of them, at an
	// even number. Places compare as names do, as long as one of the two has
	// been ranked.
	order  []uint32
	places []uint32

	last []uint32 // the keys of the vector interned last
}

// NewKeys returns an empty numbering.
func NewKeys() *Keys { return &Keys{ids: map[string]uint32{}} }

// Len is the number of names.
func (k *Keys) Len() int { return len(k.names) }

// Name is the name of an id.
func (k *Keys) Name(id uint32) string { return k.names[id] }

// id returns the number of a name, a new one if need be.
func (k *Keys) id(name []byte) uint32 {
	if id, ok := k.ids[string(name)]; ok {
		return id
	}
	s := string(name)
	return k.enter(s)
}

func (k *Keys) enter(name string) uint32 {
	id := uint32(len(k.names))
	k.ids[name] = id
	k.names = append(k.names, name)
	k.places = append(k.places, k.gap(name))
	return id
}

// gap is the place of a name that is not ranked.
func (k *Keys) gap(name string) uint32 {
	i := sort.Search(len(k.order), func(i int) bool { return k.names[k.order[i]] >= name })
	return 2 * uint32(i)
}

// Rank gives every name its place in the order. Rows that were located before
// are stale then.
func (k *Keys) Rank() {
	old := k.order
	if len(old) == len(k.names) {
		return
	}
	fresh := make([]uint32, 0, len(k.names)-len(old))
	for id := len(old); id < len(k.names); id++ {
		fresh = append(fresh, uint32(id))
	}
	slices.SortFunc(fresh, func(a, b uint32) int {
		// The places tell already which are far apart.
		if c := cmp.Compare(k.places[a], k.places[b]); c != 0 {
			return c
		}
		return strings.Compare(k.names[a], k.names[b])
	})
	order := make([]uint32, 0, len(k.names))
	for _, id := range fresh {
		for len(old) > 0 && k.places[old[0]] < k.places[id] {
			order, old = append(order, old[0]), old[1:]
		}
		order = append(order, id)
	}
	k.order = append(order, old...)
	for i, id := range k.order {
		k.places[id] = 2*uint32(i) + 1
	}
}

// Intern stores vector i of the batch.
func (k *Keys) Intern(b *Batch, i int) Vector {
	from, to := b.bounds(i)
	v := Vector{Values: slices.Clone(b.values[from:to])}
	if shared := k.shared(b, from, to); shared != nil {
		v.Keys = shared
		return v
	}
	v.Keys = make([]uint32, to-from)
	for j := range v.Keys {
		v.Keys[j] = k.id(b.key(from + j))
	}
	k.last = v.Keys
	return v
}

// shared returns the keys of the last vector if they are those of the batch
// from there to there: many vectors have the same.
func (k *Keys) shared(b *Batch, from, to int) []uint32 {
	if len(k.last) != to-from {
		return nil
	}
	for j, id := range k.last {
		if string(b.key(from+j)) != k.names[id] {
			return nil
		}
	}
	return k.last
}

// Adopt is Intern for a vector of another numbering.
func (k *Keys) Adopt(v Vector, from *Keys) Vector {
	same := len(k.last) == len(v.Keys)
	for j := 0; same && j < len(v.Keys); j++ {
		same = k.names[k.last[j]] == from.names[v.Keys[j]]
	}
	if same {
		return Vector{Keys: k.last, Values: v.Values}
	}
	keys := make([]uint32, len(v.Keys))
	for j, id := range v.Keys {
		name := from.names[id]
		have, ok := k.ids[name]
		if !ok {
			have = k.enter(name)
		}
		keys[j] = have
	}
	k.last = keys
	return Vector{Keys: keys, Values: v.Values}
}

// Batch collects vectors before they are interned. The zero Batch is empty.
type Batch struct {
	names  []byte
	ends   []int // of every feature's name
	values []float64
	rows   []int // the number of features up to the end of every vector
}

// Source is a vector as a converter makes it.
type Source interface {
	Len() int
	Key(i int) []byte
	Value(i int) float64
}

// Add adds a vector whose keys ascend and do not repeat.
func (b *Batch) Add(v Source) {
	for i := range v.Len() {
		b.feature(v.Key(i), v.Value(i))
	}
	b.rows = append(b.rows, len(b.values))
}

func (b *Batch) feature(name []byte, value float64) {
	b.names = append(b.names, name...)
	b.ends = append(b.ends, len(b.names))
	b.values = append(b.values, value)
}

// AddUnsorted adds a vector whose keys may come in any order and repeat; of
// those that do the last one counts.
func (b *Batch) AddUnsorted(names [][]byte, values []float64) {
	ascends := func(i, j int) bool { return bytes.Compare(names[i], names[j]) < 0 }
	for i := range names {
		if i > 0 && !ascends(i-1, i) {
			b.addSorted(names, values)
			return
		}
	}
	for i, name := range names {
		b.feature(name, values[i])
	}
	b.rows = append(b.rows, len(b.values))
}

func (b *Batch) addSorted(names [][]byte, values []float64) {
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return bytes.Compare(names[i], names[j]) })
	for n, i := range order {
		if n+1 < len(order) && bytes.Equal(names[i], names[order[n+1]]) {
			continue
		}
		b.feature(names[i], values[i])
	}
	b.rows = append(b.rows, len(b.values))
}

// Len is the number of vectors.
func (b *Batch) Len() int { return len(b.rows) }

// Size is the memory that the batch takes, in bytes.
func (b *Batch) Size() int { return len(b.names) + 16*len(b.values) + 8*len(b.rows) }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.names, b.ends, b.values, b.rows = b.names[:0], b.ends[:0], b.values[:0], b.rows[:0]
}

func (b *Batch) bounds(i int) (from, to int) {
	if i > 0 {
		from = b.rows[i-1]
	}
	return from, b.rows[i]
}

func (b *Batch) key(i int) []byte {
	start := 0
	if i > 0 {
		start = b.ends[i-1]
	}
	return b.names[start:b.ends[i]]
}
