package burst

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Errors of models and diffs that are MessagePack, but not what they claim.
var (
	errOptions = errors.New("the model is one of other parameters")
	errWindow  = errors.New("a window does not fit the configuration")
	errBatch   = errors.New("a batch is not possible")
	errTwice   = errors.New("a keyword comes twice")
	errUnknown = errors.New("a processed keyword is not known")
)

// Pack implements engine.Engine: [options, {keyword: [parameters, [results,
// how many are kept, start of the oldest that is not mixed]]}, {processed
// keyword: [input, batches, interval, how many windows are kept]}].
func (b *Burst) Pack(out []byte) []byte {
	o := &b.options
	settled := make([]*keyword, len(b.keywords))
	processed := 0
	for i, k := range b.keywords {
		settled[i] = k.settled(o)
		if k.processed {
			processed++
		}
	}
	out = mpack.AppendArrayHeader(out, 3)
	out = mpack.AppendArrayHeader(out, 5)
	out = mpack.AppendInt(out, int64(o.batches))
	out = mpack.AppendFloat64(out, o.interval)
	out = mpack.AppendInt(out, int64(o.stored))
	out = mpack.AppendInt(out, int64(o.reused))
	out = mpack.AppendFloat64(out, o.cut)
	out = mpack.AppendMapHeader(out, len(settled))
	for _, k := range settled {
		out = mpack.AppendRaw(out, k.name)
		out = mpack.AppendArrayHeader(out, 2)
		out = k.appendParameters(out)
		out = mpack.AppendArrayHeader(out, 3)
		out = k.appendResults(out, o, len(k.results))
		out = mpack.AppendInt(out, int64(o.stored))
		out = mpack.AppendFloat64(out, k.oldest)
	}
	out = mpack.AppendMapHeader(out, processed)
	for _, k := range settled {
		if !k.processed {
			continue
		}
		out = mpack.AppendRaw(out, k.name)
		out = mpack.AppendArrayHeader(out, 4)
		out = k.appendInput(out, o)
		out = mpack.AppendInt(out, int64(o.batches))
		out = mpack.AppendFloat64(out, o.interval)
		out = mpack.AppendInt(out, int64(o.stored))
	}
	return out
}

// appendParameters appends [scaling, gamma].
func (k *keyword) appendParameters(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendFloat64(b, k.scaling)
	return mpack.AppendFloat64(b, k.gamma)
}

// appendResults appends the newest n results.
func (k *keyword) appendResults(b []byte, o *options, n int) []byte {
	b = mpack.AppendArrayHeader(b, n)
	for i := range n {
		b = k.results[i].pack(b, o)
	}
	return b
}

// pack appends a result as models have it: [batches, start, interval].
func (r *result) pack(b []byte, o *options) []byte {
	b = mpack.AppendArrayHeader(b, 3)
	b = r.appendBatches(b)
	b = mpack.AppendFloat64(b, r.start)
	return mpack.AppendFloat64(b, o.interval)
}

// appendInput appends the windows of the input in the same form, where batches
// are [all, relevant].
func (k *keyword) appendInput(b []byte, o *options) []byte {
	b = mpack.AppendArrayHeader(b, len(k.input))
	for i := range k.input {
		w := &k.input[i]
		b = mpack.AppendArrayHeader(b, 3)
		b = mpack.AppendArrayHeader(b, len(w.counts))
		for _, c := range w.counts {
			b = mpack.AppendArrayHeader(b, 2)
			b = mpack.AppendInt(b, int64(c.all))
			b = mpack.AppendInt(b, int64(c.relevant))
		}
		b = mpack.AppendFloat64(b, w.start)
		b = mpack.AppendFloat64(b, o.interval)
	}
	return b
}

// Unpack implements engine.Engine. A peer's model says what others know of the
// keywords; which of them are processed here, and which results nobody has got
// to know yet, is another matter.
func (b *Burst) Unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	if err := r.Tuple(3); err != nil {
		return nil, err
	}
	if err := b.options.readOptions(r); err != nil {
		return nil, err
	}
	keywords, err := b.options.readKeywords(r)
	if err != nil {
		return nil, err
	}
	if err := b.options.readProcessed(r, keywords); err != nil {
		return nil, err
	}
	if from == engine.FromPeer {
		for _, k := range keywords {
			k.stop()
			k.oldest, k.since = none, none
		}
	}
	return func() {
		b.mix.loaded()
		b.reset(keywords)
		if b.peers != nil {
			b.generation = b.peers.Generation()
		}
		b.assignAll()
	}, nil
}

// readOptions reads a model's options, which must be those of the
// configuration that it was saved with.
func (o *options) readOptions(r *mpack.Reader) error {
	if err := r.Tuple(5); err != nil {
		return err
	}
	batches, err1 := r.Int64()
	interval, err2 := r.Float64()
	stored, err3 := r.Int64()
	reused, err4 := r.Int64()
	cut, err5 := r.Float64()
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return err
	}
	if batches != int64(o.batches) || interval != o.interval || stored != int64(o.stored) ||
		reused != int64(o.reused) || cutThreshold(cut) != o.cut {
		return errOptions
	}
	return nil
}

// readKeywords reads the keywords with their results, in the order of their
// names.
func (o *options) readKeywords(r *mpack.Reader) ([]*keyword, error) {
	n, err := r.MapHeader()
	if err != nil {
		return nil, err
	}
	var keywords []*keyword
	for range n {
		name, err := r.Raw()
		if err != nil {
			return nil, err
		}
		if err := r.Tuple(2); err != nil {
			return nil, err
		}
		k, err := readParameters(r, name)
		if err != nil {
			return nil, err
		}
		if err := r.Tuple(3); err != nil {
			return nil, err
		}
		if k.results, err = o.readResults(r); err != nil {
			return nil, fmt.Errorf("results of a keyword: %w", err)
		}
		if err := inOrder(len(k.results), o.stored, func(i int) float64 { return k.results[i].start }); err != nil {
			return nil, err
		}
		if err := r.Skip(); err != nil {
			return nil, err
		}
		if k.oldest, err = r.Float64(); err != nil {
			return nil, err
		}
		if k.oldest != k.oldest {
			k.oldest = none
		}
		k.since = k.oldest
		keywords = append(keywords, k)
	}
	slices.SortFunc(keywords, func(a, b *keyword) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(keywords); i++ {
		if keywords[i-1].name == keywords[i].name {
			return nil, errTwice
		}
	}
	return keywords, nil
}

// readProcessed reads the input of the keywords that are processed, of those
// that are known.
func (o *options) readProcessed(r *mpack.Reader, keywords []*keyword) error {
	n, err := r.MapHeader()
	if err != nil {
		return err
	}
	for range n {
		name, err := r.Raw()
		if err != nil {
			return err
		}
		i, ok := slices.BinarySearchFunc(keywords, string(name), byName)
		if !ok {
			return errUnknown
		}
		k := keywords[i]
		if k.processed {
			return errTwice
		}
		k.processed = true
		if err := r.Tuple(4); err != nil {
			return err
		}
		windows, err := r.ArrayHeader()
		if err != nil {
			return err
		}
		for range windows {
			w, _, err := o.readWindow(r, false)
			if err != nil {
				return fmt.Errorf("input of a keyword: %w", err)
			}
			k.input = append(k.input, w)
		}
		if err := inOrder(len(k.input), o.stored, func(i int) float64 { return k.input[i].start }); err != nil {
			return err
		}
		for range 3 {
			if err := r.Skip(); err != nil {
				return err
			}
		}
	}
	return nil
}

// inOrder checks that there are not too many windows, the newest first.
func inOrder(n, most int, start func(i int) float64) error {
	if n > most {
		return errWindow
	}
	for i := 1; i < n; i++ {
		if start(i-1) <= start(i) {
			return errWindow
		}
	}
	return nil
}

// readParameters reads [scaling, gamma] of a keyword.
func readParameters(r *mpack.Reader, name []byte) (*keyword, error) {
	if err := r.Tuple(2); err != nil {
		return nil, err
	}
	scaling, err := r.Float64()
	if err != nil {
		return nil, err
	}
	gamma, err := r.Float64()
	if err != nil {
		return nil, err
	}
	if err := checkParameters(scaling, gamma); err != nil {
		return nil, err
	}
	return newKeyword(string(name), scaling, gamma), nil
}

// readResults reads a list of results.
func (o *options) readResults(r *mpack.Reader) ([]result, error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, err
	}
	var results []result
	for range n {
		w, weights, err := o.readWindow(r, true)
		if err != nil {
			return nil, err
		}
		results = append(results, result{w, weights})
	}
	return results, nil
}

// readWindow reads [batches, start, interval], where batches have weights or
// have not.
func (o *options) readWindow(r *mpack.Reader, weighted bool) (w window, weights []float64, err error) {
	if err := r.Tuple(3); err != nil {
		return w, nil, err
	}
	n, err := r.ArrayHeader()
	if err != nil {
		return w, nil, err
	}
	if n != o.batches {
		return w, nil, errWindow
	}
	size := 2
	w.counts = make([]count, n)
	if weighted {
		size = 3
		weights = make([]float64, n)
	}
	for i := range n {
		if err := r.Tuple(size); err != nil {
			return w, nil, err
		}
		c := &w.counts[i]
		if c.all, err = r.Int32(); err != nil {
			return w, nil, err
		}
		if c.relevant, err = r.Int32(); err != nil {
			return w, nil, err
		}
		if c.relevant < 0 || c.relevant > c.all {
			return w, nil, errBatch
		}
		if weighted {
			if weights[i], err = r.Float64(); err != nil {
				return w, nil, err
			}
		}
	}
	if w.start, err = r.Float64(); err != nil {
		return w, nil, err
	}
	interval, err := r.Float64()
	if err != nil {
		return w, nil, err
	}
	if interval != o.interval || math.IsInf(w.start, 0) || w.start != w.start {
		return w, nil, errWindow
	}
	return w, weights, nil
}
