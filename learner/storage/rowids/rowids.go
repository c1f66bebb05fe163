// Package rowids numbers the ids of rows, 0 to n-1, and finds them, in a few
// bytes more than the ids themselves take.
package rowids

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// List is the ids of rows 0 to n-1. Their bytes lie one after another in
// chunks, each behind its length, and an index finds them: that takes a few
// bytes per id, where a map of strings takes many. What changes it needs it
// alone; all else may share it.
type List struct {
	refs    []uint32 // where each id lies: the chunk, and the place in it
	chunks  [][]byte
	live    int // bytes of ids that are there
	garbage int // bytes of ids that are not there any more

	seed  maphash.Seed
	parts [indexParts]part
}

const (
	chunkBits = 18 // of a place in a chunk
	align     = 4  // places are so many bytes apart
	chunkSize = align << chunkBits
	maxChunks = 1 << (32 - chunkBits)
	maxRows   = 1<<32 - 2

	minRoom = 64 // bytes that a chunk grows by at least

	indexParts = 128
	firstSlots = 4 // of a part

	minNumberBits = 8
)

// part is a part of the index, an open-addressed table with linear probing. A
// slot holds a row number + 1 and, in the bits that no number needs, some of
// the hash of its id, so that few ids are read in vain. The parts grow one by
// one, so that no single call pays for all, and by half: they are at different
// points of their growth at any time, so that together they are always about as
// full.
type part struct {
	slots []uint32
	n     int
	bits  int // of a row number + 1
}

func (p *part) mask() uint32 { return 1<<p.bits - 1 }

// tag is what a slot holds of a hash.
func (p *part) tag(hash uint64) uint32 { return uint32(hash/indexParts) << p.bits }

// fit makes row numbers in slots as wide as one needs.
func (p *part) fit(number uint32) {
	if number <= p.mask() {
		return
	}
	old, mask := p.bits, p.mask()
	p.bits = max(minNumberBits, bits.Len32(number))
	for i, s := range p.slots {
		p.slots[i] = s>>old<<p.bits | s&mask
	}
}

// New returns an empty list.
func New() List { return List{seed: maphash.MakeSeed()} }

// Len is the number of ids.
func (d *List) Len() int { return len(d.refs) }

// At returns the id of a row. Its bytes never change, wherever the row goes.
func (d *List) At(row int) []byte {
	ref := d.refs[row]
	b := d.chunks[ref>>chunkBits][ref&(1<<chunkBits-1)*align:]
	n, k := uint64(b[0]), 1
	if n >= 0x80 {
		n, k = binary.Uvarint(b)
	}
	return b[k : k+int(n) : k+int(n)]
}

// size is how many bytes an id takes.
func size(id []byte) int {
	n := 1 + len(id)
	for l := len(id) >> 7; l > 0; l >>= 7 {
		n++
	}
	return (n + align - 1) &^ (align - 1)
}

// store writes an id and returns where, false if there is no room anywhere.
func (d *List) store(id []byte) (ref uint32, ok bool) {
	n, last := size(id), len(d.chunks)-1
	if last < 0 || len(d.chunks[last])+n > chunkSize {
		if len(d.chunks) == maxChunks {
			return 0, false
		}
		d.chunks = append(d.chunks, nil)
		last++
	}
	c := d.chunks[last]
	if len(c)+n > cap(c) {
		// The room that is free stays a small part of all.
		more := max(minRoom, (d.live+d.garbage)/8)
		c = append(make([]byte, 0, max(len(c)+n, min(chunkSize, len(c)+more))), c...)
	}
	ref = uint32(last)<<chunkBits | uint32(len(c)/align)
	end := len(c) + n
	c = binary.AppendUvarint(c, uint64(len(id)))
	c = append(c, id...)
	for len(c) < end {
		c = append(c, 0)
	}
	d.chunks[last] = c
	d.live += n
	return ref, true
}

func (d *List) hash(id []byte) uint64 { return maphash.Bytes(d.seed, id) }

func (d *List) part(hash uint64) *part { return &d.parts[hash&(indexParts-1)] }

// home is the slot at which a probe begins.
func (p *part) home(hash uint64) int { return int(hash >> 32 * uint64(len(p.slots)) >> 32) }

// next is the slot after another.
func (p *part) next(i int) int {
	if i++; i < len(p.slots) {
		return i
	}
	return 0
}

// distance is how many slots a probe goes from one to another.
func (p *part) distance(from, to int) int {
	if to < from {
		to += len(p.slots)
	}
	return to - from
}

// Find returns the row of an id, -1 if there is none.
func (d *List) Find(id []byte) int {
	hash := d.hash(id)
	p := d.part(hash)
	if p.n == 0 {
		return -1
	}
	tag, mask := p.tag(hash), p.mask()
	for i := p.home(hash); ; i = p.next(i) {
		s := p.slots[i]
		if s == 0 {
			return -1
		}
		if s&^mask != tag {
			continue
		}
		if row := int(s&mask - 1); string(d.At(row)) == string(id) {
			return row
		}
	}
}

// Add appends an id that is not there. It reports false if there is no room:
// for 2^32 - 2 ids, and for 16 GB of them.
func (d *List) Add(id []byte) bool {
	if len(d.refs) >= maxRows {
		return false
	}
	ref, ok := d.store(id)
	if !ok {
		return false
	}
	d.refs = append(Grow(d.refs, 1), ref)
	hash := d.hash(id)
	p := d.part(hash)
	if 4*(p.n+1) > 3*len(p.slots) {
		old := p.slots
		p.slots = make([]uint32, slots(len(old), hash))
		for _, s := range old {
			if s != 0 {
				number := s & p.mask()
				p.enter(d.hash(d.At(int(number-1))), number)
			}
		}
	}
	number := uint32(len(d.refs))
	p.fit(number)
	p.enter(hash, number)
	p.n++
	return true
}

// slots is how many slots a part gets that has too few, by the hash of one of
// its ids. The first sizes differ, so that the later ones do.
func slots(n int, hash uint64) int {
	switch {
	case n < firstSlots:
		return firstSlots
	case n == firstSlots:
		return 2*firstSlots + int(hash%firstSlots)
	default:
		return n + n/2
	}
}

// enter enters a row number + 1 that fits.
func (p *part) enter(hash uint64, number uint32) {
	i := p.home(hash)
	for p.slots[i] != 0 {
		i = p.next(i)
	}
	p.slots[i] = p.tag(hash) | number
}

// slot returns the place of a row in its part.
func (d *List) slot(row int) (p *part, i int) {
	hash := d.hash(d.At(row))
	p = d.part(hash)
	slot := p.tag(hash) | uint32(row+1)
	for i = p.home(hash); p.slots[i] != slot; {
		i = p.next(i)
	}
	return p, i
}

// Remove takes the id of a row out. The last row takes its number.
func (d *List) Remove(row int) {
	last := len(d.refs) - 1
	n := size(d.At(row))
	p, gap := d.slot(row)
	for i := p.next(gap); p.slots[i] != 0; i = p.next(i) {
		// What lies behind the gap may fill it if it belongs at it or before.
		home := p.home(d.hash(d.At(int(p.slots[i]&p.mask() - 1))))
		if p.distance(home, i) >= p.distance(gap, i) {
			p.slots[gap] = p.slots[i]
			gap = i
		}
	}
	p.slots[gap] = 0
	p.n--
	if row != last {
		p, i := d.slot(last)
		p.slots[i] = p.slots[i]&^p.mask() | uint32(row+1)
		d.refs[row] = d.refs[last]
	}
	d.refs = d.refs[:last]
	d.live -= n
	d.garbage += n
	if d.garbage > d.live && d.garbage > chunkSize/4 {
		d.compact()
	}
}

// compact writes the ids that are there into new chunks, which take no more
// room than the old.
func (d *List) compact() {
	old := List{refs: d.refs, chunks: d.chunks}
	refs := make([]uint32, len(d.refs))
	d.chunks, d.live, d.garbage = nil, 0, 0
	for row := range refs {
		refs[row], _ = d.store(old.At(row))
	}
	d.refs = refs
}
