package regression

import (
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

const golden = "../testdata/golden"

func build(t testing.TB, cfg string, cluster bool) engine.Engine {
	t.Helper()
	return goldentest.Build(t, New, cfg, goldentest.Env(cluster))
}

func neighbours(name string) bool {
	for _, m := range []string{"nn", "NN", "cosine", "euclidean"} {
		if strings.Contains(name, "-"+m) {
			return true
		}
	}
	return false
}

// tolerance allows for a logarithm where there is one.
func tolerance(name string) float64 {
	if strings.Contains(name, "default") {
		return 1e-12
	}
	return 0
}

func TestGolden(t *testing.T) {
	goldentest.Suite{
		Factory: New, Folder: golden, Engine: "regression",
		Skip: neighbours, Tolerance: tolerance, DiffOrder: goldentest.Set, Joined: true,
	}.Run(t)
}
