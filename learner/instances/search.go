package instances

import (
	"github.com/jubatus/jubatus-go/learner/knn"
	"github.com/jubatus/jubatus-go/learner/storage/inverted"
)

// Search is the memory of a search, or of an addition. It can be used again
// and again, but not by two at a time. The zero Search is ready.
type Search struct {
	found     []Neighbor
	signature knn.Signature // the next two are of tables
	rows      []knn.Neighbor
	matches   []inverted.Neighbor // of indexes
}
