package signature

import (
	"sync"
	"sync/atomic"
)

// cache remembers the deviates of seeds, since to make them costs far more
// than to add them. Whoever looks one up takes no lock; whoever makes one
// takes a lock for a moment. Its memory is bounded: when it is full, a seed
// takes the place of another.
type cache struct {
	n     int // deviates per seed
	limit int // slots at most, a power of two
	slots atomic.Pointer[[]slot]

	mu     sync.Mutex
	held   int
	victim uint32
}

type slot = atomic.Pointer[deviates]

// deviates are those of a seed. They never change.
type deviates struct {
	seed uint32
	g    []float32
}

const (
	// cacheBytes is about how much memory a cache takes at most.
	cacheBytes = 32 << 20
	// ways is how many neighbouring slots a seed may be in.
	ways = 4
	// overhead is the memory of a seed beside its deviates.
	overhead = 48

	cacheStart = 256
	// sparse is how many slots there are at most for a seed, unless they are
	// the first.
	sparse = 32
)

// newCache returns a cache of n deviates per seed that holds at least so many
// seeds, and more if that takes little memory.
func newCache(n, seeds int) *cache {
	c := &cache{n: n, limit: cacheStart}
	enough := max(seeds, cacheBytes/(4*n+overhead))
	for c.limit < enough && c.limit < 1<<30 {
		c.limit *= 2
	}
	// A power of two above what fits would be too much, half of it is not.
	if c.limit > enough && c.limit > cacheStart && seeds <= c.limit/2 {
		c.limit /= 2
	}
	slots := make([]slot, cacheStart)
	c.slots.Store(&slots)
	return c
}

// home is the first slot of a seed. Seeds are the low halves of hashes that
// differ little for keys that differ little.
func home(seed uint32, slots int) uint32 {
	return (seed * 0x9e3779b1 >> 2) & uint32(slots-1) &^ (ways - 1)
}

// get returns the deviates of a seed, which must not be changed.
func (c *cache) get(seed uint32) []float32 {
	slots := *c.slots.Load()
	h := home(seed, len(slots))
	for i := range uint32(ways) {
		if d := slots[h+i].Load(); d != nil && d.seed == seed {
			return d.g
		}
	}
	d := &deviates{seed, make([]float32, c.n)}
	gauss(seed, d.g)
	c.put(d)
	return d.g
}

func (c *cache) put(d *deviates) {
	c.mu.Lock()
	defer c.mu.Unlock()
	slots := *c.slots.Load()
	if 2*c.held > len(slots) && len(slots) < c.limit {
		slots = c.grow(slots)
	}
	for placed := place(slots, d); ; placed = place(slots, d) {
		if placed {
			c.held++
			return
		}
		// Seeds that fight for the same few slots are made again and again,
		// though there may be room elsewhere. More slots part them, but for
		// some few seeds not any number of slots.
		if len(slots) >= c.limit || len(slots) >= sparse*c.held {
			break
		}
		slots = c.grow(slots)
	}
	c.victim++
	slots[home(d.seed, len(slots))+c.victim%ways].Store(d)
}

// grow doubles the slots. Those who still read the old ones find what was
// there.
func (c *cache) grow(old []slot) []slot {
	slots := make([]slot, 2*len(old))
	c.held = 0
	for i := range old {
		if d := old[i].Load(); d != nil && place(slots, d) {
			c.held++
		}
	}
	c.slots.Store(&slots)
	return slots
}

// place stores deviates in a free slot of theirs, if there is one.
func place(slots []slot, d *deviates) bool {
	h := home(d.seed, len(slots))
	for i := range uint32(ways) {
		if s := &slots[h+i]; s.Load() == nil {
			s.Store(d)
			return true
		}
	}
	return false
}
