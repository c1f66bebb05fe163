package storage

import "slices"

// bucketOrder reproduces the iteration order of the chained hash table of the
// TR1 C++ library. The order of labels in answers, and with it who wins a tie,
// comes from there: buckets in ascending order, in each the newest first, with
// the chains turned over whenever the table grows.
type bucketOrder struct {
	buckets [][]bucketEntry // every chain newest last
	n       int
}

type bucketEntry struct {
	hash  uint64
	value Label
}

// bucketCounts are the sizes a table grows through.
var bucketCounts = [...]int{
	11, 23, 47, 97, 199, 409, 823, 1741, 3739, 7517, 15173, 30727,
	62233, 126271, 256279, 520241, 1056323,
}

func (o *bucketOrder) bucket(hash uint64) *[]bucketEntry {
	return &o.buckets[hash%uint64(len(o.buckets))]
}

// insert adds a value that is not in the table.
func (o *bucketOrder) insert(hash uint64, value Label) {
	if o.n++; o.n > len(o.buckets) {
		o.grow()
	}
	chain := o.bucket(hash)
	*chain = append(*chain, bucketEntry{hash, value})
}

func (o *bucketOrder) grow() {
	size := 2*len(o.buckets) + 1
	for _, c := range bucketCounts {
		if c > len(o.buckets) {
			size = c
			break
		}
	}
	old := o.buckets
	o.buckets = make([][]bucketEntry, size)
	for _, from := range old {
		for _, e := range slices.Backward(from) {
			chain := o.bucket(e.hash)
			*chain = append(*chain, e)
		}
	}
}

// remove takes a value out. The table never shrinks.
func (o *bucketOrder) remove(hash uint64, value Label) {
	chain := o.bucket(hash)
	for i, e := range *chain {
		if e.value == value {
			*chain = slices.Delete(*chain, i, i+1)
			o.n--
			return
		}
	}
}

// all yields the values in order.
func (o *bucketOrder) all(yield func(Label) bool) {
	for _, chain := range o.buckets {
		for _, e := range slices.Backward(chain) {
			if !yield(e.value) {
				return
			}
		}
	}
}

// labelHash is 64-bit FNV-1a over the bytes taken as signed, as the tables of
// labels use it.
func labelHash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h ^= uint64(int64(int8(s[i])))
		h *= 1099511628211
	}
	return h
}
