package bandit

import (
	"fmt"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// tableMix is what MIX exchanges: the unmixed table. Arms are not mixed: they
// are registered and deleted on all nodes.
type tableMix struct{ b *Bandit }

var _ engine.Keeper = tableMix{}

// Diff appends the unmixed table and remembers it as sent.
func (m tableMix) Diff(b []byte) []byte {
	s := m.b.store
	b = s.appendUnmixed(b)
	s.diffs++
	s.sent = true
	return b
}

// Keep forgets that something was sent.
func (m tableMix) Keep() { m.b.store.sent = false }

// Put adds a mixed table to what the nodes have in common and takes what was
// sent out of the unmixed one. If the mixed table lacks a player that was sent,
// the sender's diff is not in it, and nothing is taken out.
func (m tableMix) Put(r *mpack.Reader) (ok bool, err error) {
	mixed, err := readTable(r)
	if err != nil {
		return false, fmt.Errorf("bandit diff: %w", err)
	}
	m.b.store.put(mixed)
	return true, nil
}

// Version is always 0: what is mixed does not depend on what was mixed before.
func (tableMix) Version() uint64 { return 0 }

// NewFold returns an empty accumulator.
func (tableMix) NewFold() engine.Fold {
	return &fold{arms: newNames(), places: map[string]int{}}
}

func (s *store) put(mixed wireTable) {
	if s.sent && s.arrived(mixed) {
		s.dropSent()
	}
	s.sent = false
	for i := range mixed {
		p := s.player(mixed[i].player)
		p.hasMixed = true
		p.mixed.merge(mixed[i].tally(&s.arms.names))
	}
}

// wasSent reports whether something of a player with an unmixed part was in
// the last diff.
func (s *store) wasSent(p *player) bool {
	return p.touchedBehind != s.diffs || len(p.sent.cells) > 0
}

// arrived reports whether every player that was sent is in a mixed table.
func (s *store) arrived(mixed wireTable) bool {
	there := make(map[string]struct{}, len(mixed))
	for i := range mixed {
		there[string(mixed[i].player)] = struct{}{}
	}
	for _, p := range s.list[:s.unmixed] {
		if _, ok := there[p.name]; !ok && s.wasSent(p) {
			return false
		}
	}
	return true
}

// dropSent takes what was in the last diff out of the unmixed table.
func (s *store) dropSent() {
	for i := s.unmixed - 1; i >= 0; i-- {
		p := s.list[i]
		p.sent.empty()
		if p.touchedBehind != s.diffs {
			p.recent.empty()
			s.settle(p)
		}
	}
}

// fold adds up tables.
type fold struct {
	arms   names
	places map[string]int
	list   []foldPlayer
}

type foldPlayer struct {
	name string
	tally
}

func (f *fold) Add(r *mpack.Reader) error {
	diff, err := readTable(r)
	if err != nil {
		return fmt.Errorf("bandit diff: %w", err)
	}
	for i := range diff {
		place, ok := f.places[string(diff[i].player)]
		if !ok {
			place = len(f.list)
			name := string(diff[i].player)
			f.places[name] = place
			f.list = append(f.list, foldPlayer{name: name})
		}
		f.list[place].merge(diff[i].tally(&f.arms))
	}
	return nil
}

func (f *fold) Append(b []byte) []byte {
	b = mpack.AppendMapHeader(b, len(f.list))
	for i := range f.list {
		b = appendTally(b, f.list[i].name, &f.list[i].tally, &f.arms)
	}
	return b
}
