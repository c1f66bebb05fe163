package bitindex

import (
	"fmt"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Pack appends both halves: [{id: [bits, raw]} master, the same of the diff],
// where removed rows have no bits.
func (x *Index) Pack(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 2)
	return x.AppendDiff(x.AppendMaster(b))
}

// Unpack reads what Pack wrote, without touching the index, and returns what
// makes it the contents. The diff of a peer is left out. Elements missing at
// the end are empty.
func (x *Index) Unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	c := x.NewContent()
	n, err := r.ArrayHeader()
	for i := 0; i < n && err == nil; i++ {
		switch {
		case i == 0:
			err = c.ReadMaster(r)
		case i == 1 && from != engine.FromPeer:
			err = c.ReadDiff(r)
		default:
			err = r.Skip()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("unpacking signatures: %w", err)
	}
	return func() { x.Replace(c) }, nil
}
