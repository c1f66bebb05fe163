package stat

import (
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

const golden = "../testdata/golden"

// tolerance allows for logarithms and sums in another order.
const tolerance = 1e-12

func TestGolden(t *testing.T) {
	goldentest.Suite{
		Factory: New, Folder: golden, Engine: "stat",
		Tolerance: func(string) float64 { return tolerance },
		// Models hold times; see below.
		AskOnly: func(string) bool { return true },
	}.Run(t)
}

// Models are packed as the original does, but for the times.
func TestModelLayout(t *testing.T) {
	x := goldentest.ReadModel(t, golden+"/models/stat.model.json")
	e := goldentest.Build(t, New, string(x.ConfigText), goldentest.Env(false))
	goldentest.Replay(t, x.Fed, goldentest.InProcess(e), goldentest.Options{})
	goldentest.SameObject(t, "model", timeless(t, x.Model), timeless(t, e.Pack(nil)), goldentest.AsIs, tolerance)

	again := goldentest.Build(t, New, string(x.ConfigText), goldentest.Env(false))
	goldentest.Load(t, again, x.Model, engine.FromFile)
	goldentest.SameObject(t, "model loaded and packed", x.Model, again.Pack(nil), goldentest.AsIs, 0)
}

// timeless is a model whose values were all pushed at the same time.
func timeless(t *testing.T, model []byte) []byte {
	t.Helper()
	v, err := goldentest.Decode(model)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range v.(goldentest.List)[1].(goldentest.List) {
		e.(goldentest.List)[0] = int64(0)
	}
	return goldentest.Append(nil, v)
}
