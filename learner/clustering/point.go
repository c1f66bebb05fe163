package clustering

import (
	"slices"
	"sync/atomic"

	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// point is a datum with its feature vector. Apart from seat it is not changed
// once it is stored.
type point struct {
	id     string
	weight float64
	vector sparse.Vector
	datum  []byte // its wire form

	// seat is the cluster that the point is in, and the run that made the
	// clusters; readers that share the model write it when they have found
	// out, all of them the same.
	seat uint64
}

// emptyDatum is the wire form of a datum without values.
var emptyDatum = (&datum.Datum{}).Append(nil)

// weighing is a copy of the point with another weight.
func (p *point) weighing(w float64) *point {
	return &point{id: p.id, weight: w, vector: p.vector, datum: p.datum}
}

// cluster returns the cluster that the point is in since that run, as find
// tells the first time.
func (p *point) cluster(run uint32, find func(sparse.Vector) int) int {
	if seat := atomic.LoadUint64(&p.seat); uint32(seat>>32) == run {
		return int(uint32(seat))
	}
	i := find(p.vector)
	atomic.StoreUint64(&p.seat, uint64(run)<<32|uint64(uint32(i)))
	return i
}

// appendPoint appends [id, weight, [[feature, value]…], datum].
func appendPoint(b []byte, p *point, k *sparse.Keys) []byte {
	b = mpack.AppendArrayHeader(b, 4)
	b = mpack.AppendRaw(b, p.id)
	b = mpack.AppendFloat64(b, p.weight)
	b = mpack.AppendArrayHeader(b, len(p.vector.Keys))
	for i, key := range p.vector.Keys {
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendRaw(b, k.Name(key))
		b = mpack.AppendFloat64(b, p.vector.Values[i])
	}
	return append(b, p.datum...)
}

func appendPoints(b []byte, points []*point, k *sparse.Keys) []byte {
	b = mpack.AppendArrayHeader(b, len(points))
	for _, p := range points {
		b = appendPoint(b, p, k)
	}
	return b
}

// pointReader reads points and interns their features. Without keys it only
// looks whether they are sound.
type pointReader struct {
	keys   *sparse.Keys
	batch  sparse.Batch
	names  [][]byte
	values []float64
	datum  datum.Datum
}

// points reads a list of points; nil without keys.
func (x *pointReader) points(r *mpack.Reader) ([]*point, error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, err
	}
	var points []*point
	for range n {
		p, err := x.point(r)
		if err != nil {
			return nil, err
		}
		if p != nil {
			points = append(points, p)
		}
	}
	return points, nil
}

// point reads a point; what is missing at its end is empty.
func (x *pointReader) point(r *mpack.Reader) (*point, error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, err
	}
	var id []byte
	weight := 0.0
	x.names, x.values = x.names[:0], x.values[:0]
	x.datum.Reset()
	for i := range n {
		switch i {
		case 0:
			id, err = r.Raw()
		case 1:
			weight, err = r.Float64()
		case 2:
			err = x.features(r)
		case 3:
			err = x.datum.Decode(r)
		default:
			err = r.Skip()
		}
		if err != nil {
			return nil, err
		}
	}
	if x.keys == nil {
		return nil, nil
	}
	x.batch.Reset()
	x.batch.AddUnsorted(x.names, x.values)
	return &point{id: string(id), weight: weight, vector: x.keys.Intern(&x.batch, 0), datum: slices.Clip(x.datum.Append(nil))}, nil
}

func (x *pointReader) features(r *mpack.Reader) error {
	n, err := r.ArrayHeader()
	if err != nil {
		return err
	}
	for range n {
		if err := r.Tuple(2); err != nil {
			return err
		}
		name, err := r.Raw()
		if err != nil {
			return err
		}
		value, err := r.Float64()
		if err != nil {
			return err
		}
		x.names, x.values = append(x.names, name), append(x.values, value)
	}
	return nil
}

// group is the points of one server.
type group struct {
	server string
	points []*point
}

// groups reads [[server, points]…]; what is missing at the end of an entry is
// empty. Servers that repeat are one.
func (x *pointReader) groups(r *mpack.Reader) ([]group, error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, err
	}
	var groups []group
	at := map[string]int{}
	for range n {
		m, err := r.ArrayHeader()
		if err != nil {
			return nil, err
		}
		var server []byte
		var points []*point
		for i := range m {
			switch i {
			case 0:
				server, err = r.Raw()
			case 1:
				points, err = x.points(r)
			default:
				err = r.Skip()
			}
			if err != nil {
				return nil, err
			}
		}
		if x.keys == nil {
			continue
		}
		if i, ok := at[string(server)]; ok {
			groups[i].points = append(groups[i].points, points...)
			continue
		}
		at[string(server)] = len(groups)
		groups = append(groups, group{string(server), points})
	}
	return groups, nil
}

func appendGroups(b []byte, groups []group, k *sparse.Keys) []byte {
	b = mpack.AppendArrayHeader(b, len(groups))
	for _, g := range groups {
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendRaw(b, g.server)
		b = appendPoints(b, g.points, k)
	}
	return b
}
