// Package lshindex holds vectors as signatures, norms and buckets of
// locality-sensitive hash tables, and finds those that are near a given one in
// the Euclidean sense by looking into the buckets around it (multi-probe LSH:
// Lv et al., VLDB 2007). The method euclid_lsh of the recommender lives on it.
package lshindex

// Index is the rows and their buckets. It is not safe for concurrent use,
// except that any number of readers may search it at the same time.
type Index struct {
	hashes, tables int
}

// New returns an empty index of so many tables of so many hash functions.
func New(hashes, tables int) *Index { return &Index{hashes: hashes, tables: tables} }
