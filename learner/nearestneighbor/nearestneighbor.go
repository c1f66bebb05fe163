// Package nearestneighbor finds the rows that are nearest to a datum, or to
// one another.
package nearestneighbor

import (
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/knn"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Engine is the engine of the nearest_neighbor service.
type Engine struct {
	converter *fv.Converter
	index     *knn.Index
	mixables  []engine.Mixable
	updates   atomic.Uint64 // calls of set_row since the start or clear
	scratch   sync.Pool     // of *scratch
}

// scratch is the memory of one call.
type scratch struct {
	datum     datum.Datum
	vector    fv.Vector
	signature knn.Signature
	neighbors []knn.Neighbor
}

// New builds a nearest neighbour engine from its configuration. Errors are
// those of package config.
func New(cfg *config.Value, env engine.Env) (engine.Engine, error) {
	o := config.Read(cfg, "")
	method, parameter, converter := o.String("method"), o.OptAny("parameter"), o.Any("converter")
	if err := o.Err(); err != nil {
		return nil, err
	}
	e := &Engine{}
	var err error
	if e.converter, err = fv.New(converter, ".converter"); err != nil {
		return nil, err
	}
	if e.index, err = knn.New(method, parameter, ".parameter", env.ID); err != nil {
		return nil, err
	}
	e.mixables = []engine.Mixable{e.index.Table(), e.converter.Weights()}
	return e, nil
}

// Handlers implements engine.Engine.
func (e *Engine) Handlers() map[string]engine.Handler {
	return map[string]engine.Handler{
		"clear":                   e.clear,
		"set_row":                 e.setRow,
		"neighbor_row_from_id":    e.fromID(distance),
		"neighbor_row_from_datum": e.fromDatum(distance),
		"similar_row_from_id":     e.fromID((*knn.Index).Similarity),
		"similar_row_from_datum":  e.fromDatum((*knn.Index).Similarity),
		"get_all_rows":            e.getAllRows,
	}
}

// score is what a distance is answered as.
type score func(x *knn.Index, distance float64) float64

func distance(_ *knn.Index, d float64) float64 { return d }

func (e *Engine) borrow() *scratch {
	if s, ok := e.scratch.Get().(*scratch); ok {
		return s
	}
	return &scratch{}
}

// giveBack keeps the memory for the next call, unless it is unusually large.
func (e *Engine) giveBack(s *scratch) {
	const large = 1 << 14
	if s.vector.Len() > large {
		s.datum, s.vector = datum.Datum{}, fv.Vector{}
	}
	if cap(s.neighbors) > large {
		s.neighbors = nil
	}
	e.scratch.Put(s)
}

// setRow puts a datum in the row of an id.
func (e *Engine) setRow(call *engine.Call) error {
	s := e.borrow()
	defer e.giveBack(s)
	id, err := call.Args.Raw()
	if err != nil {
		return err
	}
	if err := s.datum.Decode(&call.Args); err != nil {
		return err
	}
	if err := e.converter.ConvertUpdate(&s.datum, &s.vector); err != nil {
		return err
	}
	e.index.Hash(&s.vector, &s.signature)
	call.Acquire()
	if _, err := e.index.Set(id, &s.signature); err != nil {
		return err
	}
	e.updates.Add(1)
	call.Out = mpack.AppendBool(call.Out, true)
	return nil
}

// fromID ranks rows by what they are to a row. There are none to a row that
// does not exist.
func (e *Engine) fromID(score score) engine.Handler {
	return func(call *engine.Call) error {
		s := e.borrow()
		defer e.giveBack(s)
		id, err := call.Args.Raw()
		if err != nil {
			return err
		}
		limit, err := call.Args.Uint32()
		if err != nil {
			return err
		}
		call.Acquire()
		row, ok := e.index.Table().Find(id)
		if !ok {
			call.Out = mpack.AppendArrayHeader(call.Out, 0)
			return nil
		}
		e.index.Of(row, &s.signature)
		call.Out = e.ranking(call.Out, s, int(limit), score)
		return nil
	}
}

// fromDatum ranks rows by what they are to a datum.
func (e *Engine) fromDatum(score score) engine.Handler {
	return func(call *engine.Call) error {
		s := e.borrow()
		defer e.giveBack(s)
		if err := s.datum.Decode(&call.Args); err != nil {
			return err
		}
		limit, err := call.Args.Uint32()
		if err != nil {
			return err
		}
		if err := e.converter.Convert(&s.datum, &s.vector); err != nil {
			return err
		}
		e.index.Hash(&s.vector, &s.signature)
		call.Acquire()
		call.Out = e.ranking(call.Out, s, int(limit), score)
		return nil
	}
}

// ranking appends [[id, score]…], the nearest first.
func (e *Engine) ranking(b []byte, s *scratch, limit int, score score) []byte {
	s.neighbors = e.index.Nearest(&s.signature, limit, s.neighbors)
	b = mpack.AppendArrayHeader(b, len(s.neighbors))
	for _, n := range s.neighbors {
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendRaw(b, e.index.Table().ID(n.Row))
		b = mpack.AppendFloat64(b, score(e.index, n.Distance))
	}
	return b
}

func (e *Engine) getAllRows(call *engine.Call) error {
	call.Acquire()
	table := e.index.Table()
	b := mpack.AppendArrayHeader(call.Out, table.Len())
	for row := range table.Len() {
		b = mpack.AppendRaw(b, table.ID(row))
	}
	call.Out = b
	return nil
}

func (e *Engine) clear(call *engine.Call) error {
	call.Acquire()
	e.index.Table().Clear()
	e.converter.Weights().Clear()
	e.updates.Store(0)
	call.Out = mpack.AppendBool(call.Out, true)
	return nil
}

// Pack implements engine.Engine: [rows, converter weights].
func (e *Engine) Pack(b []byte) []byte {
	return e.converter.Weights().PackBehind(b, e.index.Table().Pack)
}

// Unpack implements engine.Engine.
func (e *Engine) Unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	return e.converter.Weights().UnpackBehind(r, from == engine.FromPeer, e.index.Table().Unpack)
}

// Status implements engine.Engine.
func (e *Engine) Status(set func(key, value string)) {
	set("update_row_cnt", strconv.FormatUint(e.updates.Load(), 10))
	set("data", strconv.Itoa(e.index.Table().Len()))
	e.converter.Weights().Status(set)
}

// Mixables implements engine.Engine.
func (e *Engine) Mixables() []engine.Mixable { return e.mixables }
