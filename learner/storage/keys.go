package storage

// keys holds the texts of keys, in blocks. What is in there stays until all of
// it goes.
type keys struct {
	blocks [][]byte
	last   int // the block that short keys are put into
}

// keyRef is where a key is: a piece of a block, or all of one.
type keyRef struct {
	block         uint32
	start, length uint16
}

const (
	keyBlock = 1 << 16
	wholeKey = 0xffff // the length of a key that has a block of its own
)

// keep copies a key.
func (k *keys) keep(key []byte) keyRef {
	if len(key) > keyBlock/4 {
		k.blocks = append(k.blocks, append([]byte(nil), key...))
		return keyRef{block: uint32(len(k.blocks) - 1), length: wholeKey}
	}
	if k.last >= len(k.blocks) || cap(k.blocks[k.last])-len(k.blocks[k.last]) < len(key) {
		size := 1 << 10
		if k.last < len(k.blocks) {
			size = min(2*cap(k.blocks[k.last]), keyBlock)
		}
		k.blocks = append(k.blocks, make([]byte, 0, max(size, len(key))))
		k.last = len(k.blocks) - 1
	}
	b := &k.blocks[k.last]
	ref := keyRef{block: uint32(k.last), start: uint16(len(*b)), length: uint16(len(key))}
	*b = append(*b, key...)
	return ref
}

// at returns a key. It must not be changed.
func (k *keys) at(r keyRef) []byte {
	b := k.blocks[r.block]
	if r.length == wholeKey {
		return b
	}
	return b[r.start:][:r.length:r.length]
}
