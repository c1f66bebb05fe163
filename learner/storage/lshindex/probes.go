package lshindex

import (
	"math"
	"slices"
)

// probes yields the buckets around one, the likeliest first. A neighbouring
// bucket is reached by moves, each a step along one coordinate, whose cost is
// the square of the way to the bin's end. Sets of moves come in the order of
// what they cost together: of a table's moves, sorted by cost, from a set
// there follow that with its last move replaced by the next one, and that with
// the next one added.
type probes struct {
	hashes int
	rest   []float32
	moves  []move // of all tables, 2·hashes each
	sorted []bool // by table
	heap   []probe
	lists  []int32 // the sets of all probes, as places among a table's moves
	key    []int32
}

// move is a step along a coordinate. Its upper half is the cost's bits, which
// are ordered as the costs are, which are not negative; the lower is the
// coordinate j for a step up, and -(j+1) for one down, with the sign bit
// turned.
type move uint64

func newMove(cost float32, tag int32) move {
	return move(math.Float32bits(cost))<<32 | move(uint32(tag)^1<<31)
}

func (m move) cost() float32 { return math.Float32frombits(uint32(m >> 32)) }
func (m move) tag() int32    { return int32(uint32(m) ^ 1<<31) }

// probe is a set of moves in a table.
type probe struct {
	score      float32
	table      int32
	start, end int // of its list
}

// start begins at what is so far from the lower ends of its bins.
func (p *probes) start(rest []float32, hashes int) {
	p.hashes, p.rest = hashes, rest
	tables := len(rest) / hashes
	p.moves, p.heap, p.lists = p.moves[:0], p.heap[:0], p.lists[:0]
	p.sorted = append(p.sorted[:0], make([]bool, tables)...)
	for table := range tables {
		first := move(math.MaxUint64)
		for j, d := range rest[table*hashes : table*hashes+hashes] {
			up := newMove((1-d)*(1-d), int32(j))
			down := newMove(d*d, -int32(j)-1)
			p.moves = append(p.moves, up, down)
			first = min(first, up, down)
		}
		at := len(p.lists)
		p.lists = append(p.lists, 0)
		p.push(probe{first.cost(), int32(table), at, at + 1})
	}
}

// next returns the next bucket by its coordinates and its table; false if
// there is none any more. The coordinates are valid until the next call.
func (p *probes) next(base []int32) (key []int32, table int, ok bool) {
	if len(p.heap) == 0 {
		return nil, 0, false
	}
	best := p.pop()
	table = int(best.table)
	moves := p.movesOf(table)
	p.key = append(p.key[:0], base[table*p.hashes:table*p.hashes+p.hashes]...)
	for _, i := range p.lists[best.start:best.end] {
		if tag := moves[i].tag(); tag >= 0 {
			p.key[tag]++
		} else {
			p.key[-(tag+1)]--
		}
	}
	last := p.lists[best.end-1]
	if next := last + 1; int(next) < len(moves) {
		cost := moves[next].cost()
		p.follow(best, best.end-1, next, best.score+float32(cost-moves[last].cost()))
		p.follow(best, best.end, next, best.score+cost)
	}
	return p.key, table, true
}

// follow enters a probe whose list is the beginning of another's, and one more.
func (p *probes) follow(from probe, end int, next int32, score float32) {
	at := len(p.lists)
	p.lists = append(p.lists, p.lists[from.start:end]...)
	p.lists = append(p.lists, next)
	p.push(probe{score, from.table, at, len(p.lists)})
}

// movesOf returns the moves of a table, sorted by cost.
func (p *probes) movesOf(table int) []move {
	moves := p.moves[2*table*p.hashes : 2*(table+1)*p.hashes]
	if !p.sorted[table] {
		slices.Sort(moves)
		p.sorted[table] = true
	}
	return moves
}

// before is the order of probes.
func (p *probes) before(a, b *probe) bool {
	if a.score != b.score {
		return a.score < b.score
	}
	if a.table != b.table {
		return a.table < b.table
	}
	return slices.Compare(p.lists[a.start:a.end], p.lists[b.start:b.end]) < 0
}

// push adds to the heap, whose first is the best.
func (p *probes) push(x probe) {
	p.heap = append(p.heap, x)
	i := len(p.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !p.before(&p.heap[i], &p.heap[parent]) {
			return
		}
		p.heap[i], p.heap[parent] = p.heap[parent], p.heap[i]
		i = parent
	}
}

// pop takes the best out of the heap.
func (p *probes) pop() probe {
	best := p.heap[0]
	last := len(p.heap) - 1
	p.heap[0] = p.heap[last]
	p.heap = p.heap[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return best
		}
		if right := child + 1; right < last && p.before(&p.heap[right], &p.heap[child]) {
			child = right
		}
		if !p.before(&p.heap[child], &p.heap[i]) {
			return best
		}
		p.heap[i], p.heap[child] = p.heap[child], p.heap[i]
		i = child
	}
}
