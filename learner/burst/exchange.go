package burst

import (
	"maps"
	"slices"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// exchange is what MIX shares: the results of the keywords that are processed
// here, from the oldest on that is new since the last MIX, and with them the
// keywords themselves.
type exchange struct {
	burst   *Burst
	version uint64

	// pending says that Put has not come yet for what Diff has sent. Keywords
	// that are removed in between must not come back with it.
	pending bool
	removed map[string]struct{}
}

// Diff implements engine.Mixable: [{keyword: [parameters, results]}].
func (x *exchange) Diff(out []byte) []byte {
	o := &x.burst.options
	var sent []*keyword
	for _, k := range x.burst.keywords {
		if k.processed {
			sent = append(sent, k.settled(o))
			k.since = none
		}
	}
	x.pending, x.removed = true, nil
	out = mpack.AppendArrayHeader(out, 1)
	out = mpack.AppendMapHeader(out, len(sent))
	for _, k := range sent {
		fresh := 0
		for fresh < len(k.results) && k.fresh(o, k.results[fresh].start) {
			fresh++
		}
		out = mpack.AppendRaw(out, k.name)
		out = mpack.AppendArrayHeader(out, 2)
		out = k.appendParameters(out)
		out = k.appendResults(out, o, fresh)
	}
	return out
}

// fresh reports whether a result that starts there is new since the last MIX.
func (k *keyword) fresh(o *options, start float64) bool {
	return start >= k.oldest || o.same(start, k.oldest)
}

// Put implements engine.Mixable. Keywords that are not known here become so.
// What was counted since Diff stays new.
func (x *exchange) Put(r *mpack.Reader) (ok bool, err error) {
	b := x.burst
	var mixed []*keyword
	err = b.options.eachMixed(r, func(k *keyword) { mixed = append(mixed, k) })
	if err != nil {
		return false, err
	}
	b.settle()
	b.leave()
	b.assign()
	for _, k := range b.keywords {
		k.oldest = k.since
	}
	for _, m := range mixed {
		if _, gone := x.removed[m.name]; gone {
			continue
		}
		k, known := b.byName[m.name]
		if !known {
			k = newKeyword(m.name, m.scaling, m.gamma)
		}
		for _, r := range m.results {
			k.merge(&b.options, r)
		}
		if !known {
			b.enter(k)
		}
	}
	x.pending, x.removed = false, nil
	x.version++
	return true, nil
}

// Keep implements engine.Keeper.
func (x *exchange) Keep() {
	for _, k := range x.burst.keywords {
		k.since = k.oldest
	}
}

// Version implements engine.Mixable.
func (x *exchange) Version() uint64 { return x.version }

// forget notes that a keyword was removed.
func (x *exchange) forget(name string) {
	if !x.pending {
		return
	}
	if x.removed == nil {
		x.removed = map[string]struct{}{}
	}
	x.removed[name] = struct{}{}
}

// loaded notes that a model was: what was sent was another's.
func (x *exchange) loaded() { x.pending, x.removed = false, nil }

// eachMixed reads a diff and hands on every keyword with its results.
func (o *options) eachMixed(r *mpack.Reader, do func(k *keyword)) error {
	n, err := r.ArrayHeader()
	if err != nil || n == 0 {
		return err // a node that has nothing to say may leave the map out
	}
	m, err := r.MapHeader()
	if err != nil {
		return err
	}
	for range m {
		name, err := r.Raw()
		if err != nil {
			return err
		}
		if err := r.Tuple(2); err != nil {
			return err
		}
		k, err := readParameters(r, name)
		if err != nil {
			return err
		}
		if k.results, err = o.readResults(r); err != nil {
			return err
		}
		do(k)
	}
	for range n - 1 {
		if err := r.Skip(); err != nil {
			return err
		}
	}
	return nil
}

// NewFold implements engine.Mixable.
func (x *exchange) NewFold() engine.Fold {
	return &fold{options: x.burst.options, keywords: map[string]*folded{}}
}

// fold is the union of diffs. A keyword that several have gets the parameters
// of the first, and the results of all, one after another.
type fold struct {
	options  options
	keywords map[string]*folded
}

type folded struct {
	parameters *keyword
	results    int
	encoded    []byte
}

// Add implements engine.Fold. Nothing of a diff with a mistake is added.
func (f *fold) Add(diff *mpack.Reader) error {
	check := *diff
	if err := f.options.eachMixed(&check, func(*keyword) {}); err != nil {
		return err
	}
	return f.options.eachMixed(diff, func(k *keyword) {
		into, ok := f.keywords[k.name]
		if !ok {
			into = &folded{parameters: k}
			f.keywords[k.name] = into
		}
		into.results += len(k.results)
		for i := range k.results {
			into.encoded = k.results[i].pack(into.encoded, &f.options)
		}
	})
}

// Append implements engine.Fold.
func (f *fold) Append(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 1)
	b = mpack.AppendMapHeader(b, len(f.keywords))
	for _, name := range slices.Sorted(maps.Keys(f.keywords)) {
		k := f.keywords[name]
		b = mpack.AppendRaw(b, name)
		b = mpack.AppendArrayHeader(b, 2)
		b = k.parameters.appendParameters(b)
		b = mpack.AppendArrayHeader(b, k.results)
		b = append(b, k.encoded...)
	}
	return b
}
