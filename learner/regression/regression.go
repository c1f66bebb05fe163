// Package regression learns to estimate a number from data, online: linear
// methods from the perceptron to confidence-weighted learning, and the mean of
// the nearest neighbours.
package regression

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

// Regression is the engine of the regression service.
type Regression struct {
	converter *fv.Converter
	method    method
	mixables  []engine.Mixable
	scratch   sync.Pool // of *scratch
}

// method is a way to learn. What changes the model is called with the model
// held alone, the rest with the model shared.
type method interface {
	// train learns that a vector's value is target. Keys of the vector may
	// repeat.
	train(target float64, v *fv.Vector, s *scratch) error
	// estimate returns what a vector's value may be.
	estimate(v *fv.Vector, s *scratch) float64

	clear()

	pack(b []byte) []byte
	unpack(r *mpack.Reader, from engine.Source) (commit func(), err error)
	status(set func(key, value string))
	mixables() []engine.Mixable
}

// New builds a regression from its configuration. Errors are those of package
// config.
func New(cfg *config.Value, env engine.Env) (engine.Engine, error) {
	o := config.Read(cfg, "")
	name, parameter, converter := o.String("method"), o.OptAny("parameter"), o.Any("converter")
	if err := o.Err(); err != nil {
		return nil, err
	}
	e := &Regression{}
	var err error
	if e.converter, err = fv.New(converter, ".converter"); err != nil {
		return nil, err
	}
	if e.method, err = newMethod(name, parameter, env); err != nil {
		return nil, err
	}
	e.mixables = append(e.method.mixables(), e.converter.Weights())
	return e, nil
}

// Handlers implements engine.Engine.
func (e *Regression) Handlers() map[string]engine.Handler {
	return map[string]engine.Handler{
		"train":    e.train,
		"estimate": e.estimate,
		"clear":    e.clear,
	}
}

// scratch is the memory of one call.
type scratch struct {
	list   batch.List[float64]
	scores storage.Scores   // of linear methods
	search instances.Search // the rest is of neighbours
	near   []near
}

func (e *Regression) borrow() *scratch {
	if s, ok := e.scratch.Get().(*scratch); ok {
		return s
	}
	return &scratch{}
}

func (e *Regression) giveBack(s *scratch) {
	s.list.Trim()
	e.scratch.Put(s)
}

// train learns from a list of [target, datum] in order, up to the first that
// fails, and answers how many there were.
func (e *Regression) train(call *engine.Call) error {
	s := e.borrow()
	defer e.giveBack(s)
	n, err := s.list.Learn(call, (*mpack.Reader).Float64, e.converter.ConvertUpdate, func(target float64, v *fv.Vector) error {
		return e.method.train(target, v, s)
	})
	if err != nil {
		return err
	}
	call.Out = mpack.AppendUint(call.Out, uint64(n))
	return nil
}

// estimate answers a number for each of a list of data.
func (e *Regression) estimate(call *engine.Call) error {
	s := e.borrow()
	defer e.giveBack(s)
	return s.list.Ask(call, e.converter.Convert, func(b []byte, v *fv.Vector) []byte {
		return mpack.AppendFloat64(b, e.method.estimate(v, s))
	})
}

func (e *Regression) clear(call *engine.Call) error {
	call.Acquire()
	e.method.clear()
	e.converter.Weights().Clear()
	call.Out = mpack.AppendBool(call.Out, true)
	return nil
}

// Pack implements engine.Engine: [method, converter weights].
func (e *Regression) Pack(b []byte) []byte {
	return e.converter.Weights().PackBehind(b, e.method.pack)
}

// Unpack implements engine.Engine.
func (e *Regression) Unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	return e.converter.Weights().UnpackBehind(r, from == engine.FromPeer, func(r *mpack.Reader) (func(), error) {
		return e.method.unpack(r, from)
	})
}

// Status implements engine.Engine. The converter's weights are not reported.
func (e *Regression) Status(set func(key, value string)) { e.method.status(set) }

// Mixables implements engine.Engine.
func (e *Regression) Mixables() []engine.Mixable { return e.mixables }
