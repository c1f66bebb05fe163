package classifier

import (
	"slices"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/learner/instances/instancestest"
)

const golden = "../testdata/golden"

func env(cluster bool) engine.Env { return goldentest.Env(cluster) }

func build(t testing.TB, cfg string, cluster bool) engine.Engine {
	t.Helper()
	return goldentest.Build(t, New, cfg, goldentest.Env(cluster))
}

// tolerance allows for a logarithm or an exponential where there is one.
func tolerance(name string) float64 {
	for _, m := range append(slices.Clone(neighbourhoods), "default", "idf") {
		if strings.Contains(name, "-"+m) {
			return 1e-12
		}
	}
	return 0
}

// neighbourhoods are the methods that look for neighbours.
var neighbourhoods = []string{"nn", "NN", "cosine", "euclidean"}

func TestGolden(t *testing.T) {
	goldentest.Suite{
		Factory: New, Folder: golden, Engine: "classifier",
		Tolerance: tolerance, DiffOrder: goldentest.Set, Joined: true,
		// Recorded rows have no owner.
		Named: []string{"", ""},
		Repeat: func(t *testing.T, e engine.Engine, outcome []byte) {
			switch m := e.(*Classifier).method.(type) {
			case *hashed:
				instancestest.Repeat(t, m.vectors, outcome)
			case *exact:
				instancestest.Repeat(t, m.vectors, outcome)
			}
		},
	}.Run(t)
}

func mix(t testing.TB, engines []engine.Engine) {
	t.Helper()
	if ok, err := goldentest.Mix(engines...); err != nil || !ok {
		t.Fatalf("mixed: %v, %v", ok, err)
	}
}
