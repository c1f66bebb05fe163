package graph

import (
	"errors"
	"strconv"

	"github.com/jubatus/jubatus-go/learner/ids"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// errBadID is a node id without a number. It is no argument error, despite its
// text: clients get it as text.
var errBadID = errors.New("std::bad_cast")

// parseID reads the number that a node id begins with.
func parseID(text []byte) (uint64, error) {
	id, ok := ids.Number(text)
	if !ok {
		return 0, errBadID
	}
	return id, nil
}

// appendID appends a node id as text.
func appendID(b []byte, id uint64) []byte {
	var room [20]byte
	return mpack.AppendRaw(b, strconv.AppendUint(room[:0], id, 10))
}

// wireEdge is an edge as it travels. Members that are missing are empty.
type wireEdge struct {
	properties     properties
	source, target []byte
}

func decodeEdge(r *mpack.Reader) (e wireEdge, err error) {
	n, err := r.ArrayHeader()
	for i := 0; i < n && err == nil; i++ {
		switch i {
		case 0:
			e.properties, err = decodeProperties(r)
		case 1:
			e.source, err = r.Raw()
		case 2:
			e.target, err = r.Raw()
		default:
			err = r.Skip()
		}
	}
	return e, err
}

// ends are the ids of the nodes that the edge joins.
func (e *wireEdge) ends() (source, target uint64, err error) {
	if source, err = parseID(e.source); err == nil {
		target, err = parseID(e.target)
	}
	return source, target, err
}

func packEdge(b []byte, e *edge) []byte {
	b = mpack.AppendArrayHeader(b, 3)
	b = e.properties.pack(b)
	b = appendID(b, e.source)
	return appendID(b, e.target)
}
