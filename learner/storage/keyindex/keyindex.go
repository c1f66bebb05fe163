// Package keyindex finds what has to do with a key by the key's fingerprint. It
// keeps no keys, and so a search loads one place in memory and compares no
// texts.
package keyindex

import (
	"hash/maphash"
	"unsafe"

	"github.com/jubatus/jubatus-go/learner/storage/prefetch"
)

// Index is an open-addressed table with linear probing, cut into parts that
// grow one by one, so that no single call pays for all. Methods that change it
// need it alone; the others may share it.
type Index struct {
	seeds [2]maphash.Seed
	parts [parts]part
	n     int
}

// Print is the fingerprint of a key: a hash with seeds that nobody else knows.
// Its 71 bits say that it is that key: among ten million keys two are taken for
// the same with a chance of one in fifty million.
type Print struct {
	part  uint8
	check uint64
}

// Slot is what is known of a key. At means what the owner of the index makes of
// it, but is not 0: that is an empty slot.
type Slot struct {
	check  uint64 // of the fingerprint
	Number uint32
	At     uint32
}

const parts = 1 << 7

type part struct {
	slots []Slot
	n     int
}

// New returns an empty index.
func New() *Index { return &Index{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}} }

// Len is the number of keys.
func (x *Index) Len() int { return x.n }

// Print returns the fingerprint of a key in this index.
func (x *Index) Print(key []byte) Print {
	return Print{uint8(maphash.Bytes(x.seeds[0], key) % parts), maphash.Bytes(x.seeds[1], key)}
}

// Lookup returns the slot of a key, or nil. It is good until a key is added or
// removed.
func (x *Index) Lookup(print Print) *Slot {
	p := &x.parts[print.part%parts]
	if p.n == 0 {
		return nil
	}
	mask := uint64(len(p.slots) - 1)
	for i := print.check & mask; ; i = (i + 1) & mask {
		s := &p.slots[i]
		if s.At == 0 {
			return nil
		}
		if s.check == print.check {
			return s
		}
	}
}

// Prefetch prepares to look up many keys: it begins to load the slots at which
// searches begin, of as many as there may be lines.
func (x *Index) Prefetch(lines *prefetch.Lines, prints []Print) {
	for _, print := range prints {
		if p := &x.parts[print.part%parts]; p.n > 0 {
			lines.Add(unsafe.Pointer(&p.slots[print.check&uint64(len(p.slots)-1)]))
		}
	}
	lines.Load()
}

// Add enters a key that is not there.
func (x *Index) Add(print Print, number, at uint32) {
	p := &x.parts[print.part%parts]
	if 4*(p.n+1) > 3*len(p.slots) {
		old := p.slots
		p.slots = make([]Slot, max(8, 2*len(old)))
		for _, s := range old {
			if s.At != 0 {
				p.enter(s)
			}
		}
	}
	p.enter(Slot{print.check, number, at})
	p.n++
	x.n++
}

func (p *part) enter(s Slot) {
	mask := uint64(len(p.slots) - 1)
	i := s.check & mask
	for p.slots[i].At != 0 {
		i = (i + 1) & mask
	}
	p.slots[i] = s
}

// Remove takes a key out that is there, and closes the gap.
func (x *Index) Remove(print Print) {
	p := &x.parts[print.part%parts]
	mask := uint64(len(p.slots) - 1)
	gap := print.check & mask
	for p.slots[gap].check != print.check || p.slots[gap].At == 0 {
		gap = (gap + 1) & mask
	}
	for i := (gap + 1) & mask; p.slots[i].At != 0; i = (i + 1) & mask {
		// What lies behind the gap may fill it if it belongs at it or before.
		home := p.slots[i].check & mask
		if (i-home)&mask >= (i-gap)&mask {
			p.slots[gap] = p.slots[i]
			gap = i
		}
	}
	p.slots[gap] = Slot{}
	p.n--
	x.n--
}
