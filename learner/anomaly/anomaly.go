// Package anomaly finds data that are unlike the rest, by their local outlier
// factors: of all rows that came, as exactly as its method of finding
// neighbours is (lof), or by signatures of them (light_lof).
package anomaly

import (
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/ids"
	"github.com/jubatus/jubatus-go/learner/knn"
	"github.com/jubatus/jubatus-go/learner/unlearner"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Anomaly is the engine of the anomaly service.
type Anomaly struct {
	converter *fv.Converter
	method    method
	mixables  []engine.Mixable

	peers engine.Peers // nil if it is alone
	log   *slog.Logger

	nextID  atomic.Uint64 // of a row that is added, if it is alone
	scratch sync.Pool     // of *scratch
}

// method is a way to judge rows. What changes the model is called with the
// model held alone, prepare without it, the rest with the model shared.
type method interface {
	// name is what it is called in the status.
	name() string
	// adding is the service's method that adds a row of a new id.
	adding() string

	// prepare does what it can with a vector without the model.
	prepare(x *sample)

	// update merges a vector into a row, overwrite replaces the row by it,
	// and add does one of them with a row that is new. They return its score.
	update(id []byte, x *sample) (float64, error)
	overwrite(id []byte, x *sample) (float64, error)
	add(id []byte, x *sample) (float64, error)
	// addAll adds rows that are new and returns the numbers of those that
	// were stored, in order.
	addAll(ids [][]byte, list []*sample) ([]int, error)
	// remove removes a row, if there is one.
	remove(id []byte) error
	clear()

	score(x *sample) (float64, error)
	knows(id []byte) bool
	// ids appends the list of all rows.
	ids(b []byte) []byte
	eachID(do func(id []byte))

	pack(b []byte) []byte
	unpack(r *mpack.Reader, from engine.Source) (commit func(), err error)
	status(set func(key, value string))
	mixables() []engine.Mixable
}

// sample is a datum and what is made of it.
type sample struct {
	vector    fv.Vector
	signature knn.Signature
	neighbors []knn.Neighbor
}

// scratch is the memory of one call.
type scratch struct {
	datum  datum.Datum
	sample sample
	id     []byte
}

// New builds an anomaly engine from its configuration. Errors are those of
// package config.
func New(cfg *config.Value, env engine.Env) (engine.Engine, error) {
	o := config.Read(cfg, "")
	name, parameter, converter := o.String("method"), o.Any("parameter"), o.Any("converter")
	if err := o.Err(); err != nil {
		return nil, err
	}
	a := &Anomaly{peers: env.Peers, log: env.Log}
	var err error
	if a.converter, err = fv.New(converter, ".converter"); err != nil {
		return nil, err
	}
	if a.method, err = newMethod(name, parameter, env); err != nil {
		return nil, err
	}
	a.mixables = append(a.method.mixables(), a.converter.Weights())
	return a, nil
}

// Handlers implements engine.Engine.
func (a *Anomaly) Handlers() map[string]engine.Handler {
	return map[string]engine.Handler{
		"clear_row":    a.clearRow,
		"add":          a.add,
		"add_bulk":     a.addBulk,
		"update":       a.store(method.update),
		"overwrite":    a.store(method.overwrite),
		"clear":        a.clear,
		"calc_score":   a.calcScore,
		"get_all_rows": a.getAllRows,
	}
}

func (a *Anomaly) borrow() *scratch {
	if s, ok := a.scratch.Get().(*scratch); ok {
		return s
	}
	return &scratch{}
}

// giveBack keeps the memory for the next call, unless it is unusually large.
func (a *Anomaly) giveBack(s *scratch) {
	const large = 1 << 14
	if s.sample.vector.Len() > large {
		s.datum, s.sample.vector = datum.Datum{}, fv.Vector{}
	}
	if cap(s.sample.neighbors) > large {
		s.sample.neighbors = nil
	}
	a.scratch.Put(s)
}

// learn converts a datum that is to be stored.
func (a *Anomaly) learn(d *datum.Datum, x *sample) error {
	if err := a.converter.ConvertUpdate(d, &x.vector); err != nil {
		return err
	}
	a.method.prepare(x)
	return nil
}

// store puts a datum in the row of an id and answers the score of the row.
func (a *Anomaly) store(how func(m method, id []byte, x *sample) (float64, error)) engine.Handler {
	return func(call *engine.Call) error {
		s := a.borrow()
		defer a.giveBack(s)
		id, err := call.Args.Raw()
		if err != nil {
			return err
		}
		if err := s.datum.Decode(&call.Args); err != nil {
			return err
		}
		if err := a.learn(&s.datum, &s.sample); err != nil {
			return err
		}
		call.Acquire()
		score, err := how(a.method, id, &s.sample)
		if err != nil {
			return err
		}
		call.Out = mpack.AppendFloat64(call.Out, score)
		return nil
	}
}

// calcScore answers the score that a datum would have, without storing it.
func (a *Anomaly) calcScore(call *engine.Call) error {
	s := a.borrow()
	defer a.giveBack(s)
	if err := s.datum.Decode(&call.Args); err != nil {
		return err
	}
	if err := a.converter.Convert(&s.datum, &s.sample.vector); err != nil {
		return err
	}
	a.method.prepare(&s.sample)
	call.Acquire()
	score, err := a.method.score(&s.sample)
	if err != nil {
		return err
	}
	call.Out = mpack.AppendFloat64(call.Out, score)
	return nil
}

func (a *Anomaly) clearRow(call *engine.Call) error {
	id, err := call.Args.Raw()
	if err != nil {
		return err
	}
	call.Acquire()
	if err := a.method.remove(id); err != nil {
		return err
	}
	call.Out = mpack.AppendBool(call.Out, true)
	return nil
}

func (a *Anomaly) getAllRows(call *engine.Call) error {
	call.Acquire()
	call.Out = a.method.ids(call.Out)
	return nil
}

// clear drops all rows. Ids go on.
func (a *Anomaly) clear(call *engine.Call) error {
	call.Acquire()
	a.method.clear()
	a.converter.Weights().Clear()
	call.Out = mpack.AppendBool(call.Out, true)
	return nil
}

// Pack implements engine.Engine: [method, converter weights].
func (a *Anomaly) Pack(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 2)
	b = a.method.pack(b)
	return a.converter.Weights().Pack(b)
}

// Unpack implements engine.Engine. If the engine is alone, the next id is the
// one behind the largest that is in the model.
func (a *Anomaly) Unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	if err := r.Tuple(2); err != nil {
		return nil, err
	}
	method, err := a.method.unpack(r, from)
	if err != nil {
		return nil, err
	}
	weights, err := a.converter.Weights().Unpack(r, from == engine.FromPeer)
	if err != nil {
		return nil, err
	}
	return func() {
		method()
		weights()
		a.nextID.Store(a.maxID() + 1)
	}, nil
}

// Status implements engine.Engine.
func (a *Anomaly) Status(set func(key, value string)) {
	set("storage", a.method.name())
	set("max_id", strconv.FormatUint(a.maxID(), 10))
	a.method.status(set)
	a.converter.Weights().Status(set)
}

// Mixables implements engine.Engine.
func (a *Anomaly) Mixables() []engine.Mixable { return a.mixables }

// maxID is the largest id that is a number; 0 if none is.
func (a *Anomaly) maxID() uint64 {
	largest := uint64(0)
	a.method.eachID(func(id []byte) {
		if n, ok := ids.Number(id); ok {
			largest = max(largest, n)
		}
	})
	return largest
}

// unsupported is the error of what a method cannot do.
func unsupported(what string) error { return errors.New("unsupported method (" + what + ")") }

// packParts appends a method: its parts, behind the unlearner if it has one.
func packParts(b []byte, u unlearner.Unlearner, parts ...func([]byte) []byte) []byte {
	if u == nil {
		b = mpack.AppendArrayHeader(b, len(parts))
	} else {
		b = mpack.AppendArrayHeader(b, 1+len(parts))
		b = u.Pack(b)
	}
	for _, pack := range parts {
		b = pack(b)
	}
	return b
}

// unpackParts reads what packParts wrote.
func unpackParts(
	r *mpack.Reader, u unlearner.Unlearner, parts ...func(*mpack.Reader) (func(), error),
) (commit func(), err error) {
	if u != nil {
		parts = append([]func(*mpack.Reader) (func(), error){u.Unpack}, parts...)
	}
	if err := r.Tuple(len(parts)); err != nil {
		return nil, err
	}
	var commits []func()
	for _, unpack := range parts {
		commit, err := unpack(r)
		if err != nil {
			return nil, err
		}
		commits = append(commits, commit)
	}
	return func() {
		for _, commit := range commits {
			commit()
		}
	}, nil
}
