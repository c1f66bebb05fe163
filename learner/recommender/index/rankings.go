package index

import (
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/storage/inverted"
)

// Rankings returns rankings of the rows by their originals that are kept up to
// date as rows come, for who asks for many of them; nil if the method, or its
// unlearner, does not allow for that. Their numbers of rows are the index's.
func (x *Index) Rankings(limit int) *inverted.Rankings {
	m, ok := x.method.(*exactEuclid)
	if !ok || m.which != inverted.AllRows || x.unlearner != nil {
		return nil
	}
	return inverted.NewRankings(m.rows, limit, func(id string, v *fv.Vector) {
		x.originals.Vector([]byte(id), v)
	})
}
