package rpc

import (
	"encoding/binary"
	"errors"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Types of messages.
const (
	typeRequest  = 0
	typeResponse = 1
	typeNotify   = 2
)

var (
	errGarbage   = errors.New("not a MessagePack-RPC message")
	errFrameSize = errors.New("message exceeds the size limit")
)

// nilObject stands for params and results that a message leaves out.
var nilObject = []byte{0xc0}

// class says what follows a code byte.
type class uint8

const (
	classBad   class = iota // not a code, or an extension
	classFixed              // n bytes, then nothing
	classRaw                // a length of n bytes (n = 0: in the code), then that many bytes
	classArray              // a count likewise, then that many objects
	classMap                // a count likewise, then twice that many objects
)

type code struct {
	class class
	n     uint8
}

// codes tells for every code byte what follows it.
var codes = func() (t [256]code) {
	for c := range t {
		switch {
		case c < 0x80 || c >= 0xe0:
			t[c] = code{classFixed, 0}
		case c < 0x90:
			t[c] = code{classMap, 0}
		case c < 0xa0:
			t[c] = code{classArray, 0}
		case c < 0xc0:
			t[c] = code{classRaw, 0}
		}
	}
	for c, e := range map[byte]code{
		0xc0: {classFixed, 0}, 0xc2: {classFixed, 0}, 0xc3: {classFixed, 0},
		0xc4: {classRaw, 1}, 0xc5: {classRaw, 2}, 0xc6: {classRaw, 4},
		0xca: {classFixed, 4}, 0xcb: {classFixed, 8},
		0xcc: {classFixed, 1}, 0xcd: {classFixed, 2}, 0xce: {classFixed, 4}, 0xcf: {classFixed, 8},
		0xd0: {classFixed, 1}, 0xd1: {classFixed, 2}, 0xd2: {classFixed, 4}, 0xd3: {classFixed, 8},
		0xd9: {classRaw, 1}, 0xda: {classRaw, 2}, 0xdb: {classRaw, 4},
		0xdc: {classArray, 2}, 0xdd: {classArray, 4},
		0xde: {classMap, 2}, 0xdf: {classMap, 4},
	} {
		t[c] = e
	}
	return t
}()

// lengths is the length of objects whose code alone tells it, and 0 for others.
var lengths = func() (t [256]uint8) {
	for i, c := range codes {
		switch {
		case c.class == classFixed:
			t[i] = 1 + c.n
		case c.class == classRaw && c.n == 0:
			t[i] = 1 + uint8(i&0x1f)
		}
	}
	return t
}()

// scanner finds the end of a message while its bytes arrive, looking at every
// byte once, and notes where the first elements of the message begin. It
// keeps no bytes: scan gets all bytes of the message received so far.
type scanner struct {
	left [mpack.MaxDepth + 1]uint64 // objects still to come in each open container
	d    int                        // open containers
	pos  int                        // bytes scanned
	skip uint64                     // bytes of a raw still to come
	elem [5]int                     // where the first elements of the message begin
	n    int                        // elements of the message begun
	max  uint64                     // largest message
}

// reset readies s for the next message.
func (s *scanner) reset() {
	s.d, s.pos, s.skip, s.n = 0, 0, 0, 0
	s.left[0] = 1
}

// scan reports whether b begins with a complete message; then s.pos is its
// length. Everything that can never become one is an error.
func (s *scanner) scan(b []byte) (done bool, err error) {
	pos, d := s.pos, s.d
	n := s.left[d]
	for {
		if s.skip > 0 {
			have := uint64(len(b) - pos)
			if have < s.skip {
				s.skip -= have
				pos = len(b)
				break
			}
			pos += int(s.skip)
			s.skip = 0
		}
		if d > 1 { // most of what there is
			for n > 0 && pos < len(b) {
				size := int(lengths[b[pos]])
				if size == 0 && b[pos] == 0x92 && d < mpack.MaxDepth {
					size = pairLength(b[pos:])
				}
				if size == 0 || size > len(b)-pos {
					break
				}
				pos += size
				n--
			}
		}
		for n == 0 {
			if d == 0 {
				s.pos = pos
				return true, nil
			}
			d--
			n = s.left[d]
		}
		if pos >= len(b) {
			break
		}
		c := codes[b[pos]]
		next := pos + 1 + int(c.n)
		if next > len(b) {
			if c.class == classBad || d == 0 && c.class != classArray {
				return false, errGarbage
			}
			break
		}
		if d == 1 {
			if s.n < len(s.elem) {
				s.elem[s.n] = pos
			}
			s.n++
		}
		n--
		if c.class == classFixed {
			if d == 0 {
				return false, errGarbage
			}
			pos = next
			continue
		}
		var size uint64
		switch c.n {
		case 0:
			size = uint64(b[pos] & 0x0f)
			if c.class == classRaw {
				size = uint64(b[pos] & 0x1f)
			}
		case 1:
			size = uint64(b[pos+1])
		case 2:
			size = uint64(binary.BigEndian.Uint16(b[pos+1:]))
		case 4:
			size = uint64(binary.BigEndian.Uint32(b[pos+1:]))
		}
		pos = next
		// Every element takes a byte, so sizes bound the message from below.
		if uint64(pos)+size > s.max {
			return false, errFrameSize
		}
		switch c.class {
		case classRaw:
			if d == 0 {
				return false, errGarbage
			}
			s.skip = size
		case classArray, classMap:
			if d == 0 && c.class != classArray {
				return false, errGarbage
			}
			if d == mpack.MaxDepth {
				return false, errGarbage
			}
			s.left[d] = n
			d++
			n = size
			if c.class == classMap {
				n *= 2
			}
		default:
			return false, errGarbage
		}
	}
	s.pos, s.d, s.left[d] = pos, d, n
	if uint64(len(b)) > s.max {
		return false, errFrameSize
	}
	return false, nil
}

// pairLength is the length of an array of two objects whose codes alone tell
// theirs, and 0 for others.
func pairLength(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	first := 1 + int(lengths[b[1]])
	if first == 1 || first >= len(b) || lengths[b[first]] == 0 {
		return 0
	}
	return first + int(lengths[b[first]])
}

// element returns the k-th element (k < 4) of the complete message b, and nil
// if the message has fewer.
func (s *scanner) element(b []byte, k int) []byte {
	if k >= s.n {
		return nil
	}
	end := s.pos
	if k+1 < s.n {
		end = s.elem[k+1]
	}
	return b[s.elem[k]:end:end]
}

// request reads the envelope of the complete message b into r, as leniently
// as servers always did: elements too many are ignored, a missing type or id
// counts as 0 and missing params as nil. ok is false for what is no request.
func (s *scanner) request(b []byte, r *Request) (ok bool) {
	typ, ok := small(s.element(b, 0))
	if !ok || typ != typeRequest && typ != typeNotify {
		return false
	}
	k := 1
	r.ID = 0
	if r.Notify = typ == typeNotify; !r.Notify {
		if r.ID, ok = small(s.element(b, 1)); !ok {
			return false
		}
		k = 2
	}
	name := mpack.NewReader(s.element(b, k))
	method, err := name.Raw()
	if err != nil {
		return false
	}
	r.Method = method
	r.Params = s.element(b, k+1)
	if r.Params == nil {
		r.Params = nilObject
	}
	return true
}

// small reads an element that must be an integer of 32 bits; a missing one
// is 0.
func small(b []byte) (uint32, bool) {
	switch {
	case b == nil:
		return 0, true
	case b[0] < 0x80:
		return uint32(b[0]), true
	}
	r := mpack.NewReader(b)
	v, err := r.Uint32()
	return v, err == nil
}

// response reads the envelope of the complete message b, which must be a
// response.
func (s *scanner) response(b []byte) (id uint32, errObj, result []byte, ok bool) {
	typ, ok := small(s.element(b, 0))
	if !ok || typ != typeResponse || s.n < 3 {
		return 0, nil, nil, false
	}
	if id, ok = small(s.element(b, 1)); !ok {
		return 0, nil, nil, false
	}
	errObj, result = s.element(b, 2), s.element(b, 3)
	if result == nil {
		result = nilObject
	}
	return id, errObj, result, true
}
