package storage

import "hash/maphash"

// index finds features by the fingerprints of their keys, so that it need not
// load the keys, which lie elsewhere. It knows only parts of fingerprints and
// numbers; the rest lies with the features. That takes a third of the memory
// of a map of strings. It is cut into parts that grow one by one, so that no
// single call pays for all.
type index struct {
	seeds [2]maphash.Seed
	parts [indexParts]indexPart
	n     int
}

// fingerprint is 128 bits of hash of a key, with seeds that nobody else knows.
// More than 100 of them are compared: that two keys are ever taken for the
// same is less likely than that the memory errs.
type fingerprint struct{ place, check uint64 }

const (
	indexBits  = 7
	indexParts = 1 << indexBits
)

// indexPart is an open-addressed table with linear probing. A slot holds half
// of a place above, and a feature number + 1 below; 0 is empty.
type indexPart struct {
	slots []uint64
	n     int
}

func newIndex() *index { return &index{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}} }

func (x *index) fingerprint(key []byte) fingerprint {
	return fingerprint{maphash.Bytes(x.seeds[0], key), maphash.Bytes(x.seeds[1], key)}
}

func (x *index) part(p fingerprint) *indexPart { return &x.parts[p.place&(indexParts-1)] }

// lookup returns the feature with that fingerprint.
func (t *rows) lookup(print fingerprint) Feature {
	p := t.index.part(print)
	if p.n == 0 {
		return NoFeature
	}
	mask := uint32(len(p.slots) - 1)
	high := uint32(print.place >> 32)
	for i := high & mask; ; i = (i + 1) & mask {
		s := p.slots[i]
		if s == 0 {
			return NoFeature
		}
		if uint32(s>>32) == high {
			if f := Feature(uint32(s) - 1); t.feature(f).check == print.check {
				return f
			}
		}
	}
}

// guess returns the first feature that may have that fingerprint, or NoFeature
// if there is certainly none.
func (x *index) guess(print fingerprint) Feature {
	p := x.part(print)
	if p.n == 0 {
		return NoFeature
	}
	mask := uint32(len(p.slots) - 1)
	high := uint32(print.place >> 32)
	for i := high & mask; ; i = (i + 1) & mask {
		// An empty slot is NoFeature already.
		if s := p.slots[i]; s == 0 || uint32(s>>32) == high {
			return Feature(uint32(s) - 1)
		}
	}
}

// touch loads the slot at which a search for that fingerprint begins.
func (x *index) touch(print fingerprint) uint64 {
	p := x.part(print)
	if p.n == 0 {
		return 0
	}
	return p.slots[uint32(print.place>>32)&uint32(len(p.slots)-1)]
}

// add enters a feature whose fingerprint is not there.
func (x *index) add(print fingerprint, f Feature) {
	p := x.part(print)
	if 4*(p.n+1) > 3*len(p.slots) {
		old := p.slots
		p.slots = make([]uint64, max(8, 2*len(old)))
		for _, s := range old {
			if s != 0 {
				p.enter(s)
			}
		}
	}
	p.enter(print.place>>32<<32 | uint64(f) + 1)
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
func (x *index) remove(print fingerprint, f Feature) {
	p := x.part(print)
	mask := uint32(len(p.slots) - 1)
	gap := uint32(print.place>>32) & mask
	for p.slots[gap] != print.place>>32<<32|uint64(f)+1 {
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
