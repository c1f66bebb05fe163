package classifier

import (
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

const golden = "../testdata/golden"

func env(cluster bool) engine.Env { return goldentest.Env(cluster) }

func build(t testing.TB, cfg string, cluster bool) engine.Engine {
	t.Helper()
	return goldentest.Build(t, New, cfg, goldentest.Env(cluster))
}

// neighbours are the recordings of methods that look for neighbours.
func neighbours(name string) bool {
	for _, m := range []string{"-nn", "-NN", "-cosine", "-euclidean"} {
		if strings.Contains(name, m) {
			return true
		}
	}
	return false
}

// tolerance allows for a logarithm where there is one.
func tolerance(name string) float64 {
	for _, m := range []string{"default", "idf"} {
		if strings.Contains(name, m) {
			return 1e-12
		}
	}
	return 0
}

func TestGolden(t *testing.T) {
	goldentest.Suite{
		Factory: New, Folder: golden, Engine: "classifier",
		Skip: neighbours, Tolerance: tolerance, DiffOrder: goldentest.Set, Joined: true,
	}.Run(t)
}

func mix(t testing.TB, engines []engine.Engine) {
	t.Helper()
	if ok, err := goldentest.Mix(engines...); err != nil || !ok {
		t.Fatalf("mixed: %v, %v", ok, err)
	}
}
