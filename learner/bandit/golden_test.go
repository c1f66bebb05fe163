package bandit

import (
	"testing"

	"github.com/jubatus/jubatus-go/learner/goldentest"
)

const golden = "../testdata/golden"

func TestGolden(t *testing.T) {
	goldentest.Suite{
		Factory: New, Folder: golden, Engine: "bandit",
		Tolerance: func(string) float64 { return 1e-14 }, // for exponentials
	}.Run(t)
}
