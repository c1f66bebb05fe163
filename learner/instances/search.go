package instances

import "github.com/jubatus/jubatus-go/learner/knn"

// Search is the memory of a search, or of an addition. It can be used again
// and again, but not by two at a time. The zero Search is ready.
type Search struct {
	found     []Neighbor
	signature knn.Signature
	rows      []knn.Neighbor
}
