package storage

import "hash/maphash"

// index finds features by the fingerprints of their keys, so that it need not
// load the keys, which lie elsewhere. It tells at once where a feature's cells
// are. It is cut into parts that grow one by one, so that no single call pays
// for all.
type index struct {
	seeds [2]maphash.Seed
	parts [indexParts]indexPart
	n     int
}

// fingerprint is a hash of a key, with seeds that nobody else knows. Its 71
// bits say that it is that key: among ten million keys two are taken for the
// same with a chance of one in fifty million.
type fingerprint struct {
	part  uint8
	check uint64
}

const (
	indexBits  = 7
	indexParts = 1 << indexBits
)

// indexPart is an open-addressed table with linear probing.
type indexPart struct {
	slots []slot
	n     int
}

// slot is a feature and where its cells are. One without cells is empty.
type slot struct {
	check   uint64 // of the fingerprint
	feature Feature
	at      runAt
}

func newIndex() *index { return &index{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}} }

func (x *index) fingerprint(key []byte) fingerprint {
	return fingerprint{uint8(maphash.Bytes(x.seeds[0], key) % indexParts), maphash.Bytes(x.seeds[1], key)}
}

// lookup returns the slot with that fingerprint, or nil. It is good until the
// next change.
func (x *index) lookup(print fingerprint) *slot {
	p := &x.parts[print.part%indexParts]
	if p.n == 0 {
		return nil
	}
	mask := uint64(len(p.slots) - 1)
	for i := print.check & mask; ; i = (i + 1) & mask {
		s := &p.slots[i]
		if s.at == noRun {
			return nil
		}
		if s.check == print.check {
			return s
		}
	}
}

// touch loads the slot at which a search for that fingerprint begins.
func (x *index) touch(print fingerprint) uint64 {
	p := &x.parts[print.part%indexParts]
	if p.n == 0 {
		return 0
	}
	return p.slots[print.check&uint64(len(p.slots)-1)].check
}

// add enters a feature whose fingerprint is not there, with its cells.
func (x *index) add(print fingerprint, f Feature, at runAt) {
	p := &x.parts[print.part%indexParts]
	if 4*(p.n+1) > 3*len(p.slots) {
		old := p.slots
		p.slots = make([]slot, max(8, 2*len(old)))
		for _, s := range old {
			if s.at != noRun {
				p.enter(s)
			}
		}
	}
	p.enter(slot{print.check, f, at})
	p.n++
	x.n++
}

func (p *indexPart) enter(s slot) {
	mask := uint64(len(p.slots) - 1)
	i := s.check & mask
	for p.slots[i].at != noRun {
		i = (i + 1) & mask
	}
	p.slots[i] = s
}

// remove takes a feature out that is there, and closes the gap.
func (x *index) remove(print fingerprint) {
	p := &x.parts[print.part%indexParts]
	mask := uint64(len(p.slots) - 1)
	gap := print.check & mask
	for p.slots[gap].check != print.check || p.slots[gap].at == noRun {
		gap = (gap + 1) & mask
	}
	for i := (gap + 1) & mask; p.slots[i].at != noRun; i = (i + 1) & mask {
		// What lies behind the gap may fill it if it belongs at it or before.
		home := p.slots[i].check & mask
		if (i-home)&mask >= (i-gap)&mask {
			p.slots[gap] = p.slots[i]
			gap = i
		}
	}
	p.slots[gap] = slot{}
	p.n--
	x.n--
}
