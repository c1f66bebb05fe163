package mixrows

import (
	"fmt"
	"slices"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Gate decides which rows of other nodes are let in. An unlearner is one.
type Gate interface {
	CanTouch(id []byte) bool
	Touch(id []byte) bool // it may remove other rows
	Knows(id []byte) bool
	Remove(id []byte) bool
}

// sharing is what rows know of how they are shared.
type sharing struct {
	// Gate, if set, is told of the rows that come, and of those that go. Rows
	// that it does not know after that do not get in.
	Gate Gate

	sending bool                // between Diff and Put
	later   map[string]struct{} // ids that were set or removed since
	gone    map[string]struct{} // ids of the diff that were cleared since
	evicted map[string]struct{} // ids that the gate has had removed during Put

	puts uint64
}

// changed notes that a row is not any more what was sent.
func (s *sharing) changed(id []byte) {
	if !s.sending {
		return
	}
	if s.later == nil {
		s.later = map[string]struct{}{}
	}
	s.later[string(id)] = struct{}{}
}

// forgetAll notes that all rows were removed. What was sent of them must not
// come back.
func (x *Rows) forgetAll() {
	if !x.sending {
		return
	}
	if x.gone == nil {
		x.gone = map[string]struct{}{}
	}
	for row := range x.EachDiff {
		x.gone[string(x.ID(row))] = struct{}{}
	}
	x.later = nil
}

// Version implements engine.Mixable.
func (x *Rows) Version() uint64 { return x.puts }

// Diff implements engine.Mixable: what was set and removed, {id: record}.
func (x *Rows) Diff(b []byte) []byte {
	x.Keep()
	x.sending = true
	return x.AppendDiff(b)
}

// Keep implements engine.Keeper.
func (x *Rows) Keep() { x.sending, x.later, x.gone = false, nil, nil }

// payload is a diff that was read, of every id the last record.
type payload struct {
	shape   *Shape
	index   map[string]int
	ids     []string
	at      []int // where the record is, -1 if the row was removed
	records []uint64
}

func newPayload(s *Shape) payload { return payload{shape: s, index: map[string]int{}} }

// record returns the i-th record; false if the row was removed.
func (p *payload) record(i int) ([]uint64, bool) {
	if p.at[i] < 0 {
		return nil, false
	}
	return p.records[p.at[i]:][:p.shape.Width], true
}

// put enters a record; nil for a row that was removed.
func (p *payload) put(id string, record []uint64) {
	i, known := p.index[id]
	if !known {
		i = len(p.ids)
		p.index[id] = i
		p.ids = append(p.ids, id)
		p.at = append(p.at, -1)
	}
	switch old, ok := p.record(i); {
	case record == nil:
		p.at[i] = -1
	case ok:
		copy(old, record)
	default:
		p.at[i] = len(p.records)
		p.records = append(p.records, record...)
	}
}

func readPayload(r *mpack.Reader, s *Shape) (payload, error) {
	p := newPayload(s)
	err := eachEntry(r, s, func(id []byte, removed bool, record []uint64) error {
		if removed {
			record = nil
		}
		p.put(string(id), record)
		return nil
	})
	return p, err
}

// Put implements engine.Mixable. What was set or removed since Diff stays for
// the next mix, and so does all of the diff if the mixed one lacks some of it:
// then it has not arrived where it was mixed. Removals stay until a mixed diff
// has them, too.
func (x *Rows) Put(r *mpack.Reader) (ok bool, err error) {
	p, err := readPayload(r, x.shape)
	if err != nil {
		return false, fmt.Errorf("reading mixed rows: %w", err)
	}
	if !x.arrived(&p) {
		x.sending = false
	}
	for i, admitted := range x.admit(&p) {
		if !admitted {
			continue
		}
		if record, ok := p.record(i); !x.put(p.ids[i], !ok, record) {
			err = ErrFull
		}
	}
	x.Keep()
	x.puts++
	return err == nil, err
}

// arrived reports whether all that was sent, and has not changed since, is in
// a payload.
func (x *Rows) arrived(p *payload) bool {
	if !x.sending {
		return false
	}
	has := func(id string) bool {
		if _, ok := x.later[id]; ok {
			return true
		}
		_, ok := p.index[id]
		return ok
	}
	for row := range x.EachDiff {
		if !has(string(x.ID(row))) {
			return false
		}
	}
	for id := range x.removed {
		if !has(id) {
			return false
		}
	}
	return true
}

// stays reports whether what the diff has of an id is left for the next mix.
func (x *Rows) stays(id string) bool {
	_, later := x.later[id]
	return later || !x.sending
}

// admit tells the gate of a payload and returns which of its rows are taken.
func (x *Rows) admit(p *payload) []bool {
	taken := make([]bool, len(p.ids))
	for i, id := range p.ids {
		_, gone := x.gone[id]
		taken[i] = !gone
	}
	if x.Gate == nil {
		return taken
	}
	x.evicted = map[string]struct{}{}
	touched := make([]bool, len(p.ids))
	for i, id := range p.ids {
		if !taken[i] {
			continue
		}
		if p.at[i] < 0 {
			if !x.keepsOwn(id) {
				x.Gate.Remove([]byte(id))
			}
			continue
		}
		if _, removed := x.removed[id]; removed && !x.wasEvicted(id) {
			continue // it stays removed
		}
		touched[i] = true
		taken[i] = x.Gate.CanTouch([]byte(id)) && x.Gate.Touch([]byte(id))
	}
	for i, id := range p.ids {
		if !touched[i] || !taken[i] {
			continue
		}
		// Rows that went to make room for others are back if they are touched
		// after that; else the master alone has them.
		_, removed := x.removed[id]
		switch knows := x.Gate.Knows([]byte(id)); {
		case knows && x.wasEvicted(id):
			delete(x.removed, id)
		case !knows:
			taken[i] = removed
		}
	}
	x.evicted = nil
	return taken
}

func (x *Rows) wasEvicted(id string) bool {
	_, ok := x.evicted[id]
	return ok
}

// keepsOwn reports whether there is a row of an id that stays in the diff.
func (x *Rows) keepsOwn(id string) bool {
	row, ok := x.Find([]byte(id))
	return ok && x.states[row]&inDiff != 0 && x.stays(id)
}

// put makes a row of a mixed diff one of the master; false if there is no room
// for it.
func (x *Rows) put(id string, removed bool, record []uint64) bool {
	c := x.Content
	row, there := c.Find([]byte(id))
	own := there && c.states[row]&inDiff != 0 && x.stays(id)
	switch {
	case own && removed:
		c.states[row] &^= inMaster
		delete(c.hidden, id)
	case own:
		c.states[row] |= inMaster
		c.hidden[id] = slices.Clone(record)
	case there && removed:
		c.drop(row)
	case there:
		delete(c.hidden, id)
		c.states[row] = inMaster
		c.write(row, record)
	case removed:
		delete(c.removed, id)
	default:
		if _, ok := c.removed[id]; ok {
			c.removed[id] = slices.Clone(record)
			return true
		}
		return c.append([]byte(id), record, inMaster)
	}
	return true
}

// fold puts the diffs of nodes over one another.
type fold struct{ payload }

// NewFold implements engine.Mixable: of every row the record of the last node
// that has one.
func (x *Rows) NewFold() engine.Fold { return &fold{newPayload(x.shape)} }

// Add implements engine.Fold.
func (f *fold) Add(diff *mpack.Reader) error {
	p, err := readPayload(diff, f.shape)
	if err != nil {
		return fmt.Errorf("reading a diff of rows: %w", err)
	}
	for i, id := range p.ids {
		record, _ := p.record(i)
		f.put(id, record)
	}
	return nil
}

// Append implements engine.Fold.
func (f *fold) Append(b []byte) []byte {
	b = mpack.AppendMapHeader(b, len(f.ids))
	for i, id := range f.ids {
		b = mpack.AppendRaw(b, id)
		if record, ok := f.record(i); ok {
			b = f.shape.Layout.Append(b, record)
		} else {
			b = f.shape.Layout.AppendRemoved(b)
		}
	}
	return b
}
