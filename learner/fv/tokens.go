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

	// The emulated table.
	fnv          []uint64 // by token: the hash that decides its bucket
	next         []int32  // by token: what follows it in its bucket, or -1
	heads, spare []int32  // by bucket: its first token, or -1
	order        []int32
}

type token struct {
	bytes []byte
	count float64
	hash  uint32
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
var emulated = func() (sizes [21]bucketCount) {
	for i, n := range [...]uint64{11, 23, 47, 97, 199, 409, 823, 1741, 3739, 7517, 15173, 30727, 62233,
		126271, 256279, 520241, 1056323, 2144977, 4355707, 8844859, 17961079} {
		sizes[i] = bucketCount{n, ^uint64(0) / n}
	}
	return sizes
}()

type bucketCount struct{ n, inverse uint64 }

// bucket is hash modulo n, without a division.
func (c bucketCount) bucket(hash uint64) uint64 {
	q, _ := bits.Mul64(hash, c.inverse)
	r := hash - q*c.n
	if r >= c.n { // the inverse is rounded down: q may be one short
		r -= c.n
	}
	return r
}

// ordered returns the indices of the tokens in the order of the original's
// hash table: bucket by bucket, the newest first; a table that grows moves
// its entries in that order.
func (t *tokenCounter) ordered() []int32 {
	t.order = t.order[:0]
	if len(t.tokens) == 1 {
		t.order = append(t.order, 0)
		return t.order
	}
	t.fnv, t.next = resize(t.fnv, len(t.tokens)), resize(t.next, len(t.tokens))
	level := 0
	t.heads = noTokens(t.heads, emulated[0].n)
	for i := range t.tokens {
		if uint64(i) == emulated[level].n && level+1 < len(emulated) {
			level++
			t.grow(level)
		}
		t.fnv[i] = fnv1a(t.tokens[i].bytes)
		push(t.heads, t.next, int32(i), emulated[level].bucket(t.fnv[i]))
	}
	for _, at := range t.heads {
		for ; at >= 0; at = t.next[at] {
			t.order = append(t.order, at)
		}
	}
	return t.order
}

// grow moves the tokens into the buckets of a larger table.
func (t *tokenCounter) grow(level int) {
	size, next, fnv := emulated[level], t.next, t.fnv
	t.spare = noTokens(t.spare, size.n)
	for _, at := range t.heads {
		for at >= 0 {
			following := next[at]
			push(t.spare, next, at, size.bucket(fnv[at]))
			at = following
		}
	}
	t.heads, t.spare = t.spare, t.heads
}

// push puts token i in front of its bucket.
func push(heads, next []int32, i int32, bucket uint64) {
	next[i] = heads[bucket]
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
