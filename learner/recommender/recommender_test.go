package recommender

import (
	"testing"

	"github.com/jubatus/jubatus-go/learner/goldentest"
)

func TestGolden(t *testing.T) {
	goldentest.Suite{
		Factory: New, Folder: "../testdata/golden", Engine: "recommender", Owners: true, Joined: true,
		Prepare: goldentest.ByName,
		Tolerance: func(name string) float64 {
			// Bigrams come in the order of a hash table, and are summed up so.
			if name == "recommender-default" {
				return 1e-14
			}
			return 0
		},
	}.Run(t)
}
