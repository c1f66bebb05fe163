// Package classifier learns to tell classes of data apart, online: linear
// methods from the perceptron to confidence-weighted learning, and votes of the
// nearest neighbours.
package classifier

import (
	"sync"

	"github.com/jubatus/jubatus-go/learner/batch"
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/instances"
	"github.com/jubatus/jubatus-go/learner/storage"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Classifier is the engine of the classifier service.
type Classifier struct {
	converter *fv.Converter
	method    method
	mixables  []engine.Mixable
	scratch   sync.Pool // of *scratch
}

// method is a way to learn. What changes the model is called with the model
// held alone, the rest with the model shared.
type method interface {
	// train learns from one vector, which is sorted and has no key twice.
	train(label []byte, v *fv.Vector, s *scratch) error
	// classify appends [[label, score]…] for a vector.
	classify(b []byte, v *fv.Vector, s *scratch) []byte

	labels(b []byte) []byte
	setLabel(label []byte) (bool, error)
	deleteLabel(label []byte) bool
	clear()

	pack(b []byte) []byte
	unpack(r *mpack.Reader, from engine.Source) (commit func(), err error)
	status(set func(key, value string))
	mixables() []engine.Mixable
}

// New builds a classifier from its configuration. Errors are those of package
// config.
func New(cfg *config.Value, env engine.Env) (engine.Engine, error) {
	o := config.Read(cfg, "")
	name, parameter, converter := o.String("method"), o.OptAny("parameter"), o.Any("converter")
	if err := o.Err(); err != nil {
		return nil, err
	}
	c := &Classifier{}
	var err error
	if c.converter, err = fv.New(converter, ".converter"); err != nil {
		return nil, err
	}
	if c.method, err = newMethod(name, parameter, env); err != nil {
		return nil, err
	}
	c.mixables = append(c.method.mixables(), c.converter.Weights())
	return c, nil
}

// Handlers implements engine.Engine.
func (c *Classifier) Handlers() map[string]engine.Handler {
	return map[string]engine.Handler{
		"train":        c.train,
		"classify":     c.classify,
		"get_labels":   c.getLabels,
		"set_label":    c.setLabel,
		"delete_label": c.deleteLabel,
		"clear":        c.clear,
	}
}

// scratch is the memory of one call.
type scratch struct {
	list   batch.List[[]byte]
	scores storage.Scores   // of linear methods
	search instances.Search // the rest is of neighbours
	sums   []float64
	prefix []byte
}

func (c *Classifier) borrow() *scratch {
	if s, ok := c.scratch.Get().(*scratch); ok {
		return s
	}
	return &scratch{}
}

func (c *Classifier) giveBack(s *scratch) {
	s.list.Trim()
	c.scratch.Put(s)
}

// train learns from a list of [label, datum] in order, up to the first that
// fails, and answers how many there were.
func (c *Classifier) train(call *engine.Call) error {
	s := c.borrow()
	defer c.giveBack(s)
	n, err := s.list.Learn(call, (*mpack.Reader).Raw, c.converter.ConvertUpdateSorted, func(label []byte, v *fv.Vector) error {
		return c.method.train(label, v, s)
	})
	if err != nil {
		return err
	}
	call.Out = mpack.AppendUint(call.Out, uint64(n))
	return nil
}

// classify answers the scores of every label for a list of data.
func (c *Classifier) classify(call *engine.Call) error {
	s := c.borrow()
	defer c.giveBack(s)
	return s.list.Ask(call, c.converter.Convert, func(b []byte, v *fv.Vector) []byte {
		return c.method.classify(b, v, s)
	})
}

func (c *Classifier) getLabels(call *engine.Call) error {
	call.Acquire()
	call.Out = c.method.labels(call.Out)
	return nil
}

func (c *Classifier) setLabel(call *engine.Call) error {
	label, err := call.Args.Raw()
	if err != nil {
		return err
	}
	call.Acquire()
	ok, err := c.method.setLabel(label)
	if err != nil {
		return err
	}
	call.Out = mpack.AppendBool(call.Out, ok)
	return nil
}

func (c *Classifier) deleteLabel(call *engine.Call) error {
	label, err := call.Args.Raw()
	if err != nil {
		return err
	}
	call.Acquire()
	call.Out = mpack.AppendBool(call.Out, c.method.deleteLabel(label))
	return nil
}

func (c *Classifier) clear(call *engine.Call) error {
	call.Acquire()
	c.method.clear()
	c.converter.Weights().Clear()
	call.Out = mpack.AppendBool(call.Out, true)
	return nil
}

// Pack implements engine.Engine: [method, converter weights].
func (c *Classifier) Pack(b []byte) []byte {
	return c.converter.Weights().PackBehind(b, c.method.pack)
}

// Unpack implements engine.Engine.
func (c *Classifier) Unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	return c.converter.Weights().UnpackBehind(r, from == engine.FromPeer, func(r *mpack.Reader) (func(), error) {
		return c.method.unpack(r, from)
	})
}

// Status implements engine.Engine.
func (c *Classifier) Status(set func(key, value string)) {
	c.method.status(set)
	c.converter.Weights().Status(set)
}

// Mixables implements engine.Engine.
func (c *Classifier) Mixables() []engine.Mixable { return c.mixables }
