package anomaly

import (
	"errors"
	"strconv"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/unlearner"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Errors of rows of which nothing is known.
var (
	errUnknown = errors.New("specified row does not exist")
	errRemoved = errors.New("specified row is recently removed")
)

// statistics keeps the statistics of rows, in two halves: what nodes have in
// common since the last MIX, and what this one has computed or removed since.
// It is lof.Statistics of the numbers that row returns, which stay the same
// until a row is gone, an engine.Mixable and an engine.Keeper.
type statistics struct {
	slots   map[string]int32
	entries []entry
	free    []int32 // slots that are not in use
	base    int     // rows in the common half
	diff    int     // rows in the own half

	// unlearner is told which rows MIX brings and takes; nil for none.
	unlearner unlearner.Unlearner
	// gone, if set, is called for rows that MIX takes.
	gone func(id []byte)

	sent    []int32 // slots that Diff has sent
	putting bool    // within Put
	puts    uint64
}

// entry is a row. What is in the own half hides the common one.
type entry struct {
	id            string
	base, diff    pair
	based, differ bool
	sent          bool // as it is in diff
}

type pair struct{ kdist, lrd float64 }

// removedKDist marks a row that is removed.
const removedKDist = -1

func (p pair) removed() bool { return p.kdist < 0 }

func newStatistics() *statistics { return &statistics{slots: map[string]int32{}} }

// find returns the number of a row; -1 if nothing is known of it, not even
// that it is removed.
func (s *statistics) find(id []byte) int {
	if slot, ok := s.slots[string(id)]; ok {
		return int(slot)
	}
	return -1
}

// row is find for a row of which something will be known.
func (s *statistics) row(id []byte) int {
	if slot, ok := s.slots[string(id)]; ok {
		return int(slot)
	}
	slot := int32(len(s.entries))
	if n := len(s.free); n > 0 {
		slot, s.free = s.free[n-1], s.free[:n-1]
	} else {
		s.entries = append(s.entries, entry{})
	}
	e := &s.entries[slot]
	*e = entry{id: string(id)}
	s.slots[e.id] = slot
	return int(slot)
}

// current returns what is known of a row.
func (s *statistics) current(row int) (p pair, err error) {
	if row < 0 {
		return p, errUnknown
	}
	switch e := &s.entries[row]; {
	case e.differ && e.diff.removed():
		return p, errRemoved
	case e.differ:
		return e.diff, nil
	case e.based:
		return e.base, nil
	default:
		return p, errUnknown
	}
}

// KDist implements lof.Statistics.
func (s *statistics) KDist(row int) (float64, bool) {
	p, err := s.current(row)
	return p.kdist, err == nil
}

// LRD implements lof.Statistics.
func (s *statistics) LRD(row int) (float64, bool) {
	p, err := s.current(row)
	return p.lrd, err == nil
}

// SetKDist implements lof.Statistics.
func (s *statistics) SetKDist(row int, kdist float64) { s.change(row).kdist = kdist }

// SetLRD implements lof.Statistics.
func (s *statistics) SetLRD(row int, lrd float64) { s.change(row).lrd = lrd }

// change returns what is known of a row in the own half, to be changed. It
// begins with zeros for a row that was unknown or removed.
func (s *statistics) change(row int) *pair {
	e := &s.entries[row]
	e.sent = false
	switch {
	case !e.differ:
		e.differ = true
		s.diff++
		e.diff = e.base // zeros if there is none
	case e.diff.removed():
		e.diff = pair{}
	}
	return &e.diff
}

// remove marks a row as removed, so that MIX removes it everywhere.
func (s *statistics) remove(id []byte) {
	e := &s.entries[s.row(id)]
	e.sent = false
	if !e.differ {
		e.differ = true
		s.diff++
		e.diff = pair{}
	}
	e.diff.kdist = removedKDist
}

// clear forgets all rows.
func (s *statistics) clear() {
	s.slots, s.entries, s.free = map[string]int32{}, nil, nil
	s.base, s.diff, s.sent = 0, 0, nil
}

func (s *statistics) status(set func(key, value string)) {
	set("num_id_master", strconv.Itoa(s.base))
	set("num_id_diff", strconv.Itoa(s.diff))
}

// pack appends the two halves, {id: [kdist, lrd]} each.
func (s *statistics) pack(b []byte) []byte {
	b = mpack.AppendMapHeader(b, s.base)
	for i := range s.entries {
		if e := &s.entries[i]; e.based {
			b = e.base.append(b, e.id)
		}
	}
	return s.packDiff(b)
}

func (s *statistics) packDiff(b []byte) []byte {
	b = mpack.AppendMapHeader(b, s.diff)
	for i := range s.entries {
		if e := &s.entries[i]; e.differ {
			b = e.diff.append(b, e.id)
		}
	}
	return b
}

// append appends id: [kdist, lrd].
func (p pair) append(b []byte, id string) []byte {
	b = mpack.AppendRaw(b, id)
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendFloat64(b, p.kdist)
	return mpack.AppendFloat64(b, p.lrd)
}

// eachPair reads {id: [kdist, lrd]}.
func eachPair(r *mpack.Reader, do func(id []byte, p pair)) error {
	n, err := r.MapHeader()
	if err != nil {
		return err
	}
	for range n {
		id, err := r.Raw()
		if err != nil {
			return err
		}
		if err := r.Tuple(2); err != nil {
			return err
		}
		var p pair
		if p.kdist, err = r.Float64(); err != nil {
			return err
		}
		if p.lrd, err = r.Float64(); err != nil {
			return err
		}
		do(id, p)
	}
	return nil
}

// unpack reads what pack wrote, without touching s, and returns what takes its
// place. What a peer has not shared yet is left out: it will share it itself.
func (s *statistics) unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	fresh := newStatistics()
	err = eachPair(r, func(id []byte, p pair) {
		if e := &fresh.entries[fresh.row(id)]; !p.removed() {
			if !e.based {
				fresh.base++
			}
			e.based, e.base = true, p
		}
	})
	if err != nil {
		return nil, err
	}
	err = eachPair(r, func(id []byte, p pair) {
		if from == engine.FromPeer {
			return
		}
		e := &fresh.entries[fresh.row(id)]
		if !e.differ {
			fresh.diff++
		}
		e.differ, e.diff = true, p
	})
	if err != nil {
		return nil, err
	}
	return func() {
		s.slots, s.entries, s.free = fresh.slots, fresh.entries, nil
		s.base, s.diff, s.sent = fresh.base, fresh.diff, nil
	}, nil
}

// Diff implements engine.Mixable: {id: [kdist, lrd]} of the own half, in which
// a negative distance is a row that was removed.
func (s *statistics) Diff(b []byte) []byte {
	s.Keep()
	for i := range s.entries {
		if e := &s.entries[i]; e.differ {
			e.sent = true
			s.sent = append(s.sent, int32(i))
		}
	}
	return s.packDiff(b)
}

// Keep implements engine.Keeper.
func (s *statistics) Keep() {
	for _, slot := range s.sent {
		s.entries[slot].sent = false
	}
	s.sent = s.sent[:0]
}

// Version implements engine.Mixable.
func (s *statistics) Version() uint64 { return s.puts }

// Put implements engine.Mixable. What was computed since Diff stays, and so
// does a removal that the others have not heard of.
func (s *statistics) Put(r *mpack.Reader) (ok bool, err error) {
	dry := *r
	if err := eachPair(&dry, func([]byte, pair) {}); err != nil {
		return false, err
	}
	s.putting = true
	defer func() { s.putting = false }()
	// The removals among what was sent outlive a diff that does not have them.
	for _, slot := range s.sent {
		if e := &s.entries[slot]; e.sent && !e.diff.removed() {
			s.settle(int(slot))
		}
	}
	err = eachPair(r, func(id []byte, p pair) {
		if p.removed() {
			s.takeAway(id)
			return
		}
		if s.unlearner != nil {
			if !s.unlearner.CanTouch(id) {
				return
			}
			s.unlearner.Touch(id)
		}
		e := &s.entries[s.row(id)]
		if !e.based {
			e.based = true
			s.base++
		}
		e.base = p
	})
	s.Keep()
	s.sweep()
	s.puts++
	return true, err
}

// settle drops what is in the own half of a row.
func (s *statistics) settle(slot int) {
	e := &s.entries[slot]
	if e.differ {
		e.differ, e.sent = false, false
		s.diff--
	}
}

// takeAway removes a row that others have removed. What was computed of it
// since stays.
func (s *statistics) takeAway(id []byte) {
	slot := s.find(id)
	if slot >= 0 {
		e := &s.entries[slot]
		if e.based {
			e.based = false
			e.base = pair{}
			s.base--
		}
		if e.differ && e.diff.removed() {
			s.settle(slot)
		}
		if e.differ {
			return
		}
	}
	if s.unlearner != nil {
		s.unlearner.Remove(id)
	}
	if s.gone != nil {
		s.gone(id)
	}
}

// sweep frees the slots of rows that are in neither half.
func (s *statistics) sweep() {
	for i := range s.entries {
		e := &s.entries[i]
		if e.based || e.differ {
			continue
		}
		if slot, ok := s.slots[e.id]; ok && slot == int32(i) {
			delete(s.slots, e.id)
			*e = entry{}
			s.free = append(s.free, int32(i))
		}
	}
}

// NewFold implements engine.Mixable.
func (s *statistics) NewFold() engine.Fold { return &statisticsFold{rows: map[string]pair{}} }

// statisticsFold is the statistics of several nodes: of a row those of the
// first node that has it, removed if any has removed it.
type statisticsFold struct {
	rows map[string]pair
	ids  []string // in the order in which they came
}

// Add implements engine.Fold. A diff that is malformed leaves out nothing that
// came before its mistake.
func (f *statisticsFold) Add(diff *mpack.Reader) error {
	dry := *diff
	if err := eachPair(&dry, func([]byte, pair) {}); err != nil {
		return err
	}
	return eachPair(diff, func(id []byte, p pair) {
		known, ok := f.rows[string(id)]
		if !ok {
			f.ids = append(f.ids, string(id))
		}
		switch {
		case p.removed():
			known.kdist = removedKDist
			f.rows[string(id)] = known
		case !ok:
			f.rows[string(id)] = p
		}
	})
}

// Append implements engine.Fold.
func (f *statisticsFold) Append(b []byte) []byte {
	b = mpack.AppendMapHeader(b, len(f.ids))
	for _, id := range f.ids {
		b = f.rows[id].append(b, id)
	}
	return b
}
