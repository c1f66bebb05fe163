package fv

import (
	"hash/maphash"
	"math/bits"
)

// tokenCounter counts the tokens of one text and gives them back in the order
// in which the original's hash table would. It is reused from text to text.
type tokenCounter struct {
	text   []byte // what the tokens' offsets point into
	tokens []token
	full   bool    // a token found no room
	slots  []int32 // index+1 of the token that hashes here; 0 is free

	heads, spare []int32 // of the emulated buckets
	order        []int32
}

type token struct {
	bytes []byte
	count float64
	hash  uint32
	next  int32  // in the emulated bucket
	fnv   uint64 // the hash that decides the order
}

// reset readies the counter for the next text.
func (t *tokenCounter) reset() {
	if len(t.slots) > 1<<14 {
		t.slots = nil
	}
	clear(t.slots)
	clear(t.tokens)
	t.tokens = t.tokens[:0]
	t.text, t.full = t.text[:0], false
}

// Add counts a token, which it copies.
func (t *tokenCounter) Add(b []byte, score float64) {
	hash := uint32(maphash.Bytes(hashSeed, b))
	if i := t.find(b, hash); i >= 0 {
		t.tokens[i].count += score
		return
	}
	if len(t.text)+len(b) > maxKeyBytes || len(t.tokens) >= maxFeatures {
		t.full = true
		return
	}
	start := len(t.text)
	t.text = append(t.text, b...)
	t.insert(t.text[start:len(t.text):len(t.text)], hash, score)
}

// add counts one occurrence of a token that stays as it is until the next
// reset.
func (t *tokenCounter) add(b []byte) {
	hash := uint32(maphash.Bytes(hashSeed, b))
	if i := t.find(b, hash); i >= 0 {
		t.tokens[i].count++
		return
	}
	t.insert(b, hash, 1)
}

func (t *tokenCounter) find(b []byte, hash uint32) int {
	if len(t.slots) == 0 {
		return -1
	}
	mask := uint32(len(t.slots) - 1)
	for s := hash & mask; ; s = (s + 1) & mask {
		i := int(t.slots[s]) - 1
		if i < 0 {
			return -1
		}
		if t.tokens[i].hash == hash && string(t.tokens[i].bytes) == string(b) {
			return i
		}
	}
}

func (t *tokenCounter) insert(b []byte, hash uint32, count float64) {
	if 2*(len(t.tokens)+1) > len(t.slots) {
		t.slots = make([]int32, max(64, 2*len(t.slots)))
		for i := range t.tokens {
			t.place(i, t.tokens[i].hash)
		}
	}
	t.place(len(t.tokens), hash)
	t.tokens = append(t.tokens, token{bytes: b, hash: hash, count: count})
}

func (t *tokenCounter) place(i int, hash uint32) {
	mask := uint32(len(t.slots) - 1)
	s := hash & mask
	for t.slots[s] != 0 {
		s = (s + 1) & mask
	}
	t.slots[s] = int32(i + 1)
}

// emulated are the bucket counts that libstdc++'s TR1 hash tables grow
// through, each with the factor that divides by it.
var emulated = func() (sizes [21]struct{ n, inverse uint64 }) {
	for i, n := range [...]uint64{11, 23, 47, 97, 199, 409, 823, 1741, 3739, 7517, 15173, 30727, 62233,
		126271, 256279, 520241, 1056323, 2144977, 4355707, 8844859, 17961079} {
		sizes[i].n, sizes[i].inverse = n, ^uint64(0)/n
	}
	return sizes
}()

// ordered returns the indices of the tokens in the order of the original's
// hash table: bucket by bucket, the newest first; a table that grows moves
// its entries in that order.
func (t *tokenCounter) ordered() []int32 {
	t.order = t.order[:0]
	if len(t.tokens) == 1 {
		t.order = append(t.order, 0)
		return t.order
	}
	level := 0
	t.heads = noTokens(t.heads, emulated[0].n)
	for i := range t.tokens {
		if size := emulated[level].n; uint64(i)+1 > size && level+1 < len(emulated) {
			level++
			t.spare = noTokens(t.spare, emulated[level].n)
			for _, at := range t.heads {
				for at >= 0 {
					next := t.tokens[at].next
					t.push(t.spare, level, at)
					at = next
				}
			}
			t.heads, t.spare = t.spare, t.heads
		}
		t.tokens[i].fnv = fnv1a(t.tokens[i].bytes)
		t.push(t.heads, level, int32(i))
	}
	for _, at := range t.heads {
		for ; at >= 0; at = t.tokens[at].next {
			t.order = append(t.order, at)
		}
	}
	return t.order
}

func (t *tokenCounter) push(heads []int32, level int, i int32) {
	e := &emulated[level]
	q, _ := bits.Mul64(t.tokens[i].fnv, e.inverse)
	bucket := t.tokens[i].fnv - q*e.n
	if bucket >= e.n { // the inverse is rounded down: q may be one short
		bucket -= e.n
	}
	t.tokens[i].next = heads[bucket]
	heads[bucket] = i
}

func noTokens(heads []int32, n uint64) []int32 {
	if uint64(cap(heads)) < n {
		heads = make([]int32, n)
	}
	heads = heads[:n]
	for i := range heads {
		heads[i] = -1
	}
	return heads
}

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// fnv1a is 64-bit FNV-1a over signed bytes.
func fnv1a(b []byte) uint64 {
	h := uint64(fnvOffset)
	for _, c := range b {
		h ^= uint64(int64(int8(c)))
		h *= fnvPrime
	}
	return h
}

// fnv1 is 64-bit FNV-1 over signed bytes.
func fnv1(b []byte) uint64 {
	h := uint64(fnvOffset)
	for _, c := range b {
		h *= fnvPrime
		h ^= uint64(int64(int8(c)))
	}
	return h
}
