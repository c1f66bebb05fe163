package knn

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whatever happens, rankings are what a search finds.
func TestRankings(t *testing.T) {
	same := func(a, b []Neighbor) bool {
		return slices.EqualFunc(a, b, func(a, b Neighbor) bool {
			return a.Row == b.Row && (a.Distance == b.Distance || a.Distance != a.Distance && b.Distance != b.Distance)
		})
	}
	rapid.Check(t, func(r *rapid.T) {
		method := rapid.SampledFrom([]string{"lsh", "minhash", "euclid_lsh"}).Draw(r, "method")
		bits := rapid.SampledFrom([]int{3, 64, 70}).Draw(r, "bits")
		x := build(t, method, fmt.Sprintf(`{"hash_num":%d}`, bits))
		limit := rapid.IntRange(1, 4).Draw(r, "limit")
		k := NewRankings(x, limit)
		set := func(r *rapid.T, id string) {
			f := map[string]float64{}
			for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "x"}), 0, 3, rapid.ID[string]).Draw(r, "keys") {
				f[key] = rapid.SampledFrom([]float64{1, 2, -1, 1e-170, 1e160, 1e308}).Draw(r, "value")
			}
			var s Signature
			x.Hash(vector(f), &s)
			row, err := x.Set([]byte(id), &s)
			if err != nil {
				r.Fatal(err)
			}
			n := rapid.IntRange(0, 7).Draw(r, "n")
			if got, want := k.Changed(row, n, nil), x.Nearest(&s, n, nil); !same(got, want) {
				r.Fatalf("changed %s: %v, want %v", id, got, want)
			}
		}
		next := 0
		r.Repeat(map[string]func(*rapid.T){
			"add": func(r *rapid.T) { set(r, fmt.Sprint(next)); next++ },
			"set": func(r *rapid.T) { set(r, fmt.Sprint(rapid.IntRange(0, next).Draw(r, "id"))) },
			"delete": func(r *rapid.T) {
				id := fmt.Append(nil, rapid.IntRange(0, next).Draw(r, "id"))
				row, ok := x.Table().Find(id)
				if ok {
					last := x.Table().Len() - 1
					x.Table().Delete(id)
					k.Deleted(row, last)
				}
			},
			"": func(r *rapid.T) {
				var rows []int
				for row := range x.Table().Len() {
					if rapid.IntRange(0, 2).Draw(r, "skip") > 0 {
						rows = append(rows, row)
					}
				}
				var got, want Lists
				k.Of(rows, &got)
				x.NearestOf(rows, limit, &want)
				for i, row := range rows {
					if !same(got.At(i), want.At(i)) {
						r.Fatalf("row %d: %v, want %v", row, got.At(i), want.At(i))
					}
				}
			},
		})
	})
}
