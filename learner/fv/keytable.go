package fv

import "hash/maphash"

// keyTable numbers byte strings 0, 1, 2, ... in the order they come. It holds
// no pointers per key, so that millions of keys cost the garbage collector
// nothing. Keys are never removed one by one. The zero keyTable is empty.
type keyTable struct {
	slots  []uint32 // id+1 of the key that hashes here; 0 is free
	keys   []keyRef
	chunks [][]byte
}

type keyRef struct {
	chunk, start, size, hash uint32
}

const keyChunk = 1 << 16

// hashSeed keeps others from choosing keys that collide.
var hashSeed = maphash.MakeSeed()

func hashKey(key []byte) uint32 { return uint32(maphash.Bytes(hashSeed, key)) }

// key returns the key of an id. It never changes.
func (t *keyTable) key(id uint32) []byte {
	k := &t.keys[id]
	return t.chunks[k.chunk][k.start : k.start+k.size]
}

// find returns the id of a key.
func (t *keyTable) find(key []byte, hash uint32) (uint32, bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	mask := uint32(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		id := t.slots[i]
		if id == 0 {
			return 0, false
		}
		if k := &t.keys[id-1]; k.hash == hash && string(t.chunks[k.chunk][k.start:k.start+k.size]) == string(key) {
			return id - 1, true
		}
	}
}

// intern returns the id of a key, a new one if it has none yet.
func (t *keyTable) intern(key []byte, hash uint32) (id uint32, added bool) {
	if id, ok := t.find(key, hash); ok {
		return id, false
	}
	if 4*(len(t.keys)+1) > 3*len(t.slots) {
		t.grow()
	}
	id = uint32(len(t.keys))
	t.keys = append(t.keys, t.store(key, hash))
	t.place(id, hash)
	return id, true
}

func (t *keyTable) place(id, hash uint32) {
	mask := uint32(len(t.slots) - 1)
	i := hash & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = id + 1
}

func (t *keyTable) grow() {
	t.slots = make([]uint32, max(16, 2*len(t.slots)))
	for id := range t.keys {
		t.place(uint32(id), t.keys[id].hash)
	}
}

// store copies the key into the last chunk, or into a new one if it has no
// room there.
func (t *keyTable) store(key []byte, hash uint32) keyRef {
	last := len(t.chunks) - 1
	if last < 0 || cap(t.chunks[last])-len(t.chunks[last]) < len(key) {
		// Small tables start with small chunks.
		size := min(keyChunk, 1024<<min(len(t.chunks), 6))
		t.chunks = append(t.chunks, make([]byte, 0, max(size, len(key))))
		last++
	}
	start := len(t.chunks[last])
	t.chunks[last] = append(t.chunks[last], key...)
	return keyRef{uint32(last), uint32(start), uint32(len(key)), hash}
}

// reset empties the table and keeps most of its memory.
func (t *keyTable) reset() {
	if len(t.slots) > 1<<12 {
		t.slots = nil
	}
	clear(t.slots)
	t.keys = t.keys[:0]
	if len(t.chunks) > 0 {
		t.chunks = t.chunks[:1]
		t.chunks[0] = t.chunks[0][:0]
	}
}
