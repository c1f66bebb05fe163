package stat

import (
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// entropyMix is what MIX exchanges: how a node's values spread over its keys,
// all of them each time, and not what has changed. So nothing can be lost, and
// what is put takes the place of what was known.
type entropyMix struct{ s *Stat }

// Diff appends [sum of n ln n over the keys, sum of n].
func (m entropyMix) Diff(b []byte) []byte {
	return diff{m.s.window.spread(), m.s.window.len()}.append(b)
}

// Put takes over what the nodes have together.
func (m entropyMix) Put(r *mpack.Reader) (ok bool, err error) {
	d, err := readDiff(r)
	if err != nil {
		return false, err
	}
	m.s.shared = shared{d.e, float64(d.n)}
	return true, nil
}

// Version is always 0: what is mixed does not depend on what was mixed before.
func (entropyMix) Version() uint64 { return 0 }

// NewFold returns an empty accumulator.
func (entropyMix) NewFold() engine.Fold { return &fold{} }

type diff struct {
	e float64
	n uint64
}

func (d diff) append(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendFloat64(b, d.e)
	return mpack.AppendUint(b, d.n)
}

func readDiff(r *mpack.Reader) (d diff, err error) {
	if err = r.Tuple(2); err != nil {
		return d, err
	}
	if d.e, err = r.Float64(); err != nil {
		return d, err
	}
	d.n, err = r.Uint64()
	return d, err
}

// fold adds up diffs.
type fold struct{ sum diff }

func (f *fold) Add(r *mpack.Reader) error {
	d, err := readDiff(r)
	if err != nil {
		return err
	}
	f.sum.e += d.e
	f.sum.n += d.n
	return nil
}

func (f *fold) Append(b []byte) []byte { return f.sum.append(b) }
