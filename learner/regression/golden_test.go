package regression

import (
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/learner/instances/instancestest"
)

const golden = "../testdata/golden"

func build(t testing.TB, cfg string, cluster bool) engine.Engine {
	t.Helper()
	return goldentest.Build(t, New, cfg, goldentest.Env(cluster))
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
		Tolerance: tolerance, DiffOrder: goldentest.Set, Joined: true,
		// Recorded rows have no owner.
		Named: []string{"", ""},
		Repeat: func(t *testing.T, e engine.Engine, outcome []byte) {
			if m, ok := e.(*Regression).method.(*neighbours); ok {
				instancestest.Repeat(t, m.vectors, outcome)
			}
		},
	}.Run(t)
}
