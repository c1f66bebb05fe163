package clustering

import (
	"slices"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

const golden = "../testdata/golden"

// tolerance is nothing where only sums, products and roots decide, in an order
// that is known; mixtures are solved in another order than the original's.
func tolerance(name string) float64 {
	switch {
	case strings.Contains(name, "gmm"):
		return 1e-9
	case strings.Contains(name, "default"):
		return 1e-12 // idf: a logarithm
	default:
		return 0
	}
}

func TestGolden(t *testing.T) {
	goldentest.Suite{
		Factory: New, Folder: golden, Engine: "clustering",
		Skip:      func(name string) bool { return name == forgetful },
		Tolerance: tolerance, Joined: true, Named: []string{"127.0.0.1_29798", "127.0.0.1_29799"},
	}.Run(t)
}

// forgetful is a recording in which the original forgets, when it loads a
// model, that distances are measured by cosine.
const forgetful = "clustering-small-dbscan-cosine"

// Everything up to there is as recorded; after it the clusters are those that
// the model was saved with, with the points that came in between.
func TestCosineOutlivesLoad(t *testing.T) {
	x := goldentest.Read(t, golden+"/"+forgetful+".json")
	last := len(x.Calls) - 1
	if c := x.Calls[last]; c.Method != "get_core_members_light" || !c.HasError || x.Calls[last-3].Method != "load" {
		t.Fatal("the recording is another one")
	}
	call := goldentest.InProcess(build(t, string(x.Config), false))
	goldentest.Replay(t, x.Calls[:last], call, goldentest.Options{Skip: goldentest.ServerOnly})
	answer, err := call("get_core_members_light", mpack.AppendArrayHeader(nil, 0))
	if err != nil {
		t.Fatal(err)
	}
	before, after := x.Calls[last-18].Result.(goldentest.List), decodeMembers(t, answer)
	if len(before) < 2 {
		t.Fatal("the recording has too few clusters to tell")
	}
	for _, cluster := range before {
		whole := slices.ContainsFunc(after, func(m members) bool {
			for _, x := range cluster.(goldentest.List) {
				if !slices.Contains(m.ids(), x.(goldentest.List)[1].(string)) {
					return false
				}
			}
			return true
		})
		if !whole {
			t.Errorf("cluster %s is none any more", goldentest.Show(cluster))
		}
	}
}
