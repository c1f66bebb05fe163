package signature

import (
	"math"
	"math/bits"

	"github.com/jubatus/jubatus-go/learner/storage/topk"
)

// Scan adds the rows whose signatures lie in a slice one after another to a
// selection, by their distance from q. The number of the first is given. It
// reads the slice once, from the front.
func Scan(rows, q []uint64, first uint32, top *topk.Smallest[uint32]) {
	w := len(q)
	switch w {
	case 0:
	case 1:
		scan1(rows, q[0], first, top)
	case 2:
		scan2(rows, q[0], q[1], first, top)
	default:
		bound := Bound(top)
		for i := first; len(rows) >= w; i++ {
			if d := uint32(Hamming(q, rows[:w])); d < bound && top.Add(d, i) {
				bound = Bound(top)
			}
			rows = rows[w:]
		}
	}
}

// Bound is the distance from which on no further row can be selected, if rows
// come in the order of their numbers.
func Bound(top *topk.Smallest[uint32]) uint32 {
	if top.Full() && top.Len() == 0 {
		return 0
	}
	last, full := top.Last()
	switch {
	case !full:
		return math.MaxUint32
	case top.Tie != nil:
		return last.X + 1
	default:
		return last.X
	}
}

// scan1 looks at four rows at a time, of which mostly none is near enough.
func scan1(rows []uint64, q uint64, first uint32, top *topk.Smallest[uint32]) {
	bound := Bound(top)
	i := 0
	for ; i+4 <= len(rows); i += 4 {
		r := rows[i : i+4 : i+4]
		d0, d1 := uint32(bits.OnesCount64(r[0]^q)), uint32(bits.OnesCount64(r[1]^q))
		d2, d3 := uint32(bits.OnesCount64(r[2]^q)), uint32(bits.OnesCount64(r[3]^q))
		if min(d0, d1, d2, d3) >= bound {
			continue
		}
		for k, d := range [4]uint32{d0, d1, d2, d3} {
			if d < bound && top.Add(d, first+uint32(i+k)) {
				bound = Bound(top)
			}
		}
	}
	for ; i < len(rows); i++ {
		if d := uint32(bits.OnesCount64(rows[i] ^ q)); d < bound && top.Add(d, first+uint32(i)) {
			bound = Bound(top)
		}
	}
}

// scan2 looks at two rows at a time.
func scan2(rows []uint64, q0, q1 uint64, first uint32, top *topk.Smallest[uint32]) {
	bound := Bound(top)
	i := first
	for ; len(rows) >= 4; i += 2 {
		d0 := uint32(bits.OnesCount64(rows[0]^q0) + bits.OnesCount64(rows[1]^q1))
		d1 := uint32(bits.OnesCount64(rows[2]^q0) + bits.OnesCount64(rows[3]^q1))
		rows = rows[4:]
		if min(d0, d1) >= bound {
			continue
		}
		if d0 < bound && top.Add(d0, i) {
			bound = Bound(top)
		}
		if d1 < bound && top.Add(d1, i+1) {
			bound = Bound(top)
		}
	}
	if len(rows) >= 2 {
		if d := uint32(bits.OnesCount64(rows[0]^q0) + bits.OnesCount64(rows[1]^q1)); d < bound {
			top.Add(d, i)
		}
	}
}
