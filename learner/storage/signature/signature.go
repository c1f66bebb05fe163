// Package signature makes short bit signatures of feature vectors, by random
// projection (Charikar, STOC 2002) and by weighted minhash, and compares them.
// The same vector gives the same bits as in any other Jubatus, so that nodes
// and model files can be mixed.
//
// Bit j of a signature is bit j mod 64, from the least significant, of word
// j div 64. Bits beyond the last are 0.
package signature

import (
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Words is how many 64-bit words a signature of n bits takes.
func Words(n int) int { return int((uint(n) + 63) / 64) }

// Hash is the hash of a feature's key: 64-bit FNV-1 (RFC 9923) over signed
// bytes, which differs from that of the RFC for keys that are not ASCII.
func Hash(key []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range key {
		h *= 1099511628211
		h ^= uint64(int64(int8(c)))
	}
	return h
}

// Hamming is in how many bits two signatures of the same length differ.
func Hamming(a, b []uint64) int {
	n := 0
	b = b[:len(a)]
	for i, w := range a {
		n += bits.OnesCount64(w ^ b[i])
	}
	return n
}

// errWords is a bit vector whose bytes are not as many as its bits need.
var errWords = errors.New("a bit vector has bytes for another number of bits")

// AppendBitVector appends a signature of n bits as rows carry it: [n, raw],
// the words one after another, the most significant byte of each first.
func AppendBitVector(b []byte, words []uint64, n int) []byte {
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendUint(b, uint64(n))
	b = mpack.AppendRawHeader(b, 8*len(words))
	for _, w := range words {
		b = binary.BigEndian.AppendUint64(b, w)
	}
	return b
}

// ReadBitVector reads what AppendBitVector wrote: it appends the words to
// those given and returns how many bits they hold. The mark of a removed
// signature has 0 bits. Bits beyond the last are dropped.
func ReadBitVector(r *mpack.Reader, to []uint64) (words []uint64, n int, err error) {
	if err := r.Tuple(2); err != nil {
		return to, 0, err
	}
	size, err := r.Uint64()
	if err != nil {
		return to, 0, err
	}
	raw, err := r.Raw()
	if err != nil {
		return to, 0, err
	}
	// Compared by the bytes that are there, no size can be too large.
	if size > 8*uint64(len(raw)) || len(raw) != 8*Words(int(size)) {
		return to, 0, errWords
	}
	n = int(size)
	for ; len(raw) >= 8; raw = raw[8:] {
		to = append(to, binary.BigEndian.Uint64(raw))
	}
	if n%64 != 0 {
		to[len(to)-1] &= 1<<(n%64) - 1
	}
	return to, n, nil
}
