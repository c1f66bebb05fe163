// Package weight turns data into weighted features and answers these: it shows
// what a converter makes of data, and keeps the counts that idf and BM25 are
// made of for a cluster.
package weight

import (
	"sync"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Weight is the engine of the weight service. All it knows is its converter's
// weight manager, which needs no lock of the model.
type Weight struct {
	converter *fv.Converter
	mixables  []engine.Mixable
	scratch   sync.Pool // of *scratch
}

// New builds a weight engine from its configuration. A method and a parameter
// may be there and mean nothing. Errors are those of package config.
func New(cfg *config.Value, _ engine.Env) (engine.Engine, error) {
	o := config.Read(cfg, "")
	converter := o.Any("converter")
	o.OptAny("method")
	o.OptAny("parameter")
	if err := o.Err(); err != nil {
		return nil, err
	}
	c, err := fv.New(converter, ".converter")
	if err != nil {
		return nil, err
	}
	return &Weight{converter: c, mixables: []engine.Mixable{c.Weights()}}, nil
}

// Handlers implements engine.Engine.
func (w *Weight) Handlers() map[string]engine.Handler {
	return map[string]engine.Handler{
		"update":      w.handler(w.converter.ConvertUpdateSorted),
		"calc_weight": w.handler(w.converter.ConvertSorted),
		"clear":       w.clear,
	}
}

// scratch is the memory of one call.
type scratch struct {
	datum  datum.Datum
	vector fv.Vector
}

// handler answers what a conversion makes of a datum: [[key, weight]…], each
// key once, in the order of their bytes.
func (w *Weight) handler(convert func(*datum.Datum, *fv.Vector) error) engine.Handler {
	return func(call *engine.Call) error {
		s, ok := w.scratch.Get().(*scratch)
		if !ok {
			s = &scratch{}
		}
		defer w.giveBack(s)
		if err := s.datum.Decode(&call.Args); err != nil {
			return err
		}
		if err := convert(&s.datum, &s.vector); err != nil {
			return err
		}
		out := mpack.AppendArrayHeader(call.Out, s.vector.Len())
		for i := range s.vector.Len() {
			out = mpack.AppendArrayHeader(out, 2)
			out = mpack.AppendRaw(out, s.vector.Key(i))
			out = mpack.AppendFloat64(out, s.vector.Value(i))
		}
		call.Out = out
		return nil
	}
}

// giveBack keeps the memory for the next call, unless it is unusually large.
func (w *Weight) giveBack(s *scratch) {
	const large = 1 << 14
	if d := &s.datum; s.vector.Len()+len(d.Strings)+len(d.Nums)+len(d.Binaries) <= large {
		w.scratch.Put(s)
	}
}

func (w *Weight) clear(call *engine.Call) error {
	w.converter.Weights().Clear()
	call.Out = mpack.AppendBool(call.Out, true)
	return nil
}

// Pack implements engine.Engine: [weight manager].
func (w *Weight) Pack(b []byte) []byte {
	return w.converter.Weights().Pack(mpack.AppendArrayHeader(b, 1))
}

// Unpack implements engine.Engine.
func (w *Weight) Unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	if err := r.Tuple(1); err != nil {
		return nil, err
	}
	return w.converter.Weights().Unpack(r, from == engine.FromPeer)
}

// Status implements engine.Engine.
func (w *Weight) Status(set func(key, value string)) { w.converter.Weights().Status(set) }

// Mixables implements engine.Engine.
func (w *Weight) Mixables() []engine.Mixable { return w.mixables }
