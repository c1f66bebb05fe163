package burst

import (
	"testing"

	"github.com/jubatus/jubatus-go/learner/goldentest"
)

const golden = "../testdata/golden"

// All numbers are the original's, to the last bit.
func TestGolden(t *testing.T) {
	goldentest.Suite{
		Factory: New, Folder: golden, Engine: "burst",
		// The ring had named the second of the recorded nodes twice.
		Homes: func(string, string) []int { return []int{1} },
	}.Run(t)
}
