// Package bitindex holds rows of bit signatures by id, in two halves: what the
// nodes have in common, and what this one has set and removed since the last
// MIX. It finds the rows whose signatures are most like a given one. The
// methods lsh and minhash of the recommender live on it.
package bitindex

// Index is the rows. It is not safe for concurrent use, except that any number
// of readers may search it at the same time.
type Index struct {
	bits int
}

// New returns an empty index of signatures of so many bits.
func New(bits int) *Index { return &Index{bits: bits} }
