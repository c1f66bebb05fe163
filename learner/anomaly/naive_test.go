package anomaly

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// naive is both methods in the simplest form, for rows that are numbers.
type naive struct {
	heavy      bool
	k, reverse int
	ignore     bool
	max        int // rows that an LRU holds; 0 for any
	rows       []naiveRow
	recent     []string       // the newest last
	arrivals   map[string]int // when each id first came, which lof never forgets
}

type naiveRow struct {
	id         string
	x          float64
	kdist, lrd float64
	arrival    int
}

func (n *naive) find(id string) int {
	return slices.IndexFunc(n.rows, func(r naiveRow) bool { return r.id == id })
}

// nearest ranks rows. Of those equally far light_lof has the one in front
// first, lof the newest.
func (n *naive) nearest(x float64, limit int) []int {
	order := make([]int, len(n.rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if c := cmp.Compare(math.Abs(n.rows[a].x-x), math.Abs(n.rows[b].x-x)); c != 0 || !n.heavy {
			return c
		}
		return cmp.Compare(n.rows[b].arrival, n.rows[a].arrival)
	})
	return order[:min(limit, len(order))]
}

func (n *naive) refresh(ids map[string]bool) {
	var rows []int
	for id := range ids {
		if i := n.find(id); i >= 0 {
			rows = append(rows, i)
		}
	}
	for _, i := range rows {
		near := n.nearest(n.rows[i].x, n.k)
		n.rows[i].kdist = math.Abs(n.rows[near[len(near)-1]].x - n.rows[i].x)
	}
	for _, i := range rows {
		near := n.nearest(n.rows[i].x, n.k)
		n.rows[i].lrd = n.density(n.rows[i].x, near, true)
	}
}

func (n *naive) density(x float64, near []int, stored bool) float64 {
	sum := 0.0
	for _, i := range near {
		sum += max(math.Abs(n.rows[i].x-x), n.rows[i].kdist)
	}
	if stored && n.heavy {
		sum += 1e-15
	}
	return float64(len(near)) / sum // +Inf for 0
}

func (n *naive) score(x float64, near []int) float64 {
	if len(near) == 0 {
		return math.Inf(1)
	}
	sum, own := 0.0, n.density(x, near, false)
	for _, i := range near {
		sum += n.rows[i].lrd
	}
	if math.IsInf(sum, 1) && math.IsInf(own, 1) {
		return 1
	}
	return sum / (float64(len(near)) * own)
}

func (n *naive) calc(x float64) float64 { return n.score(x, n.nearest(x, n.k)) }

func (n *naive) same(x float64) bool {
	near := n.nearest(x, n.k-1)
	return n.ignore && len(near) == n.k-1 && n.rows[near[len(near)-1]].x == x
}

func (n *naive) around(ids map[string]bool, x float64) {
	for _, i := range n.nearest(x, n.reverse) {
		ids[n.rows[i].id] = true
	}
}

func (n *naive) drop(id string) {
	i := n.find(id)
	if i < 0 {
		return
	}
	last := len(n.rows) - 1
	n.rows[i] = n.rows[last]
	n.rows = n.rows[:last]
}

// touch makes room for an id.
func (n *naive) touch(id string) {
	if n.max == 0 {
		return
	}
	if i := slices.Index(n.recent, id); i >= 0 {
		n.recent = append(slices.Delete(n.recent, i, i+1), id)
		return
	}
	if len(n.recent) >= n.max {
		victim := n.recent[0]
		n.recent = n.recent[1:]
		ids := map[string]bool{}
		if i := n.find(victim); i >= 0 {
			n.around(ids, n.rows[i].x)
		}
		n.drop(victim)
		if !n.heavy {
			n.refresh(ids)
		}
	}
	n.recent = append(n.recent, id)
}

// overwrite sets a row, and returns its score.
func (n *naive) overwrite(id string, x float64) float64 {
	if n.heavy {
		n.drop(id)
	}
	if n.same(x) {
		return n.calc(x)
	}
	ids := map[string]bool{}
	if i := n.find(id); i >= 0 {
		n.around(ids, n.rows[i].x)
	}
	if !n.heavy {
		n.touch(id)
	}
	n.put(id, x)
	n.around(ids, x)
	ids[id] = true
	n.refresh(ids)
	if n.heavy {
		n.touch(id)
	}
	near := n.nearest(x, n.k+1)
	self := n.find(id)
	if i := slices.IndexFunc(near, func(r int) bool { return r == self }); i >= 0 {
		near[i] = near[len(near)-1]
		near = near[:len(near)-1]
	} else if !n.heavy {
		near = near[:min(n.k, len(near))]
	}
	return n.score(x, near)
}

func (n *naive) put(id string, x float64) {
	if i := n.find(id); i >= 0 {
		n.rows[i].x = x
		return
	}
	if _, ok := n.arrivals[id]; !ok {
		n.arrivals[id] = len(n.arrivals)
	}
	n.rows = append(n.rows, naiveRow{id: id, x: x, kdist: -1, lrd: -1, arrival: n.arrivals[id]})
}

// addAll adds rows of new ids.
func (n *naive) addAll(ids []string, values []float64) (stored []string) {
	affected := map[string]bool{}
	if n.heavy {
		for i, x := range values {
			if n.same(x) {
				continue
			}
			n.put(ids[i], x)
			n.around(affected, x)
			affected[ids[i]] = true
			n.touch(ids[i])
			stored = append(stored, ids[i])
		}
		n.refresh(affected)
		return stored
	}
	var at []float64
	for i, x := range values {
		if !n.same(x) {
			n.put(ids[i], x)
			stored, at = append(stored, ids[i]), append(at, x)
		}
	}
	for i, id := range stored {
		n.touch(id)
		n.around(affected, at[i])
		affected[id] = true
	}
	n.refresh(affected)
	return stored
}

// Both methods do what the simplest form of them does.
func TestAgainstNaive(t *testing.T) {
	for name, cfg := range methods {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				n := &naive{arrivals: map[string]int{}, heavy: name == "lof", k: rapid.IntRange(2, 4).Draw(r, "k"), ignore: rapid.Bool().Draw(r, "ignore")}
				n.reverse = n.k + rapid.IntRange(0, 4).Draw(r, "reverse")
				more := fmt.Sprintf(`,"ignore_kth_same_point":%v`, n.ignore)
				if rapid.Bool().Draw(r, "unlearner") {
					n.max = rapid.IntRange(1, 8).Draw(r, "max")
					more += fmt.Sprintf(`,"unlearner":"lru","unlearner_parameter":{"max_size":%d}`, n.max)
				}
				c := alone(t, cfg(n.k, n.reverse, more))
				next := 0
				value := func(r *rapid.T) float64 { return float64(rapid.IntRange(1, 15).Draw(r, "x")) }
				// An unlearner's light_lof refreshes in steps while rows of a list
				// have no statistics yet, which the simple form has no notion of.
				lists := n.max == 0 || n.heavy
				r.Repeat(map[string]func(*rapid.T){
					"add": func(r *rapid.T) {
						x := value(r)
						want := n.overwrite(fmt.Sprint(next), x)
						if id, score := c.add(x); id != fmt.Sprint(next) || !alike(score, want) {
							r.Fatalf("add %v: %s, %v, want %d, %v", x, id, score, next, want)
						}
						next++
					},
					"overwrite": func(r *rapid.T) {
						v := value(r)
						id := fmt.Sprint(rapid.IntRange(0, max(next-1, 0)).Draw(r, "id"))
						want := n.overwrite(id, v)
						if got := c.must("overwrite", id, x(v)).(float64); !alike(got, want) {
							r.Fatalf("overwrite %s by %v: %v, want %v", id, v, got, want)
						}
					},
					"add_bulk": func(r *rapid.T) {
						if !lists {
							r.Skip()
						}
						values := rapid.SliceOfN(rapid.Custom(value), 0, 5).Draw(r, "values")
						var ids []string
						for range values {
							ids = append(ids, fmt.Sprint(next))
							next++
						}
						want := n.addAll(ids, values)
						if got := fmt.Sprint(c.must("add_bulk", list(values...))); got != fmt.Sprint(want) {
							r.Fatalf("of %v at %v were stored %s, want %v", ids, values, got, want)
						}
					},
					"clear_row": func(r *rapid.T) {
						if !n.heavy {
							r.Skip()
						}
						id := fmt.Sprint(rapid.IntRange(0, max(next-1, 0)).Draw(r, "id"))
						n.drop(id)
						if i := slices.Index(n.recent, id); i >= 0 {
							n.recent = slices.Delete(n.recent, i, i+1)
						}
						c.must("clear_row", id)
					},
					"": func(r *rapid.T) {
						for _, x := range []float64{1, 7.5, 20} {
							if got, want := c.score(x), n.calc(x); !alike(got, want) {
								r.Fatalf("%v scores %v, want %v", x, got, want)
							}
						}
					},
				})
			})
		})
	}
}

// alike allows for sums in another order.
func alike(a, b float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b))
}
