package proxy

import (
	"bytes"
	"errors"
	"slices"

	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// errNoResult is a result that is not of the type that its method's
// aggregation works on.
var errNoResult = errors.New("no result")

// aggregate appends to out what several servers' results amount to, in the
// order in which they arrived. Results are encoded objects; there is at least
// one. Those of a method that aggregates must have the type for that, even if
// there is only one.
func aggregate(out []byte, how service.Aggregation, results [][]byte) ([]byte, error) {
	switch how {
	case service.AllAnd:
		return fold(out, results, func(a, b bool) bool { return a && b })
	case service.AllOr:
		return fold(out, results, func(a, b bool) bool { return a || b })
	case service.Merge:
		return merge(out, results)
	case service.Concat:
		return concat(out, results)
	default:
		return append(out, results[0]...), nil
	}
}

func fold(out []byte, results [][]byte, op func(a, b bool) bool) ([]byte, error) {
	var all bool
	for i, result := range results {
		r := mpack.NewReader(result)
		v, err := r.Bool()
		if err != nil {
			return out, errNoResult
		}
		if i == 0 {
			all = v
		} else {
			all = op(all, v)
		}
	}
	return mpack.AppendBool(out, all), nil
}

// merge is the union of maps from text. Where several have a key the last
// one's value counts. Entries are sorted by their keys.
func merge(out []byte, results [][]byte) ([]byte, error) {
	type entry struct{ key, value []byte }
	var all []entry
	for _, result := range results {
		r := mpack.NewReader(result)
		n, err := r.MapHeader()
		if err != nil {
			return out, errNoResult
		}
		for range n {
			var e entry
			if e.key, err = r.Raw(); err != nil {
				return out, errNoResult
			}
			if e.value, err = r.Object(); err != nil {
				return out, errNoResult
			}
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int { return bytes.Compare(a.key, b.key) })
	last := all[:0]
	for _, e := range all {
		if n := len(last); n > 0 && bytes.Equal(last[n-1].key, e.key) {
			last[n-1] = e
		} else {
			last = append(last, e)
		}
	}
	out = mpack.AppendMapHeader(out, len(last))
	for _, e := range last {
		out = mpack.AppendRaw(out, e.key)
		out = append(out, e.value...)
	}
	return out, nil
}

func concat(out []byte, results [][]byte) ([]byte, error) {
	total := 0
	for _, result := range results {
		r := mpack.NewReader(result)
		n, err := r.ArrayHeader()
		if err != nil {
			return out, errNoResult
		}
		total += n
	}
	out = mpack.AppendArrayHeader(out, total)
	for _, result := range results {
		r := mpack.NewReader(result)
		r.ArrayHeader() //nolint:errcheck // it has been read above
		out = append(out, r.Rest()...)
	}
	return out, nil
}
