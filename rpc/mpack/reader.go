package mpack

import (
	"encoding/binary"
	"errors"
	"math"
)

// MaxDepth is how many containers may be nested in one another.
const MaxDepth = 32

// Errors of a Reader. ErrType and ErrLength mean that the bytes are
// MessagePack but not what the caller asked for; the RPC layer answers them
// with error 2.
var (
	ErrTruncated = errors.New("insufficient bytes")
	ErrSyntax    = errors.New("parse error")
	ErrType      = errors.New("std::bad_cast")
	ErrLength    = errors.New("std::bad_cast: wrong number of elements")
)

// IsCast reports whether err means well-formed MessagePack of the wrong shape.
func IsCast(err error) bool { return errors.Is(err, ErrType) || errors.Is(err, ErrLength) }

// Kind is the type of a MessagePack object.
type Kind uint8

// The kinds. Text, str and bin are all Raw.
const (
	Invalid Kind = iota
	Nil
	Bool
	Int
	Float
	Raw
	Array
	Map
)

// Reader is a cursor over MessagePack bytes. Raws it returns alias the bytes.
// The zero Reader is at the end of nothing.
type Reader struct {
	b []byte
	i int
}

// NewReader returns a Reader at the start of b.
func NewReader(b []byte) Reader { return Reader{b: b} }

// Len is the number of bytes not yet read.
func (r *Reader) Len() int { return len(r.b) - r.i }

// Pos is the number of bytes read.
func (r *Reader) Pos() int { return r.i }

// Advance moves on by so many bytes. There must be as many, and whole objects.
func (r *Reader) Advance(n int) { r.i += n }

// Rest is the bytes not yet read.
func (r *Reader) Rest() []byte { return r.b[r.i:] }

// Kind tells what comes next without reading it; Invalid at the end, and for
// codes that Jubatus does not know.
func (r *Reader) Kind() Kind {
	if r.i >= len(r.b) {
		return Invalid
	}
	switch c := r.b[r.i]; {
	case c < 0x80 || c >= 0xe0:
		return Int
	case c < 0x90:
		return Map
	case c < 0xa0:
		return Array
	case c < 0xc0:
		return Raw
	default:
		return kinds[c-0xc0]
	}
}

var kinds = [0x20]Kind{
	0x00: Nil, 0x02: Bool, 0x03: Bool,
	0x04: Raw, 0x05: Raw, 0x06: Raw,
	0x0a: Float, 0x0b: Float,
	0x0c: Int, 0x0d: Int, 0x0e: Int, 0x0f: Int,
	0x10: Int, 0x11: Int, 0x12: Int, 0x13: Int,
	0x19: Raw, 0x1a: Raw, 0x1b: Raw,
	0x1c: Array, 0x1d: Array, 0x1e: Map, 0x1f: Map,
}

// fail tells why the next object is not of the kind asked for.
func (r *Reader) fail() error {
	if r.i >= len(r.b) {
		return ErrTruncated
	}
	if r.Kind() == Invalid {
		return ErrSyntax
	}
	return ErrType
}

// size reads the n-byte big-endian number behind the code at the cursor and
// moves past both.
func (r *Reader) size(n int) (uint64, error) {
	if r.Len() < 1+n {
		return 0, ErrTruncated
	}
	p := r.b[r.i+1:]
	r.i += 1 + n
	switch n {
	case 1:
		return uint64(p[0]), nil
	case 2:
		return uint64(binary.BigEndian.Uint16(p)), nil
	case 4:
		return uint64(binary.BigEndian.Uint32(p)), nil
	default:
		return binary.BigEndian.Uint64(p), nil
	}
}

// ArrayHeader reads the header of an array and returns its number of
// elements, never more than bytes are left.
func (r *Reader) ArrayHeader() (int, error) {
	// The common encoding first, here and below: data are full of it.
	if r.i < len(r.b) && r.b[r.i]&0xf0 == 0x90 {
		if n := int(r.b[r.i] & 0x0f); n < len(r.b)-r.i {
			r.i++
			return n, nil
		}
	}
	if r.Kind() != Array {
		return 0, r.fail()
	}
	return r.header(0x90, 0xdc, 1)
}

// MapHeader reads the header of a map and returns its number of entries,
// never more than bytes are left.
func (r *Reader) MapHeader() (int, error) {
	if r.Kind() != Map {
		return 0, r.fail()
	}
	return r.header(0x80, 0xde, 2)
}

func (r *Reader) header(fix, code16 byte, perEntry uint64) (int, error) {
	var n uint64
	var err error
	switch c := r.b[r.i]; {
	case c < 0xc0:
		n = uint64(c - fix)
		r.i++
	case c == code16:
		n, err = r.size(2)
	default:
		n, err = r.size(4)
	}
	if err != nil {
		return 0, err
	}
	if n*perEntry > uint64(r.Len()) {
		return 0, ErrTruncated
	}
	return int(n), nil
}

// Tuple reads the header of an array that must have exactly n elements.
func (r *Reader) Tuple(n int) error {
	m, err := r.ArrayHeader()
	if err == nil && m != n {
		err = ErrLength
	}
	return err
}

// Raw reads text or bytes in any of their encodings. The result aliases the
// Reader's bytes.
func (r *Reader) Raw() ([]byte, error) {
	if r.i < len(r.b) && r.b[r.i]&0xe0 == 0xa0 {
		start := r.i + 1
		if end := start + int(r.b[r.i]&0x1f); end <= len(r.b) {
			r.i = end
			return r.b[start:end:end], nil
		}
	}
	if r.Kind() != Raw {
		return nil, r.fail()
	}
	var n uint64
	var err error
	switch c := r.b[r.i]; c {
	case 0xc4, 0xd9:
		n, err = r.size(1)
	case 0xc5, 0xda:
		n, err = r.size(2)
	case 0xc6, 0xdb:
		n, err = r.size(4)
	default:
		n = uint64(c & 0x1f)
		r.i++
	}
	if err != nil {
		return nil, err
	}
	if n > uint64(r.Len()) {
		return nil, ErrTruncated
	}
	s := r.b[r.i : r.i+int(n) : r.i+int(n)]
	r.i += int(n)
	return s, nil
}

// String reads text or bytes into a string of its own.
func (r *Reader) String() (string, error) {
	s, err := r.Raw()
	return string(s), err
}

// number reads an integer: its bits, and whether it is negative.
func (r *Reader) number() (v uint64, negative bool, err error) {
	if r.Kind() != Int {
		return 0, false, r.fail()
	}
	c := r.b[r.i]
	switch {
	case c < 0x80:
		r.i++
		return uint64(c), false, nil
	case c >= 0xe0:
		r.i++
		return uint64(int64(int8(c))), true, nil
	}
	width := 1 << (c & 3)
	if v, err = r.size(width); err != nil {
		return 0, false, err
	}
	if c >= 0xd0 {
		shift := 64 - 8*width
		v = uint64(int64(v<<shift) >> shift)
		negative = int64(v) < 0
	}
	return v, negative, nil
}

// Int64 reads an integer.
func (r *Reader) Int64() (int64, error) {
	v, negative, err := r.number()
	if err == nil && !negative && v > math.MaxInt64 {
		err = ErrType
	}
	return int64(v), err
}

// Int32 reads an integer between -2^31 and 2^31-1.
func (r *Reader) Int32() (int32, error) {
	v, err := r.Int64()
	if err == nil && v != int64(int32(v)) {
		err = ErrType
	}
	return int32(v), err
}

// Uint64 reads an integer that is not negative.
func (r *Reader) Uint64() (uint64, error) {
	v, negative, err := r.number()
	if err == nil && negative {
		err = ErrType
	}
	return v, err
}

// Uint32 reads an integer between 0 and 2^32-1.
func (r *Reader) Uint32() (uint32, error) {
	v, err := r.Uint64()
	if err == nil && v > math.MaxUint32 {
		err = ErrType
	}
	return uint32(v), err
}

// Float64 reads a number of any kind.
func (r *Reader) Float64() (float64, error) {
	if len(r.b)-r.i >= 9 && r.b[r.i] == 0xcb {
		v := binary.BigEndian.Uint64(r.b[r.i+1:])
		r.i += 9
		return math.Float64frombits(v), nil
	}
	switch r.Kind() {
	case Float:
		if r.b[r.i] == 0xca {
			v, err := r.size(4)
			return float64(math.Float32frombits(uint32(v))), err
		}
		v, err := r.size(8)
		return math.Float64frombits(v), err
	case Int:
		v, negative, err := r.number()
		if negative {
			return float64(int64(v)), err
		}
		return float64(v), err
	default:
		return 0, r.fail()
	}
}

// Bool reads a boolean.
func (r *Reader) Bool() (bool, error) {
	if r.Kind() != Bool {
		return false, r.fail()
	}
	v := r.b[r.i] == 0xc3
	r.i++
	return v, nil
}

// SkipNil reads a nil if one comes next and reports whether it did.
func (r *Reader) SkipNil() bool {
	if r.Kind() != Nil {
		return false
	}
	r.i++
	return true
}

// Skip reads one object of any kind, at most MaxDepth containers deep.
func (r *Reader) Skip() error { return r.SkipDepth(MaxDepth) }

// Object reads one object of any kind and returns its bytes, which alias the
// Reader's.
func (r *Reader) Object() ([]byte, error) {
	start := r.i
	err := r.Skip()
	return r.b[start:r.i:r.i], err
}

// SkipDepth reads one object that nests at most depth containers.
func (r *Reader) SkipDepth(depth int) error {
	// left[d] counts what is still to be read in the d-th open container.
	var left [MaxDepth + 1]int
	if depth > MaxDepth {
		depth = MaxDepth
	}
	d := 0
	left[0] = 1
	for {
		for left[d] == 0 {
			if d == 0 {
				return nil
			}
			d--
		}
		left[d]--
		var err error
		switch r.Kind() {
		case Array, Map:
			if d == depth {
				return ErrSyntax
			}
			d++
			if r.Kind() == Array {
				left[d], err = r.ArrayHeader()
			} else {
				left[d], err = r.MapHeader()
				left[d] *= 2
			}
		case Raw:
			_, err = r.Raw()
		case Int:
			_, _, err = r.number()
		case Float:
			_, err = r.Float64()
		case Nil, Bool:
			r.i++
		default:
			err = r.fail()
		}
		if err != nil {
			return err
		}
	}
}
