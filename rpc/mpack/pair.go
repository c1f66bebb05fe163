package mpack

import (
	"encoding/binary"
	"math"
)

// A datum is mostly a list of pairs of a name and a value, in their usual
// encoding: a name of less than 32 bytes, and a double or a text as short. Such
// pairs are told in one go.

// ShortNumPair returns the length of the key if b begins with a pair of a short
// Raw and a double, which is 11 bytes longer, and -1 otherwise.
func ShortNumPair(b []byte) int {
	if len(b) < 11 || b[0] != 0x92 || b[1]&0xe0 != 0xa0 {
		return -1
	}
	if n := int(b[1] & 0x1f); len(b) >= n+11 && b[n+2] == 0xcb {
		return n
	}
	return -1
}

// ShortRawPair returns the lengths of both if b begins with a pair of short
// Raws, which is 3 bytes longer, and -1 otherwise.
func ShortRawPair(b []byte) (key, value int) {
	if len(b) < 3 || b[0] != 0x92 || b[1]&0xe0 != 0xa0 {
		return -1, -1
	}
	key = int(b[1] & 0x1f)
	if len(b) < key+3 || b[key+2]&0xe0 != 0xa0 {
		return -1, -1
	}
	if value = int(b[key+2] & 0x1f); len(b) < key+value+3 {
		return -1, -1
	}
	return key, value
}

// Double is the double in the last 8 of the first n bytes.
func Double(b []byte, n int) float64 {
	return math.Float64frombits(binary.BigEndian.Uint64(b[n-8 : n]))
}

// NumPair reads an array of a Raw and a number.
func (r *Reader) NumPair() (key []byte, value float64, err error) {
	if err = r.Tuple(2); err != nil {
		return nil, 0, err
	}
	if key, err = r.Raw(); err != nil {
		return nil, 0, err
	}
	value, err = r.Float64()
	return key, value, err
}

// RawPair reads an array of two Raws.
func (r *Reader) RawPair() (key, value []byte, err error) {
	if err = r.Tuple(2); err != nil {
		return nil, nil, err
	}
	if key, err = r.Raw(); err != nil {
		return nil, nil, err
	}
	value, err = r.Raw()
	return key, value, err
}
