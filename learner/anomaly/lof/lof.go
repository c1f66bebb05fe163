// Package lof computes local outlier factors (Breunig, Kriegel, Ng and Sander,
// SIGMOD 2000) of rows that come one by one: how much thinner the
// neighbourhood of a row is than those of its neighbours. Around 1 a row is
// like its neighbours, far above it is an outlier.
//
// It knows rows by numbers and never looks for neighbours itself: it is given
// rankings of them, the nearest first. A row's own ranking has the row itself
// in it, at distance 0, so that of k neighbours k-1 are others.
package lof

import (
	"fmt"
	"math"

	"github.com/jubatus/jubatus-go/learner/knn"
)

// Statistics are what is known of rows: the distance of the last of the k
// nearest, and the local reachability density, which is high where rows are
// close to one another.
type Statistics interface {
	// KDist and LRD return what is known of a row; false if nothing is.
	KDist(row int) (kdist float64, ok bool)
	LRD(row int) (lrd float64, ok bool)

	// SetKDist and, after it, SetLRD keep what has been computed of a row.
	SetKDist(row int, kdist float64)
	SetLRD(row int, lrd float64)
}

// Density is how a density is made of the mean reachability distance.
type Density uint8

const (
	// Damped adds a bit to the distance, so that densities are finite.
	Damped Density = iota
	// Exact is infinite where all neighbours are at the same point.
	Exact
)

// damping is the bit that Damped adds.
const damping = 1e-15

// MissingError is that nothing is known of a neighbour that counts.
type MissingError struct{ Row int }

func (e *MissingError) Error() string { return fmt.Sprintf("there are no statistics of row %d", e.Row) }

// Refresh computes the statistics of rows from the rankings of their k
// nearest, list i being that of rows[i]. All distances are renewed before the
// first density. Neighbours of which nothing is known do not count in
// densities. A row whose list is empty keeps its distance and gets the
// density 1.
func Refresh(rows []int, lists *knn.Lists, s Statistics, d Density) {
	for i, row := range rows {
		if list := lists.At(i); len(list) > 0 {
			s.SetKDist(row, list[len(list)-1].Distance)
		}
	}
	for i, row := range rows {
		s.SetLRD(row, density(lists.At(i), s, d))
	}
}

func density(list []knn.Neighbor, s Statistics, d Density) float64 {
	if len(list) == 0 {
		return 1
	}
	sum := 0.0
	for _, n := range list {
		if kdist, ok := s.KDist(n.Row); ok {
			sum += larger(n.Distance, kdist)
		}
	}
	switch {
	case d == Damped:
		return float64(len(list)) / (sum + damping)
	case sum == 0:
		return math.Inf(1)
	default:
		return float64(len(list)) / sum
	}
}

// larger is a unless b is larger; a number that is none is not larger.
func larger(a, b float64) float64 {
	if a < b {
		return b
	}
	return a
}

// Score is the local outlier factor of what has these neighbours: +Inf if
// there are none, 1 if it lies among infinitely dense neighbours. The error is
// a *MissingError.
func Score(list []knn.Neighbor, s Statistics) (float64, error) {
	if len(list) == 0 {
		return math.Inf(1), nil
	}
	sum, densities := 0.0, 0.0
	for _, n := range list {
		kdist, known := s.KDist(n.Row)
		lrd, ok := s.LRD(n.Row)
		if !known || !ok {
			return 0, &MissingError{n.Row}
		}
		sum += larger(n.Distance, kdist)
		densities += lrd
	}
	size := float64(len(list))
	own := math.Inf(1)
	if sum != 0 {
		own = size / sum
	}
	if math.IsInf(densities, 1) && math.IsInf(own, 1) {
		return 1, nil
	}
	return densities / float64(size*own), nil
}

// Others takes a row out of the ranking of its neighbours. The last one moves
// into its place.
func Others(list []knn.Neighbor, row int) []knn.Neighbor {
	for i, n := range list {
		if n.Row == row {
			last := len(list) - 1
			list[i] = list[last]
			return list[:last]
		}
	}
	return list
}

// SamePoint reports whether the ranking of the k-1 nearest has that many rows
// and all of them are where the new one is to be.
func SamePoint(list []knn.Neighbor, k int) bool {
	return len(list) == k-1 && len(list) > 0 && list[len(list)-1].Distance == 0
}
