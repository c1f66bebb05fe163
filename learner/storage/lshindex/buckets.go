package lshindex

import (
	"hash/maphash"

	"github.com/jubatus/jubatus-go/learner/storage/mixrows"
)

// buckets finds rows by the buckets that they are in. Each row has an entry in
// every table, number row·tables + table. Those of a bucket are chained, and
// an index finds the first of them, whose record tells which bucket it is: so
// an entry takes some 16 bytes, where a map of lists takes many.
type buckets struct {
	rows   *mixrows.Content
	tables int
	links  []link // by entry

	seed  maphash.Seed
	parts [indexParts]part
}

// link tells an entry's neighbours in the chain, + 1; 0 for none.
type link struct{ next, prev uint32 }

const indexParts = 128

// part is a part of the index, an open-addressed table with linear probing of
// entries + 1. The parts grow one by one, so that no single call pays for all.
type part struct {
	slots []uint32
	n     int
}

func newBuckets(c *mixrows.Content, tables int) *buckets {
	return &buckets{rows: c, tables: tables, seed: maphash.MakeSeed()}
}

// Enter implements mixrows.Watcher.
func (b *buckets) Enter(row int) {
	first := row * b.tables
	for len(b.links) < first+b.tables {
		b.links = append(b.links, link{})
	}
	for e := first; e < first+b.tables; e++ {
		b.chain(uint32(e))
	}
}

// Leave implements mixrows.Watcher.
func (b *buckets) Leave(row int) {
	first := row * b.tables
	for e := first; e < first+b.tables; e++ {
		b.unchain(uint32(e))
	}
}

// first returns an entry of a bucket, + 1; 0 if it is empty.
func (b *buckets) first(bucket uint64) uint32 {
	p, home := b.home(bucket)
	if p.n == 0 {
		return 0
	}
	return p.slots[b.search(p, home, bucket)]
}

// row is the row of an entry.
func (b *buckets) row(entry uint32) uint32 { return entry / uint32(b.tables) }

// bucket is the bucket of an entry.
func (b *buckets) bucket(entry uint32) uint64 {
	row := int(b.row(entry))
	return b.rows.Record(row)[firstBucket+int(entry)-row*b.tables]
}

// home returns the part of a bucket, and where a probe for it begins.
func (b *buckets) home(bucket uint64) (p *part, home uint32) {
	hash := maphash.Comparable(b.seed, bucket)
	p = &b.parts[hash&(indexParts-1)]
	return p, uint32(hash>>32) & uint32(len(p.slots)-1)
}

// search returns the slot of a bucket, or an empty one if it has none.
func (b *buckets) search(p *part, home uint32, bucket uint64) uint32 {
	mask := uint32(len(p.slots) - 1)
	i := home
	for p.slots[i] != 0 && b.bucket(p.slots[i]-1) != bucket {
		i = (i + 1) & mask
	}
	return i
}

// chain puts an entry into the bucket that its record says.
func (b *buckets) chain(e uint32) {
	bucket := b.bucket(e)
	p, home := b.home(bucket)
	if 4*(p.n+1) > 3*len(p.slots) {
		b.grow(p)
		p, home = b.home(bucket)
	}
	i := b.search(p, home, bucket)
	first := p.slots[i]
	if first == 0 {
		p.slots[i] = e + 1
		p.n++
		b.links[e] = link{}
		return
	}
	next := b.links[first-1].next
	b.links[e] = link{next: next, prev: first}
	b.links[first-1].next = e + 1
	if next != 0 {
		b.links[next-1].prev = e + 1
	}
}

func (b *buckets) grow(p *part) {
	old := p.slots
	p.slots = make([]uint32, max(4, 2*len(old)))
	for _, s := range old {
		if s == 0 {
			continue
		}
		bucket := b.bucket(s - 1)
		_, home := b.home(bucket)
		p.slots[b.search(p, home, bucket)] = s
	}
}

// unchain takes an entry out of its bucket.
func (b *buckets) unchain(e uint32) {
	l := b.links[e]
	if l.next != 0 {
		b.links[l.next-1].prev = l.prev
	}
	if l.prev != 0 {
		b.links[l.prev-1].next = l.next
		return
	}
	bucket := b.bucket(e)
	p, home := b.home(bucket)
	gap := b.search(p, home, bucket)
	if l.next != 0 {
		p.slots[gap] = l.next
		return
	}
	mask := uint32(len(p.slots) - 1)
	for i := (gap + 1) & mask; p.slots[i] != 0; i = (i + 1) & mask {
		// What lies behind the gap may fill it if it belongs at it or before.
		_, home := b.home(b.bucket(p.slots[i] - 1))
		if (i-home)&mask >= (i-gap)&mask {
			p.slots[gap] = p.slots[i]
			gap = i
		}
	}
	p.slots[gap] = 0
	p.n--
}
