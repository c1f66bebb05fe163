package inverted

// addPairs adds x·a + y·b + z·c + w·d to dots, from the left to the right, for
// two rows times pairs. Two at a time come to the same bits as one by one, as
// products are rounded before they are added.
//
//go:noescape
func addPairs(dots, a, b, c, d *float64, pairs int, x, y, z, w float64)

// paired is how many of n rows addPairs is to be given at a time. It cannot be
// interrupted, and others may be waiting for that.
func paired(n int) int { return min(n, 1<<14) / 2 }
