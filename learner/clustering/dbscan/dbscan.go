// Package dbscan finds clusters of any shape where vectors lie densely: DBSCAN
// by Ester, Kriegel, Sander and Xu (KDD 1996).
package dbscan

import "github.com/jubatus/jubatus-go/learner/clustering/sparse"

// Scan returns the clusters of a sample, as indices in the order in which they
// are reached. A vector's neighbours are those nearer than eps, and itself; a
// core has at least minCore of them. A vector that belongs to no cluster is
// noise. Weights do not count.
//
// A cluster that is left with fewer than minCore vectors, because others have
// been given its border already, is none; its vectors are not noise, though,
// and no later cluster gets them.
func Scan(s *sparse.Sample, eps float64, minCore int) [][]int32 {
	x := scan{sample: s, eps: eps, minCore: minCore, states: make([]state, s.Len())}
	var clusters [][]int32
	for i := range int32(s.Len()) {
		if x.states[i] != unvisited {
			continue
		}
		if neighbours := s.Within(int(i), eps, nil); len(neighbours) < minCore {
			x.states[i] = noise
		} else if c := x.grow(i, neighbours); len(c) >= minCore {
			clusters = append(clusters, c)
		}
	}
	return clusters
}

type state uint8

const (
	unvisited state = iota
	queued          // to be visited in the next round
	noise
	classified
)

type scan struct {
	sample  *sparse.Sample
	eps     float64
	minCore int
	states  []state
	buffer  []int32
}

// grow returns the cluster around a core.
func (x *scan) grow(core int32, frontier []int32) []int32 {
	cluster := []int32{core}
	x.states[core] = classified
	var next []int32
	for len(frontier) > 0 {
		next = next[:0]
		for _, j := range frontier {
			if x.states[j] == classified {
				continue
			}
			x.states[j] = classified
			cluster = append(cluster, j)
			x.buffer = x.sample.Within(int(j), x.eps, x.buffer[:0])
			if len(x.buffer) < x.minCore {
				continue
			}
			for _, m := range x.buffer {
				switch x.states[m] {
				case unvisited:
					x.states[m] = queued
					next = append(next, m)
				case noise:
					x.states[m] = classified
					cluster = append(cluster, m)
				}
			}
		}
		frontier, next = next, frontier
	}
	return cluster
}
