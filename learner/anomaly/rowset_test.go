package anomaly

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestRowSet(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var s rowSet
		want := map[int]bool{}
		row := rapid.IntRange(0, 99)
		r.Repeat(map[string]func(*rapid.T){
			"add":    func(r *rapid.T) { x := row.Draw(r, "row"); s.add(x); want[x] = true },
			"remove": func(r *rapid.T) { x := row.Draw(r, "row") - 1; s.remove(x); delete(want, x) },
			"rename": func(r *rapid.T) {
				from, to := row.Draw(r, "from"), row.Draw(r, "to")
				if from == to {
					return
				}
				s.rename(from, to)
				delete(want, to)
				if want[from] {
					delete(want, from)
					want[to] = true
				}
			},
			"reset": func(*rapid.T) { s.reset(); clear(want) },
			"": func(r *rapid.T) {
				got := slices.Sorted(slices.Values(s.rows))
				if w := slices.Sorted(maps.Keys(want)); !slices.Equal(got, w) {
					r.Fatalf("rows %v, want %v", got, w)
				}
			},
		})
	})
}
