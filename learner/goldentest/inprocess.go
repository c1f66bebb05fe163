package goldentest

import (
	"context"
	"errors"
	"maps"
	"sync"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// InProcess calls an engine's handlers, each with the model locked alone. It
// knows save and load too; the models stay in memory.
func InProcess(e engine.Engine) Caller {
	handlers := e.Handlers()
	maps.Copy(handlers, keeping(e))
	var model sync.RWMutex
	return func(method string, params []byte) ([]byte, error) {
		handle, ok := handlers[method]
		if !ok {
			return nil, UnknownMethod
		}
		args := mpack.NewReader(params)
		n, err := args.ArrayHeader()
		if err != nil {
			return nil, err
		}
		c := engine.Call{Context: context.Background(), Args: args, N: n}
		c.Begin(&model, service.Update)
		err = handle(&c)
		c.Unlock()
		switch {
		case err == nil:
			return c.Out, nil
		case mpack.IsCast(err), err == mpack.ErrTruncated:
			return nil, BadArgument
		default:
			return nil, &CallError{err.Error()}
		}
	}
}

// Direct calls one of an engine's handlers as a node does, each time with the
// same memory: for benchmarks. The answer is good until the next call.
func Direct(e engine.Engine, method string) func(params []byte) ([]byte, error) {
	handle := e.Handlers()[method]
	var model sync.RWMutex
	c := engine.Call{Context: context.Background()}
	return func(params []byte) ([]byte, error) {
		c.Args = mpack.NewReader(params)
		n, err := c.Args.ArrayHeader()
		if err != nil {
			return nil, err
		}
		c.N, c.Out = n, c.Out[:0]
		c.Begin(&model, service.Update)
		err = handle(&c)
		c.Unlock()
		return c.Out, err
	}
}

// keeping returns handlers of save and load, which know only each other's
// models.
func keeping(e engine.Engine) map[string]engine.Handler {
	saved := map[string][]byte{}
	return map[string]engine.Handler{
		"save": func(c *engine.Call) error {
			id, err := c.Args.String()
			if err != nil {
				return err
			}
			saved[id] = e.Pack(nil)
			c.Out = mpack.AppendMapHeader(c.Out, 0)
			return nil
		},
		"load": func(c *engine.Call) error {
			id, err := c.Args.String()
			if err != nil {
				return err
			}
			model, ok := saved[id]
			if !ok {
				return errors.New("cannot open input file")
			}
			r := mpack.NewReader(model)
			commit, err := e.Unpack(&r, engine.FromFile)
			if err != nil {
				return err
			}
			commit()
			c.Out = mpack.AppendBool(c.Out, true)
			return nil
		},
	}
}

// Mix does for engines what one round of linear MIX does for their nodes, in
// this order, and returns whether every part was put everywhere.
func Mix(engines ...engine.Engine) (bool, error) {
	folds := make([]engine.Fold, len(engines[0].Mixables()))
	for i, e := range engines {
		for j, m := range e.Mixables() {
			if i == 0 {
				folds[j] = m.NewFold()
			}
			diff := mpack.NewReader(m.Diff(nil))
			if err := folds[j].Add(&diff); err != nil {
				return false, err
			}
		}
	}
	all := true
	for _, e := range engines {
		for j, m := range e.Mixables() {
			mixed := mpack.NewReader(folds[j].Append(nil))
			ok, err := m.Put(&mixed)
			if err != nil {
				return false, err
			}
			all = all && ok
		}
	}
	return all, nil
}

// Diff returns the payload of get_diff: an array of the diffs of all parts.
func Diff(e engine.Engine) []byte {
	b := mpack.AppendArrayHeader(nil, len(e.Mixables()))
	for _, m := range e.Mixables() {
		b = m.Diff(b)
	}
	return b
}
