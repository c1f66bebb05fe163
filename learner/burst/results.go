package burst

import (
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// shared takes the model for reading, or alone if that shows that something
// has to be settled or assigned first, which is done then.
func (b *Burst) shared(c *engine.Call, ready func() bool) {
	c.RLock()
	if !ready() {
		c.Unlock()
		c.Lock()
		b.assign()
		b.settle()
	}
}

// find returns the keyword that comes next in the arguments, settled, with the
// model taken; nil if there is none.
func (b *Burst) find(c *engine.Call, name []byte) *keyword {
	c.RLock()
	k := b.byName[string(name)]
	if k != nil && k.dirty {
		c.Unlock()
		c.Lock()
		if k = b.byName[string(name)]; k != nil && k.dirty {
			k.settle(&b.options, b.automaton)
		}
	}
	return k
}

// allSettled reports whether all results are what the input gives.
func (b *Burst) allSettled() bool {
	for _, k := range b.keywords {
		if k.dirty {
			return false
		}
	}
	return true
}

// getResult answers the newest window of a keyword.
func (b *Burst) getResult(c *engine.Call) error {
	name, err := c.Args.Raw()
	if err != nil {
		return err
	}
	if k := b.find(c, name); k != nil && len(k.results) > 0 {
		c.Out = k.results[0].append(c.Out)
	} else {
		c.Out = appendNothing(c.Out)
	}
	return nil
}

// getResultAt answers the newest window of a keyword that has a position.
func (b *Burst) getResultAt(c *engine.Call) error {
	name, err := c.Args.Raw()
	if err != nil {
		return err
	}
	pos, err := c.Args.Float64()
	if err != nil {
		return err
	}
	if k := b.find(c, name); k != nil {
		if r, ok := k.at(&b.options, pos); ok {
			c.Out = r.append(c.Out)
			return nil
		}
	}
	c.Out = appendNothing(c.Out)
	return nil
}

// getAllBursted answers the newest windows of the keywords that are in a burst
// at the end of it, of those that are processed here.
func (b *Burst) getAllBursted(c *engine.Call) error {
	b.bursted(c, func(k *keyword) (result, bool) {
		if len(k.results) == 0 {
			return result{}, false
		}
		r := k.results[0]
		return r, r.weights[len(r.weights)-1] > 0
	})
	return nil
}

// getAllBurstedAt answers the windows with a position of the keywords that are
// in a burst there, of those that are processed here.
func (b *Burst) getAllBurstedAt(c *engine.Call) error {
	pos, err := c.Args.Float64()
	if err != nil {
		return err
	}
	o := &b.options
	b.bursted(c, func(k *keyword) (result, bool) {
		r, ok := k.at(o, pos)
		return r, ok && r.weights[o.batch(r.start, pos)] > 0
	})
	return nil
}

// bursted answers {keyword: window} with those windows that pick finds.
func (b *Burst) bursted(c *engine.Call, pick func(k *keyword) (result, bool)) {
	b.shared(c, func() bool { return !b.unassigned() && b.allSettled() })
	n := 0
	for _, k := range b.keywords {
		if _, ok := pick(k); ok && k.processed {
			n++
		}
	}
	c.Out = mpack.AppendMapHeader(c.Out, n)
	for _, k := range b.keywords {
		if r, ok := pick(k); ok && k.processed {
			c.Out = mpack.AppendRaw(c.Out, k.name)
			c.Out = r.append(c.Out)
		}
	}
}

// append appends a result as clients get it: [start, [[all, relevant, weight]…]].
func (r *result) append(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendFloat64(b, r.start)
	return r.appendBatches(b)
}

// appendBatches appends [[all, relevant, weight]…].
func (r *result) appendBatches(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, len(r.counts))
	for i, n := range r.counts {
		b = mpack.AppendArrayHeader(b, 3)
		b = mpack.AppendInt(b, int64(n.all))
		b = mpack.AppendInt(b, int64(n.relevant))
		b = mpack.AppendFloat64(b, r.weights[i])
	}
	return b
}

// appendNothing appends what stands for no window.
func appendNothing(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendFloat64(b, -1)
	return mpack.AppendArrayHeader(b, 0)
}
