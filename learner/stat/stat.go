// Package stat keeps the last values that were pushed, under all keys
// together, and answers statistics of those under a key: sum, deviation,
// extremes, moments. Nodes share how values spread over keys, the entropy.
package stat

import (
	"fmt"
	"math"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Stat is the engine of the stat service.
type Stat struct {
	env      engine.Env
	window   *window
	shared   shared
	mixables []engine.Mixable
}

// New builds a stat engine from its configuration. Errors are those of package
// config.
func New(cfg *config.Value, env engine.Env) (engine.Engine, error) {
	o := config.Read(cfg, "")
	size := o.Int("window_size")
	if err := o.Err(); err != nil {
		return nil, err
	}
	if size < 1 {
		return nil, config.InvalidParameter("1 <= window_size")
	}
	s := &Stat{env: env, window: newWindow(uint64(size))}
	s.mixables = []engine.Mixable{entropyMix{s}}
	return s, nil
}

// Handlers implements engine.Engine.
func (s *Stat) Handlers() map[string]engine.Handler {
	return map[string]engine.Handler{
		"push":    s.push,
		"sum":     s.query("sum", func(k *stats) float64 { return k.sum }),
		"stddev":  s.query("stddev", (*stats).deviation),
		"max":     s.query("max", func(k *stats) float64 { return s.window.max(k) }),
		"min":     s.query("min", func(k *stats) float64 { return s.window.min(k) }),
		"entropy": s.entropy,
		"moment":  s.moment,
		"clear":   s.clear,
	}
}

func (s *Stat) push(call *engine.Call) error {
	key, err := call.Args.Raw()
	if err != nil {
		return err
	}
	value, err := call.Args.Float64()
	if err != nil {
		return err
	}
	now := uint64(s.env.Now().Unix())
	call.Acquire()
	s.window.push(key, value, now)
	call.Out = mpack.AppendBool(call.Out, true)
	return nil
}

// query makes the handler of a method that answers a statistic of a key.
func (s *Stat) query(method string, statistic func(*stats) float64) engine.Handler {
	return func(call *engine.Call) error {
		key, err := call.Args.Raw()
		if err != nil {
			return err
		}
		call.Acquire()
		k := s.window.find(key)
		if k == nil {
			return notFound(method, key)
		}
		call.Out = mpack.AppendFloat64(call.Out, statistic(k))
		return nil
	}
}

func notFound(method string, key []byte) error {
	return fmt.Errorf("%s: key %s not found", method, key)
}

// entropy is that of all keys, whatever key is given.
func (s *Stat) entropy(call *engine.Call) error {
	if _, err := call.Args.Raw(); err != nil {
		return err
	}
	call.Acquire()
	e := s.shared.entropy()
	if s.shared.n == 0 {
		e = s.window.entropy()
	}
	call.Out = mpack.AppendFloat64(call.Out, e)
	return nil
}

// moment answers the mean of (value - center)^degree; -1 for a negative
// degree, of any key.
func (s *Stat) moment(call *engine.Call) error {
	key, err := call.Args.Raw()
	if err != nil {
		return err
	}
	degree, err := call.Args.Int32()
	if err != nil {
		return err
	}
	center, err := call.Args.Float64()
	if err != nil {
		return err
	}
	call.Acquire()
	m := -1.0
	if degree >= 0 {
		k := s.window.find(key)
		if k == nil {
			return notFound("moment", key)
		}
		m = s.window.moment(k, degree, center)
	}
	call.Out = mpack.AppendFloat64(call.Out, m)
	return nil
}

func (s *Stat) clear(call *engine.Call) error {
	call.Acquire()
	s.window = newWindow(s.window.size)
	s.shared = shared{}
	call.Out = mpack.AppendBool(call.Out, true)
	return nil
}

// Status implements engine.Engine.
func (s *Stat) Status(set func(key, value string)) { set("storage", "stat") }

// Mixables implements engine.Engine.
func (s *Stat) Mixables() []engine.Mixable { return s.mixables }

// shared is what the nodes together know of the spread of values over keys.
type shared struct {
	e float64 // sum of n ln n over the keys of every node
	n float64 // how many values there are; 0 means that nothing is known
}

// entropy is -sum p ln p with p = n_k/n, written with what is mixed.
func (s shared) entropy() float64 { return math.Log(s.n) - s.e/s.n }
