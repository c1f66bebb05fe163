package bandit

import (
	"fmt"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Pack implements engine.Engine: [[arm…], mixed table, unmixed table].
func (b *Bandit) Pack(out []byte) []byte {
	s := b.store
	out = mpack.AppendArrayHeader(out, 3)
	out = mpack.AppendArrayHeader(out, len(s.arms.order))
	for _, arm := range s.arms.order {
		out = mpack.AppendRaw(out, s.arms.names.list[arm])
	}
	out = s.appendMixed(out)
	return s.appendUnmixed(out)
}

func (s *store) appendMixed(b []byte) []byte {
	n := 0
	for _, p := range s.list {
		if p.hasMixed {
			n++
		}
	}
	b = mpack.AppendMapHeader(b, n)
	for _, p := range s.list {
		if p.hasMixed {
			b = appendTally(b, p.name, &p.mixed, &s.arms.names)
		}
	}
	return b
}

func (s *store) appendUnmixed(b []byte) []byte {
	b = mpack.AppendMapHeader(b, s.unmixed)
	var both tally // memory
	for _, p := range s.list[:s.unmixed] {
		both.empty()
		both.merge(p.sent)
		both.merge(p.recent)
		b = appendTally(b, p.name, &both, &s.arms.names)
	}
	return b
}

// Unpack implements engine.Engine. Missing elements at the end are empty.
func (b *Bandit) Unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, fmt.Errorf("bandit model: %w", err)
	}
	s := newStore()
	for i := range n {
		switch i {
		case 0:
			err = s.unpackArms(r)
		case 1, 2:
			var t wireTable
			if t, err = readTable(r); err == nil {
				s.fill(t, i == 1, from)
			}
		default:
			err = r.Skip()
		}
		if err != nil {
			return nil, fmt.Errorf("bandit model: %w", err)
		}
	}
	return func() { b.store.replace(s) }, nil
}

func (s *store) unpackArms(r *mpack.Reader) error {
	n, err := r.ArrayHeader()
	if err != nil {
		return err
	}
	var names [][]byte
	for range n {
		name, err := r.Raw()
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	s.arms.addAll(names)
	return nil
}

// fill enters the mixed or the unmixed table of a model. What a peer has not
// mixed it will report itself.
func (s *store) fill(t wireTable, mixed bool, from engine.Source) {
	if !mixed && from == engine.FromPeer {
		return
	}
	for i := range t {
		p := s.player(t[i].player)
		if mixed {
			p.hasMixed = true
			p.mixed.merge(t[i].tally(&s.arms.names))
		} else {
			if !s.isUnmixed(p) {
				s.unsettle(p)
			}
			p.recent.merge(t[i].tally(&s.arms.names))
		}
	}
}
