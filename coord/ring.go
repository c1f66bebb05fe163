package coord

import (
	"crypto/md5"
	"encoding/hex"
	"slices"
	"strconv"
)

// virtualNodes is how many entries one server has on the ring.
const virtualNodes = 8

// VirtualNodes are the names of a server's entries on the ring: the MD5 of
// its identity, and of its identity with _1 to _7 behind it, in lower-case
// hexadecimal. Each entry's data is the identity.
func VirtualNodes(id Identity) []string {
	names := make([]string, virtualNodes)
	for i := range names {
		label := id.String()
		if i > 0 {
			label += "_" + strconv.Itoa(i)
		}
		sum := md5.Sum([]byte(label))
		names[i] = hex.EncodeToString(sum[:])
	}
	return names
}

// Ring is a consistent hash ring: the entries of all servers in order. It
// does not change once built.
type Ring struct {
	hashes []string // sorted
	owners []Identity
}

// NewRing builds a ring of entries, from an entry's name to its server.
func NewRing(entries map[string]Identity) *Ring {
	r := &Ring{
		hashes: make([]string, 0, len(entries)),
		owners: make([]Identity, len(entries)),
	}
	for hash := range entries {
		r.hashes = append(r.hashes, hash)
	}
	slices.Sort(r.hashes)
	for i, hash := range r.hashes {
		r.owners[i] = entries[hash]
	}
	return r
}

// Len is the number of entries.
func (r *Ring) Len() int { return len(r.hashes) }

// Successors appends to dst the first n servers that the ring has for a key,
// beginning with the entry at or behind the key's MD5, and returns it. No
// server comes twice, so there may be fewer than n; an empty ring has none.
func (r *Ring) Successors(dst []Identity, key []byte, n int) []Identity {
	first := len(dst)
	start := r.start(key)
	for i := 0; i < len(r.owners) && len(dst)-first < n; i++ {
		owner := r.owners[(start+i)%len(r.owners)]
		if !slices.Contains(dst[first:], owner) {
			dst = append(dst, owner)
		}
	}
	return dst
}

// Repeating is Successors as nodes of the original count them: the owners of
// n entries in a row, among which a server may come several times. The first
// is the same. It is for clusters that are shared with such nodes, which look
// for the second copy of a row where this says. An empty ring has none.
func (r *Ring) Repeating(dst []Identity, key []byte, n int) []Identity {
	if len(r.owners) == 0 {
		return dst
	}
	start := r.start(key)
	for i := range n {
		dst = append(dst, r.owners[(start+i)%len(r.owners)])
	}
	return dst
}

// start is the index of the first entry at or behind the key's MD5. It is the
// number of entries if there is none behind.
func (r *Ring) start(key []byte) int {
	sum := md5.Sum(key)
	var text [2 * md5.Size]byte
	hex.Encode(text[:], sum[:])
	// A binary search by hand: these comparisons do not copy the text.
	low, high := 0, len(r.hashes)
	for low < high {
		middle := (low + high) / 2
		if r.hashes[middle] < string(text[:]) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}
