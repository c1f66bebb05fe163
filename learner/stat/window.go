package stat

import "math"

// window is the last values pushed, with what is known of each key's. It
// holds as many as its size says, whatever their keys.
//
// Entries lie in a ring and are numbered in the order of pushing; entry i lies
// at i modulo the ring's length, a power of two.
type window struct {
	size uint64

	ring        []entry
	first, next uint64 // the numbers of the oldest entry and of the next one

	keys map[string]uint32
	list []stats
	free []uint32 // places of the list without a key
}

type entry struct {
	value float64
	when  uint64 // seconds since 1970; nobody asks, but models carry it
	key   uint32 // place in the list
	skip  uint32 // how much further the key's next entry lies; 0 if it is the last
}

// stats is what is known of a key. The sums are running ones: what was added
// is taken off again, and rounding errors stay as long as the key does.
type stats struct {
	name         string
	n            uint64
	sum, squares float64
	oldest, last uint64 // the numbers of its entries
	high, low    peaks
}

func newWindow(size uint64) *window {
	return &window{size: size, keys: map[string]uint32{}}
}

func (w *window) len() uint64 { return w.next - w.first }

func (w *window) at(i uint64) *entry { return &w.ring[i&uint64(len(w.ring)-1)] }

// find returns what is known of a key that has values in the window; nil if it
// has none. It is good until the window changes.
func (w *window) find(key []byte) *stats {
	if i, ok := w.keys[string(key)]; ok {
		return &w.list[i]
	}
	return nil
}

// push enters a value, and lets go of the oldest ones if there are too many.
func (w *window) push(key []byte, value float64, when uint64) {
	w.append(key, value, when)
	for w.len() > w.size {
		w.drop()
	}
}

// append enters a value.
func (w *window) append(key []byte, value float64, when uint64) {
	i := w.intern(key)
	if w.len() == uint64(len(w.ring)) {
		w.grow()
	}
	k, at := &w.list[i], w.next
	w.next++
	*w.at(at) = entry{value: value, when: when, key: i}
	if k.n == 0 {
		k.oldest = at
	} else {
		w.at(k.last).skip = uint32(at - k.last)
	}
	k.last = at
	k.n++
	k.sum += value
	k.squares += float64(value * value)
	w.raise(&k.high, at, 1)
	w.raise(&k.low, at, -1)
}

// drop lets go of the oldest value.
func (w *window) drop() {
	at := w.first
	e := *w.at(at)
	w.first++
	k := &w.list[e.key]
	k.n--
	if k.n == 0 {
		delete(w.keys, k.name)
		// The memory of the peaks serves the next key.
		*k = stats{high: k.high.emptied(), low: k.low.emptied()}
		w.free = append(w.free, e.key)
		return
	}
	k.sum -= e.value
	k.squares -= float64(e.value * e.value)
	k.oldest = at + uint64(e.skip)
	k.high.expire(at)
	k.low.expire(at)
}

func (w *window) intern(key []byte) uint32 {
	if i, ok := w.keys[string(key)]; ok {
		return i
	}
	var i uint32
	if n := len(w.free); n > 0 {
		i = w.free[n-1]
		w.free = w.free[:n-1]
	} else {
		i = uint32(len(w.list))
		w.list = append(w.list, stats{})
	}
	w.list[i].name = string(key)
	w.keys[w.list[i].name] = i
	return i
}

func (w *window) grow() {
	old, mask := w.ring, uint64(len(w.ring)-1)
	w.ring = make([]entry, max(16, 2*len(old)))
	for i := w.first; i < w.next; i++ {
		*w.at(i) = old[i&mask]
	}
}

// max is the largest value of a key; NaN if none is a number.
func (w *window) max(k *stats) float64 { return w.peak(&k.high) }

// min is the smallest value of a key; NaN if none is a number.
func (w *window) min(k *stats) float64 { return w.peak(&k.low) }

func (w *window) peak(p *peaks) float64 {
	if p.first == len(p.at) {
		return math.NaN()
	}
	return w.at(p.at[p.first]).value
}

// deviation is the standard deviation of the whole population. Rounding can
// make it NaN.
func (k *stats) deviation() float64 { return math.Sqrt(k.second(k.sum / float64(k.n))) }

// second is the second moment about c.
func (k *stats) second(c float64) float64 {
	return (k.squares-float64(2*k.sum*c))/float64(k.n) + float64(c*c)
}

// moment is the moment of a degree, which is not negative, about c.
func (w *window) moment(k *stats, degree int32, c float64) float64 {
	n := float64(k.n)
	switch degree {
	case 0:
		return 1
	case 1:
		return (k.sum - float64(c*n)) / n
	case 2:
		return k.second(c)
	}
	total := 0.0
	for i := k.oldest; ; {
		e := w.at(i)
		total += math.Pow(e.value-c, float64(degree))
		if e.skip == 0 {
			return total / n
		}
		i += uint64(e.skip)
	}
}

// entropy is that of the distribution of values over keys, in nats. It is
// negative zero for fewer than two keys, as ever.
func (w *window) entropy() float64 {
	all, sum := float64(w.len()), 0.0
	for i := range w.list {
		if n := w.list[i].n; n > 0 {
			p := float64(n) / all
			sum += float64(p * math.Log(p))
		}
	}
	return -sum
}

// spread is the sum of n ln n over the keys.
func (w *window) spread() float64 {
	sum := 0.0
	for i := range w.list {
		if n := float64(w.list[i].n); n > 0 {
			sum += float64(n * math.Log(n))
		}
	}
	return sum
}
