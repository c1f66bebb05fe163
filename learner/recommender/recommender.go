// Package recommender keeps rows of data under ids, and tells which are
// similar to one another, and what a row probably has that nobody said of it.
package recommender

import (
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/recommender/index"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Recommender is the engine of the recommender service.
type Recommender struct {
	converter *fv.Converter
	rows      *index.Index
	mixables  []engine.Mixable
	updates   atomic.Uint64 // calls of update_row and of
	removals  atomic.Uint64 // clear_row since the start or clear
	scratch   sync.Pool     // of *scratch
}

// scratch is the memory of one call.
type scratch struct {
	datum         datum.Datum
	vector, other fv.Vector
	search        index.Search
	order         [2][]int
}

// New builds a recommender from its configuration. Errors are those of package
// config.
func New(cfg *config.Value, env engine.Env) (engine.Engine, error) {
	o := config.Read(cfg, "")
	method, parameter, converter := o.String("method"), o.OptAny("parameter"), o.Any("converter")
	if err := o.Err(); err != nil {
		return nil, err
	}
	e := &Recommender{}
	var err error
	if e.converter, err = fv.New(converter, ".converter"); err != nil {
		return nil, err
	}
	if e.rows, err = index.New(method, parameter, ".parameter", env); err != nil {
		return nil, err
	}
	e.mixables = []engine.Mixable{e.rows.Mixable(), e.converter.Weights()}
	return e, nil
}

// Handlers implements engine.Engine.
func (e *Recommender) Handlers() map[string]engine.Handler {
	return map[string]engine.Handler{
		"update_row":                       e.updateRow,
		"clear_row":                        e.clearRow,
		"clear":                            e.clear,
		"decode_row":                       e.decodeRow,
		"complete_row_from_id":             e.completeFromID,
		"complete_row_from_datum":          e.completeFromDatum,
		"similar_row_from_id":              e.similarFromID(bySize),
		"similar_row_from_id_and_score":    e.similarFromID(byScore),
		"similar_row_from_id_and_rate":     e.similarFromID(byRate),
		"similar_row_from_datum":           e.similarFromDatum(bySize),
		"similar_row_from_datum_and_score": e.similarFromDatum(byScore),
		"similar_row_from_datum_and_rate":  e.similarFromDatum(byRate),
		"get_all_rows":                     e.getAllRows,
		"calc_similarity":                  e.calcSimilarity,
		"calc_l2norm":                      e.calcNorm,
	}
}

func (e *Recommender) borrow() *scratch {
	if s, ok := e.scratch.Get().(*scratch); ok {
		return s
	}
	return &scratch{}
}

// giveBack keeps the memory for the next call, unless it is unusually large.
func (e *Recommender) giveBack(s *scratch) {
	const large = 1 << 14
	if s.vector.Len() > large || s.other.Len() > large {
		*s = scratch{}
	}
	s.search.Trim()
	e.scratch.Put(s)
}

// convert reads a datum and converts it.
func (e *Recommender) convert(call *engine.Call, s *scratch, v *fv.Vector) error {
	if err := s.datum.Decode(&call.Args); err != nil {
		return err
	}
	return e.converter.Convert(&s.datum, v)
}

// updateRow puts the features of a datum into the row of an id.
func (e *Recommender) updateRow(call *engine.Call) error {
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
	call.Acquire()
	if err := e.rows.Update(id, &s.vector); err != nil {
		return err
	}
	e.updates.Add(1)
	call.Out = mpack.AppendBool(call.Out, true)
	return nil
}

// clearRow removes a row, if there is one.
func (e *Recommender) clearRow(call *engine.Call) error {
	id, err := call.Args.Raw()
	if err != nil {
		return err
	}
	call.Acquire()
	e.rows.Remove(id)
	e.removals.Add(1)
	call.Out = mpack.AppendBool(call.Out, true)
	return nil
}

func (e *Recommender) clear(call *engine.Call) error {
	call.Acquire()
	e.rows.Clear()
	e.converter.Weights().Clear()
	e.updates.Store(0)
	e.removals.Store(0)
	call.Out = mpack.AppendBool(call.Out, true)
	return nil
}

func (e *Recommender) getAllRows(call *engine.Call) error {
	call.Acquire()
	b := mpack.AppendArrayHeader(call.Out, e.rows.Len())
	for row := range e.rows.All {
		b = e.rows.AppendID(b, row)
	}
	call.Out = b
	return nil
}

// Pack implements engine.Engine: [rows, converter weights].
func (e *Recommender) Pack(b []byte) []byte {
	return e.converter.Weights().PackBehind(b, e.rows.Pack)
}

// Unpack implements engine.Engine.
func (e *Recommender) Unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	return e.converter.Weights().UnpackBehind(r, from == engine.FromPeer, func(r *mpack.Reader) (func(), error) {
		return e.rows.Unpack(r, from)
	})
}

// Status implements engine.Engine.
func (e *Recommender) Status(set func(key, value string)) {
	set("clear_row_cnt", strconv.FormatUint(e.removals.Load(), 10))
	set("update_row_cnt", strconv.FormatUint(e.updates.Load(), 10))
	e.rows.Status(set)
	e.converter.Weights().Status(set)
}

// Mixables implements engine.Engine.
func (e *Recommender) Mixables() []engine.Mixable { return e.mixables }
