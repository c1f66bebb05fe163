package clustering

import (
	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// appendMember is how a point is shown, behind its weight.
type appendMember func(b []byte, p *point) []byte

func appendDatum(b []byte, p *point) []byte { return append(b, p.datum...) }
func appendID(b []byte, p *point) []byte    { return mpack.AppendRaw(b, p.id) }

func appendMembers(b []byte, points []*point, show appendMember) []byte {
	b = mpack.AppendArrayHeader(b, len(points))
	for _, p := range points {
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendFloat64(b, p.weight)
		b = show(b, p)
	}
	return b
}

func (c *Clustering) getRevision(call *engine.Call) error {
	call.Acquire()
	call.Out = mpack.AppendUint(call.Out, c.model.revision)
	return nil
}

func (c *Clustering) getCoreMembers(show appendMember) engine.Handler {
	return func(call *engine.Call) error {
		call.Acquire()
		clusters, err := c.model.method.members(c.model)
		if err != nil {
			return err
		}
		call.Out = mpack.AppendArrayHeader(call.Out, len(clusters))
		for _, points := range clusters {
			call.Out = appendMembers(call.Out, points, show)
		}
		return nil
	}
}

func (c *Clustering) getCenters(call *engine.Call) error {
	s := c.borrow()
	defer c.giveBack(s)
	call.Acquire()
	centers, err := c.model.method.centers()
	if err != nil {
		return err
	}
	call.Out = mpack.AppendArrayHeader(call.Out, len(centers))
	for _, v := range centers {
		call.Out = c.appendCenter(call.Out, v, s)
	}
	return nil
}

// appendCenter appends what can be told of a centre as a datum.
func (c *Clustering) appendCenter(b []byte, v sparse.Vector, s *scratch) []byte {
	s.vector.Reset()
	for i, key := range v.Keys {
		s.key = append(s.key[:0], c.model.keys.Name(key)...)
		s.vector.Append(s.key, v.Values[i])
	}
	c.converter.Revert(&s.vector, &s.datum)
	return s.datum.Append(b)
}

// ask decodes and converts the datum of a question.
func (c *Clustering) ask(call *engine.Call, s *scratch) error {
	if err := s.datum.Decode(&call.Args); err != nil {
		return err
	}
	if err := c.converter.ConvertSorted(&s.datum, &s.vector); err != nil {
		return err
	}
	return nil
}

func (c *Clustering) getNearestCenter(call *engine.Call) error {
	s := c.borrow()
	defer c.giveBack(s)
	if err := c.ask(call, s); err != nil {
		return err
	}
	call.Acquire()
	center, err := c.model.method.nearestCenter(c.model, &s.vector)
	if err != nil {
		return err
	}
	call.Out = c.appendCenter(call.Out, center, s)
	return nil
}

func (c *Clustering) getNearestMembers(show appendMember) engine.Handler {
	return func(call *engine.Call) error {
		s := c.borrow()
		defer c.giveBack(s)
		if err := c.ask(call, s); err != nil {
			return err
		}
		call.Acquire()
		i, err := c.model.method.nearestCluster(c.model, &s.vector)
		if err != nil {
			return err
		}
		clusters, err := c.model.method.members(c.model)
		if err != nil {
			return err
		}
		call.Out = appendMembers(call.Out, clusters[i], show)
		return nil
	}
}
