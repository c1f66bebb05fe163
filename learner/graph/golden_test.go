package graph

import (
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

const (
	golden   = "../testdata/golden"
	settings = `{"method": "graph_wo_index", "parameter": {"damping_factor": 0.75, "landmark_num": 5}}`
)

func build(t testing.TB, cfg string, cluster bool) engine.Engine {
	t.Helper()
	return goldentest.Build(t, New, cfg, goldentest.Env(cluster))
}

// recordedHomes are where the nodes of the recorded MIX lived. It was recorded with a
// ring on which one server can be both homes of a node.
func recordedHomes(_, key string) []int {
	switch key {
	case "1", "2", "8":
		return []int{0}
	case "3", "6":
		return []int{1}
	default:
		return []int{0, 1}
	}
}

// The sums over scores may differ in the last bits.
func TestGolden(t *testing.T) {
	goldentest.Suite{
		Factory: New, Folder: golden, Engine: "graph", Homes: recordedHomes,
		Tolerance: func(string) float64 { return 1e-13 },
	}.Run(t)
}
