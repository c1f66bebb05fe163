package graph

import (
	"bytes"
	"slices"
	"strings"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// pair is a property, or what a query demands of one.
type pair struct{ key, value string }

// properties are sorted by key.
type properties []pair

// decodeProperties reads a map of text. Of equal keys the last one counts.
func decodeProperties(r *mpack.Reader) (properties, error) {
	n, err := r.MapHeader()
	if err != nil || n == 0 {
		return nil, err
	}
	var room [16]struct{ key, value []byte }
	raw := room[:0]
	size := 0
	for range n {
		k, err := r.Raw()
		if err != nil {
			return nil, err
		}
		v, err := r.Raw()
		if err != nil {
			return nil, err
		}
		raw = append(raw, struct{ key, value []byte }{k, v})
		size += len(k) + len(v)
	}
	slices.SortStableFunc(raw, func(a, b struct{ key, value []byte }) int { return bytes.Compare(a.key, b.key) })
	// All texts share one piece of memory.
	var text strings.Builder
	text.Grow(size)
	kept := 0
	for i, p := range raw {
		if i+1 < len(raw) && bytes.Equal(p.key, raw[i+1].key) {
			continue
		}
		text.Write(p.key)
		text.Write(p.value)
		raw[kept] = p
		kept++
	}
	all := text.String()
	ps := make(properties, kept)
	for i, p := range raw[:kept] {
		k, v := len(p.key), len(p.value)
		ps[i] = pair{all[:k], all[k : k+v]}
		all = all[k+v:]
	}
	return ps, nil
}

func (p properties) pack(b []byte) []byte {
	b = mpack.AppendMapHeader(b, len(p))
	for _, e := range p {
		b = mpack.AppendRaw(b, e.key)
		b = mpack.AppendRaw(b, e.value)
	}
	return b
}

// match reports whether p has every property of the list. Everything matches
// the empty list.
func (p properties) match(list []pair) bool {
	for _, want := range list {
		i, ok := slices.BinarySearchFunc(p, want.key, func(e pair, key string) int { return strings.Compare(e.key, key) })
		if !ok || p[i].value != want.value {
			return false
		}
	}
	return true
}

// query is a preset query: what it demands of edges and of nodes.
type query struct{ edges, nodes []pair }

// matchesAll reports whether the query demands nothing.
func (q *query) matchesAll() bool { return len(q.edges) == 0 && len(q.nodes) == 0 }

// appendQuery reads a preset query, in which lists may be missing, and appends
// it in full and in its shortest encoding: queries are the same if those bytes
// are.
func appendQuery(b []byte, r *mpack.Reader) ([]byte, error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return b, err
	}
	b = mpack.AppendArrayHeader(b, 2)
	for i := range n {
		if i < 2 {
			b, err = appendPairs(b, r)
		} else {
			err = r.Skip()
		}
		if err != nil {
			return b, err
		}
	}
	for range 2 - min(n, 2) {
		b = mpack.AppendArrayHeader(b, 0)
	}
	return b, nil
}

func appendPairs(b []byte, r *mpack.Reader) ([]byte, error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return b, err
	}
	b = mpack.AppendArrayHeader(b, n)
	for range n {
		if err := r.Tuple(2); err != nil {
			return b, err
		}
		b = mpack.AppendArrayHeader(b, 2)
		for range 2 {
			s, err := r.Raw()
			if err != nil {
				return b, err
			}
			b = mpack.AppendRaw(b, s)
		}
	}
	return b, nil
}

// parseQuery takes apart what appendQuery has made.
func parseQuery(key string) query {
	r := mpack.NewReader([]byte(key))
	r.ArrayHeader() //nolint:errcheck // it is our own
	return query{edges: parsePairs(&r), nodes: parsePairs(&r)}
}

func parsePairs(r *mpack.Reader) []pair {
	n, _ := r.ArrayHeader()
	list := make([]pair, n)
	for i := range list {
		r.ArrayHeader() //nolint:errcheck // it is our own
		list[i].key, _ = r.String()
		list[i].value, _ = r.String()
	}
	return list
}
