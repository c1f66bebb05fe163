package recommender

import (
	"bytes"
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/recommender/index"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// cut is how many similar rows are wanted, or from which similarity on.
type cut struct {
	size  int
	rate  float32 // of all rows, if above 0
	least float64 // similarity
	all   bool
}

// readCut reads a cut from the arguments.
type readCut func(r *mpack.Reader) (cut, error)

func bySize(r *mpack.Reader) (cut, error) {
	n, err := r.Uint32()
	return cut{size: int(n), least: math.Inf(-1)}, err
}

func byScore(r *mpack.Reader) (cut, error) {
	least, err := r.Float64()
	return cut{all: true, least: least}, err
}

func byRate(r *mpack.Reader) (cut, error) {
	rate, err := r.Float64()
	if err != nil {
		return cut{}, err
	}
	c := cut{rate: float32(rate), least: math.Inf(-1)}
	if !(0 < c.rate && c.rate <= 1) {
		return cut{}, errors.New("invalid parameter (expected: 0 < rate <= 1)")
	}
	return c, nil
}

// limit is how many rows that are, of so many.
func (c *cut) limit(rows int) int {
	switch {
	case c.all:
		return rows
	case c.rate > 0:
		return int(math.Ceil(float64(float32(rows) * c.rate)))
	default:
		return c.size
	}
}

// similarFromID answers the rows that are similar to a row.
func (e *Recommender) similarFromID(read readCut) engine.Handler {
	return func(call *engine.Call) error {
		s := e.borrow()
		defer e.giveBack(s)
		id, err := call.Args.Raw()
		if err != nil {
			return err
		}
		c, err := read(&call.Args)
		if err != nil {
			return err
		}
		call.Acquire()
		list := e.rows.SimilarTo(id, c.limit(e.rows.Len()), &s.search)
		call.Out = e.ranking(call.Out, list, c.least)
		return nil
	}
}

// similarFromDatum answers the rows that are similar to a datum.
func (e *Recommender) similarFromDatum(read readCut) engine.Handler {
	return func(call *engine.Call) error {
		s := e.borrow()
		defer e.giveBack(s)
		if err := s.datum.Decode(&call.Args); err != nil {
			return err
		}
		c, err := read(&call.Args)
		if err != nil {
			return err
		}
		if err := e.converter.Convert(&s.datum, &s.vector); err != nil {
			return err
		}
		call.Acquire()
		list := e.rows.Similar(&s.vector, c.limit(e.rows.Len()), &s.search)
		call.Out = e.ranking(call.Out, list, c.least)
		return nil
	}
}

// ranking appends [[id, similarity]…], without those that are less similar
// than wanted.
func (e *Recommender) ranking(b []byte, list []index.Similar, least float64) []byte {
	n := 0
	for _, m := range list {
		if !(m.Similarity < least) {
			n++
		}
	}
	b = mpack.AppendArrayHeader(b, n)
	for _, m := range list {
		if m.Similarity < least {
			continue
		}
		b = mpack.AppendArrayHeader(b, 2)
		b = e.rows.AppendID(b, m.Row)
		b = mpack.AppendFloat64(b, m.Similarity)
	}
	return b
}

// decodeRow answers what is known of a row, as a datum.
func (e *Recommender) decodeRow(call *engine.Call) error {
	s := e.borrow()
	defer e.giveBack(s)
	id, err := call.Args.Raw()
	if err != nil {
		return err
	}
	call.Acquire()
	e.rows.Original(id, &s.vector)
	call.Out = e.revert(call.Out, &s.vector, s)
	return nil
}

func (e *Recommender) revert(b []byte, v *fv.Vector, s *scratch) []byte {
	e.converter.Revert(v, &s.datum)
	return s.datum.Append(b)
}

// completeFromID answers the mean of the rows that are similar to a row.
func (e *Recommender) completeFromID(call *engine.Call) error {
	s := e.borrow()
	defer e.giveBack(s)
	id, err := call.Args.Raw()
	if err != nil {
		return err
	}
	call.Acquire()
	e.rows.Original(id, &s.vector)
	e.rows.Complete(&s.vector, &s.search, &s.other)
	call.Out = e.revert(call.Out, &s.other, s)
	return nil
}

// completeFromDatum answers the mean of the rows that are similar to a datum.
func (e *Recommender) completeFromDatum(call *engine.Call) error {
	s := e.borrow()
	defer e.giveBack(s)
	if err := e.convert(call, s, &s.vector); err != nil {
		return err
	}
	call.Acquire()
	e.rows.Complete(&s.vector, &s.search, &s.other)
	call.Out = e.revert(call.Out, &s.other, s)
	return nil
}

// calcNorm answers the Euclidean norm of a datum's features.
func (e *Recommender) calcNorm(call *engine.Call) error {
	s := e.borrow()
	defer e.giveBack(s)
	if err := e.convert(call, s, &s.vector); err != nil {
		return err
	}
	call.Acquire()
	call.Out = mpack.AppendFloat64(call.Out, s.vector.Norm())
	return nil
}

// calcSimilarity answers the cosine of the angle between the features of two
// data.
func (e *Recommender) calcSimilarity(call *engine.Call) error {
	s := e.borrow()
	defer e.giveBack(s)
	if err := e.convert(call, s, &s.vector); err != nil {
		return err
	}
	if err := e.convert(call, s, &s.other); err != nil {
		return err
	}
	call.Acquire()
	call.Out = mpack.AppendFloat64(call.Out, s.cosine(&s.vector, &s.other))
	return nil
}

// cosine pairs features of the same key one to one, in the order of their
// values.
func (s *scratch) cosine(a, b *fv.Vector) float64 {
	normA, normB := a.Norm(), b.Norm()
	if normA == 0 || normB == 0 {
		return 0
	}
	s.order[0], s.order[1] = sorted(a, s.order[0]), sorted(b, s.order[1])
	orderA, orderB := s.order[0], s.order[1]
	dot := 0.0
	for len(orderA) > 0 && len(orderB) > 0 {
		i, j := orderA[0], orderB[0]
		switch c := bytes.Compare(a.Key(i), b.Key(j)); {
		case c < 0:
			orderA = orderA[1:]
		case c > 0:
			orderB = orderB[1:]
		default:
			dot += float64(a.Value(i) * b.Value(j))
			orderA, orderB = orderA[1:], orderB[1:]
		}
	}
	return dot / normA / normB
}

// sorted returns the features by key and value, in order if there is room.
func sorted(v *fv.Vector, order []int) []int {
	order = order[:0]
	for i := range v.Len() {
		order = append(order, i)
	}
	slices.SortFunc(order, func(i, j int) int {
		if c := bytes.Compare(v.Key(i), v.Key(j)); c != 0 {
			return c
		}
		return cmp.Compare(v.Value(i), v.Value(j))
	})
	return order
}
