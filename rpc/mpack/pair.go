package mpack

import (
	"encoding/binary"
	"math"
)

// NumPair reads an array of a Raw and a number. A datum is mostly a list of
// such pairs; here they are read in one go if they have their usual encoding.
func (r *Reader) NumPair() (key []byte, value float64, err error) {
	if b := r.b[r.i:]; len(b) >= 2 && b[0] == 0x92 && b[1]&0xe0 == 0xa0 {
		end := 2 + int(b[1]&0x1f)
		if len(b) >= end+9 && b[end] == 0xcb {
			r.i += end + 9
			return b[2:end:end], math.Float64frombits(binary.BigEndian.Uint64(b[end+1:])), nil
		}
	}
	if err = r.Tuple(2); err != nil {
		return nil, 0, err
	}
	if key, err = r.Raw(); err != nil {
		return nil, 0, err
	}
	value, err = r.Float64()
	return key, value, err
}

// RawPair reads an array of two Raws, in one go if both are short.
func (r *Reader) RawPair() (key, value []byte, err error) {
	if b := r.b[r.i:]; len(b) >= 2 && b[0] == 0x92 && b[1]&0xe0 == 0xa0 {
		middle := 2 + int(b[1]&0x1f)
		if len(b) > middle && b[middle]&0xe0 == 0xa0 {
			end := middle + 1 + int(b[middle]&0x1f)
			if len(b) >= end {
				r.i += end
				return b[2:middle:middle], b[middle+1 : end : end], nil
			}
		}
	}
	if err = r.Tuple(2); err != nil {
		return nil, nil, err
	}
	if key, err = r.Raw(); err != nil {
		return nil, nil, err
	}
	value, err = r.Raw()
	return key, value, err
}
