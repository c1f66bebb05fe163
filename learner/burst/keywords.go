package burst

import (
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// addKeyword adds a keyword with its parameters and answers whether it is new.
func (b *Burst) addKeyword(c *engine.Call) error {
	name, scaling, gamma, err := decodeKeyword(&c.Args)
	if err != nil {
		return err
	}
	if err := checkParameters(scaling, gamma); err != nil {
		return err
	}
	c.Acquire()
	_, known := b.byName[string(name)]
	if !known {
		b.enter(newKeyword(string(name), scaling, gamma))
	}
	c.Out = mpack.AppendBool(c.Out, !known)
	return nil
}

// decodeKeyword reads a [keyword, scaling, gamma], of which what is missing at
// the end is empty.
func decodeKeyword(r *mpack.Reader) (name []byte, scaling, gamma float64, err error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, 0, 0, err
	}
	for i := range n {
		switch i {
		case 0:
			name, err = r.Raw()
		case 1:
			scaling, err = r.Float64()
		case 2:
			gamma, err = r.Float64()
		default:
			err = r.Skip()
		}
		if err != nil {
			return nil, 0, 0, err
		}
	}
	return name, scaling, gamma, nil
}

// checkParameters checks what a keyword is given.
func checkParameters(scaling, gamma float64) error {
	switch {
	case !(scaling > 1):
		return config.InvalidParameter("scaling_param must be > 1.")
	case !(gamma > 0):
		return config.InvalidParameter("gamma must be > 0.")
	}
	return nil
}

// removeKeyword forgets a keyword and answers whether it was known.
func (b *Burst) removeKeyword(c *engine.Call) error {
	name, err := c.Args.Raw()
	if err != nil {
		return err
	}
	c.Acquire()
	ok := b.remove(string(name))
	if ok {
		b.mix.forget(string(name))
	}
	c.Out = mpack.AppendBool(c.Out, ok)
	return nil
}

// removeAllKeywords forgets everything.
func (b *Burst) removeAllKeywords(c *engine.Call) error {
	c.Acquire()
	for _, k := range b.keywords {
		b.mix.forget(k.name)
	}
	b.reset(nil)
	c.Out = mpack.AppendBool(c.Out, true)
	return nil
}

// getAllKeywords answers all keywords with their parameters.
func (b *Burst) getAllKeywords(c *engine.Call) error {
	c.Acquire()
	c.Out = mpack.AppendArrayHeader(c.Out, len(b.keywords))
	for _, k := range b.keywords {
		c.Out = mpack.AppendArrayHeader(c.Out, 3)
		c.Out = mpack.AppendRaw(c.Out, k.name)
		c.Out = mpack.AppendFloat64(c.Out, k.scaling)
		c.Out = mpack.AppendFloat64(c.Out, k.gamma)
	}
	return nil
}
