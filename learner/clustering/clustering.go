// Package clustering finds groups of data that are alike: by k-means, by a
// mixture of normal distributions, or where they lie densely (DBSCAN). All
// data can be kept, or few that stand for them.
package clustering

import (
	"errors"
	"slices"
	"sync"

	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Clustering is the engine of the clustering service.
type Clustering struct {
	converter *fv.Converter
	model     *model
	mixables  []engine.Mixable
	scratch   sync.Pool // of *scratch
}

// New builds a clustering from its configuration. Errors are those of package
// config.
func New(cfg *config.Value, env engine.Env) (engine.Engine, error) {
	o := config.Read(cfg, "")
	name, parameter := o.String("method"), o.OptAny("parameter")
	compressor, compressorParameter := o.String("compressor_method"), o.OptAny("compressor_parameter")
	distance, ok := o.OptString("distance")
	if !ok {
		distance = "euclidean"
	}
	converter := o.Any("converter")
	if err := o.Err(); err != nil {
		return nil, err
	}
	c := &Clustering{}
	var err error
	if c.converter, err = fv.New(converter, ".converter"); err != nil {
		return nil, err
	}
	x, err := newMethod(name, parameter, distance)
	if err != nil {
		return nil, err
	}
	s, err := newStorage(compressor, name, compressorParameter)
	if err != nil {
		return nil, err
	}
	c.model = newModel(env.ID, env.Log, s, x)
	c.mixables = []engine.Mixable{c.model, c.converter.Weights()}
	return c, nil
}

// Handlers implements engine.Engine.
func (c *Clustering) Handlers() map[string]engine.Handler {
	return map[string]engine.Handler{
		"push":                      c.push,
		"get_revision":              c.getRevision,
		"get_core_members":          c.getCoreMembers(appendDatum),
		"get_core_members_light":    c.getCoreMembers(appendID),
		"get_k_center":              c.getCenters,
		"get_nearest_center":        c.getNearestCenter,
		"get_nearest_members":       c.getNearestMembers(appendDatum),
		"get_nearest_members_light": c.getNearestMembers(appendID),
		"clear":                     c.clear,
	}
}

// maxBatch bounds what the features of one call may take, in bytes.
const maxBatch = 1 << 30

var errTooLarge = errors.New("too many features in one call")

// scratch is the memory of one call.
type scratch struct {
	datum  datum.Datum
	vector fv.Vector
	points []*point
	batch  sparse.Batch
	key    []byte
}

func (c *Clustering) borrow() *scratch {
	if s, ok := c.scratch.Get().(*scratch); ok {
		return s
	}
	return &scratch{}
}

// giveBack keeps the memory for the next call, unless it is unusually large.
func (c *Clustering) giveBack(s *scratch) {
	const large = 1 << 20
	if s.batch.Size() > large || cap(s.points) > large/8 || s.vector.Len() > large/64 {
		return
	}
	clear(s.points)
	s.points = s.points[:0]
	s.batch.Reset()
	s.datum.Reset()
	c.scratch.Put(s)
}

// push adds a list of [id, datum]. All of them are converted before the first
// is added, so that one that cannot be converted leaves the points as they
// were.
func (c *Clustering) push(call *engine.Call) error {
	s := c.borrow()
	defer c.giveBack(s)
	check := call.Args
	n, err := check.ArrayHeader()
	if err != nil {
		return err
	}
	for range n {
		if _, err := s.decode(&check); err != nil {
			return err
		}
	}
	r := &call.Args
	if _, err := r.ArrayHeader(); err != nil {
		return err
	}
	for range n {
		if err := c.convert(r, s); err != nil {
			return err
		}
	}
	call.Acquire()
	for i, p := range s.points {
		p.vector = c.model.keys.Intern(&s.batch, i)
		c.model.add(p)
	}
	call.Out = mpack.AppendBool(call.Out, true)
	return nil
}

// convert reads a point and converts its datum.
func (c *Clustering) convert(r *mpack.Reader, s *scratch) error {
	id, err := s.decode(r)
	if err != nil {
		return err
	}
	if err := c.converter.ConvertUpdateSorted(&s.datum, &s.vector); err != nil {
		return err
	}
	s.batch.Add(&s.vector)
	if s.batch.Size() > maxBatch {
		return errTooLarge
	}
	s.key = s.datum.Append(s.key[:0])
	s.points = append(s.points, &point{id: string(id), weight: 1, datum: slices.Clone(s.key)})
	return nil
}

// decode reads an [id, datum], in which either may be missing.
func (s *scratch) decode(r *mpack.Reader) (id []byte, err error) {
	s.datum.Reset()
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, err
	}
	for i := range n {
		switch i {
		case 0:
			id, err = r.Raw()
		case 1:
			err = s.datum.Decode(r)
		default:
			err = r.Skip()
		}
		if err != nil {
			return nil, err
		}
	}
	return id, nil
}

func (c *Clustering) clear(call *engine.Call) error {
	call.Acquire()
	c.model.clear()
	c.converter.Weights().Clear()
	call.Out = mpack.AppendBool(call.Out, true)
	return nil
}

// Status implements engine.Engine. There is nothing to report.
func (c *Clustering) Status(func(key, value string)) {}

// Mixables implements engine.Engine.
func (c *Clustering) Mixables() []engine.Mixable { return c.mixables }
