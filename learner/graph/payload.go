package graph

import (
	"errors"
	"slices"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// index is what index runs make, by query. It is what nodes share.
//
//	[{query: {node: [score, out-degree]}}, {query: [[landmark, {node: [distance, next]} from it, the same to it]…]}]
type index struct {
	rankings map[string]*ranking
	forests  map[string]*forest
}

func newIndex() index {
	return index{rankings: map[string]*ranking{}, forests: map[string]*forest{}}
}

// rank returns the ranking of a query, a new one if there is none.
func (x *index) rank(key string) *ranking {
	r := x.rankings[key]
	if r == nil {
		r = &ranking{query: parseQuery(key)}
		x.rankings[key] = r
	}
	return r
}

// forest returns the forest of a query, a new one if there is none.
func (x *index) forest(key string) *forest {
	f := x.forests[key]
	if f == nil {
		f = &forest{query: parseQuery(key)}
		x.forests[key] = f
	}
	return f
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func packScores(b []byte, scores []score) []byte {
	b = mpack.AppendMapHeader(b, len(scores))
	for _, s := range scores {
		b = mpack.AppendUint(b, s.id)
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendFloat64(b, s.value)
		b = mpack.AppendUint(b, s.degree)
	}
	return b
}

func packTrees(b []byte, trees []tree) []byte {
	b = mpack.AppendArrayHeader(b, len(trees))
	for _, t := range trees {
		b = mpack.AppendArrayHeader(b, 3)
		b = mpack.AppendUint(b, t.landmark)
		b = packHops(b, t.from)
		b = packHops(b, t.to)
	}
	return b
}

func packHops(b []byte, hops []hop) []byte {
	b = mpack.AppendMapHeader(b, len(hops))
	for _, h := range hops {
		b = mpack.AppendUint(b, h.id)
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendUint(b, h.distance)
		b = mpack.AppendUint(b, h.next)
	}
	return b
}

// packRankings and packForests append the two parts of an index.
func (x *index) packRankings(b []byte) []byte {
	b = mpack.AppendMapHeader(b, len(x.rankings))
	for _, key := range sortedKeys(x.rankings) {
		b = append(b, key...)
		b = packScores(b, x.rankings[key].scores)
	}
	return b
}

func (x *index) packForests(b []byte) []byte {
	b = mpack.AppendMapHeader(b, len(x.forests))
	for _, key := range sortedKeys(x.forests) {
		b = append(b, key...)
		b = packTrees(b, x.forests[key].trees)
	}
	return b
}

// unpack reads both parts.
func (x *index) unpack(r *mpack.Reader) error {
	n, err := r.MapHeader()
	if err != nil {
		return err
	}
	var key []byte
	for range n {
		if key, err = appendQuery(key[:0], r); err != nil {
			return err
		}
		scores, err := unpackScores(r)
		if err != nil {
			return err
		}
		x.rank(string(key)).scores = scores
	}
	if n, err = r.MapHeader(); err != nil {
		return err
	}
	for range n {
		if key, err = appendQuery(key[:0], r); err != nil {
			return err
		}
		trees, err := unpackTrees(r)
		if err != nil {
			return err
		}
		x.forest(string(key)).trees = trees
	}
	return nil
}

func unpackScores(r *mpack.Reader) ([]score, error) {
	n, err := r.MapHeader()
	if err != nil {
		return nil, err
	}
	scores := make([]score, 0, min(n, r.Len()/4)) // of at least four bytes
	for range n {
		var s score
		if s.id, err = r.Uint64(); err != nil {
			return nil, err
		}
		if err = r.Tuple(2); err != nil {
			return nil, err
		}
		if s.value, err = r.Float64(); err != nil {
			return nil, err
		}
		if s.degree, err = r.Uint64(); err != nil {
			return nil, err
		}
		scores = append(scores, s)
	}
	return ordered(scores, compareScores), nil
}

func unpackTrees(r *mpack.Reader) ([]tree, error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, err
	}
	var trees []tree
	for range n {
		var t tree
		if err = r.Tuple(3); err != nil {
			return nil, err
		}
		if t.landmark, err = r.Uint64(); err != nil {
			return nil, err
		}
		if t.from, err = unpackHops(r); err != nil {
			return nil, err
		}
		if t.to, err = unpackHops(r); err != nil {
			return nil, err
		}
		trees = append(trees, t)
	}
	return trees, nil
}

var errDistance = errors.New("a distance is too large")

func unpackHops(r *mpack.Reader) ([]hop, error) {
	n, err := r.MapHeader()
	if err != nil {
		return nil, err
	}
	hops := make([]hop, 0, min(n, r.Len()/4)) // of at least four bytes
	for range n {
		var h hop
		if h.id, err = r.Uint64(); err != nil {
			return nil, err
		}
		if err = r.Tuple(2); err != nil {
			return nil, err
		}
		if h.distance, err = r.Uint64(); err != nil {
			return nil, err
		}
		if h.next, err = r.Uint64(); err != nil {
			return nil, err
		}
		if h.distance > farthest {
			return nil, errDistance
		}
		hops = append(hops, h)
	}
	return ordered(hops, compareHops), nil
}

// ordered sorts entries; of those with one id the last one stays. What nodes
// like this one send is in order already.
func ordered[T any](list []T, compare func(a, b T) int) []T {
	rising := true
	for i := 1; i < len(list) && rising; i++ {
		rising = compare(list[i-1], list[i]) < 0
	}
	if rising {
		return list
	}
	slices.SortStableFunc(list, compare)
	return lastOfEach(list, compare)
}

func lastOfEach[T any](list []T, compare func(a, b T) int) []T {
	kept := list[:0]
	for i, e := range list {
		if i+1 == len(list) || compare(e, list[i+1]) != 0 {
			kept = append(kept, e)
		}
	}
	return kept
}

// overwrite merges two ordered lists; where both have an entry b's counts.
func overwrite[T any](a, b []T, compare func(a, b T) int) []T {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	merged := make([]T, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		c := compare(a[0], b[0])
		if c < 0 {
			merged, a = append(merged, a[0]), a[1:]
			continue
		}
		merged, b = append(merged, b[0]), b[1:]
		if c == 0 {
			a = a[1:]
		}
	}
	return append(append(merged, a...), b...)
}
