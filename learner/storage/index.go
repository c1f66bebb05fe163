package storage

import "hash/maphash"

// index finds features by their keys. It knows only hashes and numbers; the
// keys themselves lie with the features. That takes a third of the memory of
// a map of strings, and one load that has to wait for another less. It is cut
// into parts that grow one by one, so that no single call pays for all.
type index struct {
	seed  maphash.Seed
	parts [indexParts]indexPart
	n     int
}

const (
	indexBits  = 7
	indexParts = 1 << indexBits
)

// indexPart is an open-addressed table with linear probing. A slot holds a
// hash above, and a feature number + 1 below; 0 is empty.
type indexPart struct {
	slots []uint64
	n     int
}

func newIndex() *index { return &index{seed: maphash.MakeSeed()} }

func (x *index) hash(key []byte) uint64 { return maphash.Bytes(x.seed, key) }

func (x *index) part(hash uint64) *indexPart { return &x.parts[hash&(indexParts-1)] }

// lookup returns the feature of a key with that hash.
func (t *rows) lookup(hash uint64, key []byte) Feature {
	p := t.index.part(hash)
	if p.n == 0 {
		return NoFeature
	}
	mask := uint32(len(p.slots) - 1)
	high := uint32(hash >> 32)
	for i := high & mask; ; i = (i + 1) & mask {
		s := p.slots[i]
		if s == 0 {
			return NoFeature
		}
		if uint32(s>>32) == high {
			if f := Feature(uint32(s) - 1); t.feature(f).key == string(key) {
				return f
			}
		}
	}
}

// guess returns the first feature whose key may have that hash, or NoFeature
// if there is certainly none.
func (x *index) guess(hash uint64) Feature {
	p := x.part(hash)
	if p.n == 0 {
		return NoFeature
	}
	mask := uint32(len(p.slots) - 1)
	high := uint32(hash >> 32)
	for i := high & mask; ; i = (i + 1) & mask {
		// An empty slot is NoFeature already.
		if s := p.slots[i]; s == 0 || uint32(s>>32) == high {
			return Feature(uint32(s) - 1)
		}
	}
}

// add enters a feature whose key is not there.
func (x *index) add(hash uint64, f Feature) {
	p := x.part(hash)
	if 4*(p.n+1) > 3*len(p.slots) {
		old := p.slots
		p.slots = make([]uint64, max(8, 2*len(old)))
		for _, s := range old {
			if s != 0 {
				p.enter(s)
			}
		}
	}
	p.enter(hash>>32<<32 | uint64(f) + 1)
	p.n++
	x.n++
}

func (p *indexPart) enter(slot uint64) {
	mask := uint32(len(p.slots) - 1)
	i := uint32(slot>>32) & mask
	for p.slots[i] != 0 {
		i = (i + 1) & mask
	}
	p.slots[i] = slot
}

// remove takes a feature out that is there, and closes the gap.
func (x *index) remove(hash uint64, f Feature) {
	p := x.part(hash)
	mask := uint32(len(p.slots) - 1)
	gap := uint32(hash>>32) & mask
	for p.slots[gap] != hash>>32<<32|uint64(f)+1 {
		gap = (gap + 1) & mask
	}
	for i := (gap + 1) & mask; p.slots[i] != 0; i = (i + 1) & mask {
		// What lies behind the gap may fill it if it belongs at it or before.
		home := uint32(p.slots[i]>>32) & mask
		if (i-home)&mask >= (i-gap)&mask {
			p.slots[gap] = p.slots[i]
			gap = i
		}
	}
	p.slots[gap] = 0
	p.n--
	x.n--
}
