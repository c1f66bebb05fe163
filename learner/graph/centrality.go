package graph

import (
	"cmp"
	"math"
	"slices"
)

// ranking is the centrality of the nodes that a query takes in.
type ranking struct {
	query  query
	scores []score // by id, ascending
}

// score is the centrality of a node, and how many of its edges lead on.
type score struct {
	id     uint64
	value  float64
	degree uint64
}

func compareScores(a, b score) int { return cmp.Compare(a.id, b.id) }

// of returns the score of a node.
func (r *ranking) of(id uint64) (float64, bool) {
	i, ok := slices.BinarySearchFunc(r.scores, id, func(s score, id uint64) int { return cmp.Compare(s.id, id) })
	if !ok {
		return 0, false
	}
	return r.scores[i].value, true
}

// step is one step of the power iteration of PageRank (Page, Brin, Motwani and
// Winograd, 1998) for the nodes that are here, from the present scores, which
// may be those of all nodes of a cluster. The result is not normalised.
func (r *ranking) step(v *view, s *store, damping float64) []score {
	chosen := v.choose(s, &r.query)
	// The present scores by rank; those without a way on have nothing to give.
	given := make([]float64, v.size())
	known := make([]bool, v.size())
	lost, added := 0.0, 0
	i, f := 0, 0
	for _, old := range r.scores {
		if old.degree == 0 {
			lost += old.value
		}
		for i < len(v.ids) && v.ids[i] < old.id {
			i++
		}
		for f < len(v.foreign) && v.foreign[f] < old.id {
			f++
		}
		rank := 0
		switch {
		case i < len(v.ids) && v.ids[i] == old.id:
			rank = i
		case f < len(v.foreign) && v.foreign[f] == old.id:
			rank = len(v.ids) + f
		default:
			continue
		}
		known[rank] = true
		if old.degree > 0 {
			given[rank] = old.value / float64(old.degree)
		}
	}
	total := 0
	for i := range v.ids {
		if chosen.nodes[i] {
			total++
			if !known[i] {
				added++
			}
		}
	}
	spread := 0.0
	if n := len(r.scores) + added; n > 0 {
		spread = (lost + float64(added)) / float64(n)
	}

	scores := make([]score, 0, total)
	for i, id := range v.ids {
		if !chosen.nodes[i] {
			continue
		}
		sum := 0.0
		from, to := v.in.of(uint32(i))
		for k := from; k < to; k++ {
			if far := v.in.far[k]; chosen.nodes[far] && chosen.edge(v.in.edge[k]) {
				sum += given[far]
			}
		}
		value := float64(damping*sum) + 1 - damping + float64(damping*spread)
		scores = append(scores, score{id, value, r.degree(v, &chosen, uint32(i))})
	}
	return scores
}

// degree is how many edges lead from a node to nodes that the query takes in.
func (r *ranking) degree(v *view, chosen *selection, rank uint32) uint64 {
	from, to := v.out.of(rank)
	if r.query.matchesAll() {
		return uint64(to - from)
	}
	var n uint64
	for k := from; k < to; k++ {
		if chosen.nodes[v.out.far[k]] && chosen.edge(v.out.edge[k]) {
			n++
		}
	}
	return n
}

// normalize makes the average of all scores 1.
func normalize(scores []score) {
	sum := 0.0
	for _, s := range scores {
		sum += s.value
	}
	factor := float64(len(scores)) / sum
	if !(factor > 0) || math.IsInf(factor, 0) {
		return // only what others send can have no sum
	}
	for i := range scores {
		scores[i].value *= factor
	}
}
