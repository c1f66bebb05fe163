package regression

import (
	"fmt"
	"math"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/learner/instances/instancestest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// neighbourly is instancestest.Config with a plain converter.
func neighbourly(method, members string) string {
	return instancestest.Config(method, members, plainConverter)
}

func TestVotes(t *testing.T) {
	for _, c := range []struct {
		weight string
		x      float64
		want   float64
	}{
		{"uniform", 1, 2},         // the nearest two are 1 and 3
		{"distance", 1, 1},        // there is one at no distance
		{"distance", 1.5, 1.5},    // 1/0.5 for 1, 1/1.5 for 3
		{"distance", 5, 23.0 / 5}, // 1/2 for 3 and 1/3 for 7
	} {
		e := build(t, neighbourly("euclidean", fmt.Sprintf(`"nearest_neighbor_num":2,"weight":%q`, c.weight)), false)
		b := newBare(e)
		for _, x := range []float64{1, 3, 8} {
			target := x
			if x == 8 {
				target = 7
			}
			b.train(t, target, nums("x", x))
		}
		if got := b.estimate(t, nums("x", c.x)); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s at %v: %v, want %v", c.weight, c.x, got, c.want)
		}
	}
}

// The mean of those that the unlearner has left.
func TestUnlearning(t *testing.T) {
	e := build(t, neighbourly("lsh", `"nearest_neighbor_num":10,"unlearner":"lru","unlearner_parameter":{"max_size":3}`), false)
	b := newBare(e)
	for i, want := range []float64{1, 1.5, 2.3333333333333335, 4.666666666666667, 9.333333333333334, 18.666666666666668} {
		b.train(t, math.Exp2(float64(i)), nums("f", 1.0))
		if got := b.estimate(t, nums("f", 1.0)); got != want {
			t.Errorf("after %d: %v, want %v", i+1, got, want)
		}
	}
	n := e.(*Regression).method.(*neighbours)
	if n.targets.Len() != 3 {
		t.Errorf("%d targets are left", n.targets.Len())
	}
}

// Every vector has its target and no target is left alone, whatever the nodes
// forget while they share.
func TestTargetsFollowVectors(t *testing.T) {
	var engines []engine.Engine
	for i := range 2 {
		env := goldentest.Env(true)
		env.ID = fmt.Sprintf("127.0.0.%d_9199", i+1)
		e := goldentest.Build(t, New, neighbourly("euclid_lsh",
			`"nearest_neighbor_num":3,"unlearner":"lru","unlearner_parameter":{"max_size":3}`), env)
		for j := range 5 {
			newBare(e).train(t, float64(j), nums("f", float64(j)+0.5))
		}
		engines = append(engines, e)
	}
	for range 3 {
		if ok, err := goldentest.Mix(engines...); err != nil || !ok {
			t.Fatal(ok, err)
		}
		for i, e := range engines {
			n := e.(*Regression).method.(*neighbours)
			vectors := 0
			for id := range n.vectors.IDs {
				vectors++
				if _, ok := n.targets.Find(id); !ok {
					t.Errorf("node %d has no target for %s", i, id)
				}
			}
			if vectors > 3 || n.targets.Len() != vectors {
				t.Errorf("node %d has %d vectors and %d targets", i, vectors, n.targets.Len())
			}
		}
		newBare(engines[0]).train(t, 7, nums("f", 7.0))
	}
}

// All that was learned is estimated everywhere after a mix.
func TestNeighboursMix(t *testing.T) {
	for _, method := range []string{"lsh", "minhash", "euclid_lsh", "cosine", "euclidean"} {
		var engines []engine.Engine
		for i := range 2 {
			env := goldentest.Env(true)
			env.ID = fmt.Sprintf("127.0.0.%d_9199", i+1)
			e := goldentest.Build(t, New, neighbourly(method, `"nearest_neighbor_num":1`), env)
			newBare(e).train(t, float64(i)+3, nums([]string{"f", "g"}[i], 1.0))
			engines = append(engines, e)
		}
		if ok, err := goldentest.Mix(engines...); err != nil || !ok {
			t.Fatal(ok, err)
		}
		for i, e := range engines {
			b := newBare(e)
			if method != "minhash" { // which sees but one bit of a feature
				f, g := b.estimate(t, nums("f", 1.0)), b.estimate(t, nums("g", 1.0))
				if f != 3 || g != 4 {
					t.Errorf("%s: node %d estimates %v and %v", method, i, f, g)
				}
			}
			model := e.Pack(nil)
			for n := range model {
				r := mpack.NewReader(model[:n])
				if _, err := e.Unpack(&r, engine.FromFile); err == nil {
					t.Fatalf("%s: the first %d bytes of %d are a model", method, n, len(model))
				}
			}
		}
	}
}

// A thousand data of 64 numbers are known.
func BenchmarkNeighbours(b *testing.B) {
	for _, method := range []string{"lsh", "euclid_lsh", "cosine", "euclidean"} {
		for _, call := range []string{"train", "estimate"} {
			b.Run(method+"/"+call, func(b *testing.B) {
				benchmark(b, neighbourly(method, `"nearest_neighbor_num":3`), false, call, 1)
			})
		}
	}
}
