package inverted

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/fv"
)

// Whatever happens, rankings are what a search finds.
func TestRankings(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		x := New()
		originals := map[string]map[string]float64{}
		limit := rapid.IntRange(1, 4).Draw(r, "limit")
		k := NewRankings(x, limit, func(id string, v *fv.Vector) { fill(originals[id], v) })
		draw := func(r *rapid.T) map[string]float64 {
			m := map[string]float64{}
			for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3, rapid.ID[string]).Draw(r, "keys") {
				m[key] = rapid.SampledFrom([]float64{1, 2, -1, 0.1, 3}).Draw(r, "value")
			}
			return m
		}
		set := func(r *rapid.T, id string) {
			m := draw(r)
			if originals[id] == nil {
				originals[id] = map[string]float64{}
			}
			for key, value := range m {
				originals[id][key] = value
			}
			var v fv.Vector
			fill(m, &v)
			x.Set([]byte(id), &v)
			row, ok := x.Find([]byte(id))
			if !ok {
				r.Fatalf("row %s is not there", id)
			}
			n := rapid.IntRange(limit, 7).Draw(r, "n")
			got := k.Changed(row, n, nil)
			fill(originals[id], &v)
			if want := x.Euclid(&v, n, AllRows, nil); !slices.Equal(got, want) {
				r.Fatalf("changed %s: %v, want %v", id, got, want)
			}
		}
		next := 0
		r.Repeat(map[string]func(*rapid.T){
			"add": func(r *rapid.T) { set(r, fmt.Sprint(next)); next++ },
			"set": func(r *rapid.T) {
				if next > 0 {
					set(r, fmt.Sprint(rapid.IntRange(0, next-1).Draw(r, "id")))
				}
			},
			"remove": func(r *rapid.T) {
				id := fmt.Sprint(rapid.IntRange(0, next).Draw(r, "id"))
				k.Removed([]byte(id))
				x.Remove([]byte(id))
				delete(originals, id)
			},
			"foreign": func(r *rapid.T) { // a row that has no original, as by MIX
				var v fv.Vector
				fill(draw(r), &v)
				x.Set(fmt.Append(nil, next), &v)
				next++
				k.Invalidate()
			},
			"": func(r *rapid.T) {
				for row := range x.All {
					if rapid.IntRange(0, 2).Draw(r, "skip") == 0 {
						continue
					}
					var v fv.Vector
					fill(originals[x.ID(row)], &v)
					if got, want := k.Of(row), x.Euclid(&v, limit, AllRows, nil); !slices.Equal(got, want) {
						r.Fatalf("row %d: %v, want %v", row, got, want)
					}
				}
			},
		})
	})
}

// fill makes a vector of features in the order of their keys.
func fill(features map[string]float64, v *fv.Vector) {
	v.Reset()
	for _, key := range []string{"a", "b", "c"} {
		if value, ok := features[key]; ok {
			v.Append([]byte(key), value)
		}
	}
}
