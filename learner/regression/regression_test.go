package regression

import (
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWire(t *testing.T) {
	call := goldentest.InProcess(build(t, paConfig, false))
	for _, c := range []struct{ method, params, result string }{
		{"estimate", "91 90", "90"},
		{"estimate", "91 92 90 93 90 91 92 a178 01 90", "92 cb0000000000000000 cb0000000000000000"},
		{"train", "91 91 92 02 93 90 91 92 a178 01 90", "01"}, // integers are numbers
		{"estimate", "91 91 92 90 91 92 a178 02", "91 cb4010000000000000"},
		{"train", "91 90", "00"},
		{"train", "91 91 90", "01"},             // the target 0 and an empty datum
		{"train", "91 91 91 ca3f800000", "01"},  // a datum that is missing is empty
		{"train", "91 91 94 01 90 c0 c0", "01"}, // what is too much is ignored
		{"train", "92 90 c0", "00"},             // also whole arguments
		{"clear", "90", "c3"},
		{"estimate", "91 91 92 90 91 92 a178 02", "91 cb0000000000000000"},
	} {
		got, err := call(c.method, unhex(t, c.params))
		if want := strings.ReplaceAll(c.result, " ", ""); err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s %s: %x, %v, want %s", c.method, c.params, got, err, want)
		}
	}
}

func TestArgumentErrors(t *testing.T) {
	e := build(t, paConfig, false)
	call := goldentest.InProcess(e)
	for method, list := range map[string][]string{
		"train": {"90", "91c0", "9180", "91 91 c0", "91 91 92 a131 90", "91 91 92 c3 90", "91 91 92 c0 90",
			"91 92 92 01 90 92 a0 90", "91 91 92 01 80", "91 91 92 01 93 90 91 92 a178 a131 90"},
		"estimate": {"90", "91c0", "91 91 c0", "91 92 90 80"},
	} {
		for _, text := range list {
			if got, err := call(method, unhex(t, text)); err != goldentest.BadArgument {
				t.Errorf("%s %s: %x, %v", method, text, got, err)
			}
		}
	}
	if n := table(e).targets.n; n != 0 {
		t.Errorf("%v targets were taken in", n)
	}
}

func TestStatus(t *testing.T) {
	for cluster, want := range map[bool]map[string]string{
		false: {"num_features": "2", "num_classes": "1", "storage": "local_storage"},
		true: {"num_features": "2", "num_classes": "1", "storage": "local_storage_mixture",
			"num_features_diff": "2", "model_version": "0"},
	} {
		e := build(t, arowConfig, cluster)
		newBare(e).train(t, 3, nums("f", 1.0, "g", 1.0))
		got := map[string]string{}
		e.Status(func(k, v string) { got[k] = v })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("cluster %v: %s", cluster, diff)
		}
	}
}

// naive is regression as it is written down, with maps.
type naive struct {
	method          string
	weights, shrunk map[string]float64
	n, sum, squares float64
	c, s            float64
}

func (m *naive) variance(key string) float64 {
	if v, ok := m.shrunk[key]; ok {
		return v
	}
	return 1
}

func (m *naive) estimate(d *datum.Datum) float64 {
	sum := 0.0
	for _, x := range d.Nums {
		sum += m.weights[string(x.Key)] * x.Value
	}
	return sum
}

func (m *naive) train(y float64, d *datum.Datum) {
	e := y - m.estimate(d)
	g := 1.0
	if e <= 0 {
		g = -1
	}
	norm, variance := 0.0, 0.0
	for _, x := range d.Nums {
		norm += x.Value * x.Value
		variance += m.variance(string(x.Key)) * x.Value * x.Value
	}
	if m.method[0] == 'P' {
		m.n, m.sum, m.squares = m.n+1, m.sum+y, m.squares+y*y
		loss := g*e - m.s*math.Sqrt(max(0, m.squares/m.n-math.Pow(m.sum/m.n, 2)))
		tau := loss / norm
		if m.method == "PA1" {
			tau = min(m.c, tau)
		}
		if loss <= 0 || norm == 0 {
			return
		}
		for _, x := range d.Nums {
			m.weights[string(x.Key)] += g * tau * x.Value
		}
		return
	}
	loss := g*e - m.s
	if loss <= 0 || norm == 0 {
		return
	}
	b := 1 - 2*m.c*g*e
	gamma := (-b + math.Sqrt(b*b+8*m.c*(g*e+m.c*variance))) / (4 * m.c * variance)
	for _, x := range d.Nums {
		key, v := string(x.Key), m.variance(string(x.Key))
		switch m.method {
		case "CW":
			m.weights[key] += g * gamma * v * x.Value
			m.shrunk[key] = 1 / (1/v + 2*gamma*x.Value*x.Value*m.c)
		case "AROW":
			beta := 1 / (variance + 1/m.c)
			m.weights[key] += g * loss * beta * v * x.Value
			m.shrunk[key] = v - beta*v*v*x.Value*x.Value
		case "NHERD":
			m.weights[key] += g * loss * x.Value * v / (variance + 1/m.c)
			m.shrunk[key] = 1 / (1/v + (2*m.c+m.c*m.c*variance)*x.Value*x.Value)
		}
	}
}

// Whatever is learned in whatever order, alone or with mixes of one in
// between, the estimates are those of the formulas.
func TestEqualsNaive(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		method := rapid.SampledFrom([]string{"PA", "PA1", "PA2", "CW", "AROW", "NHERD"}).Draw(rt, "method")
		cluster := rapid.Bool().Draw(rt, "cluster")
		// Both parameters are exact in single precision.
		cfg := strings.NewReplacer("0.1", "0.25").Replace(workedConfig(method))
		e := build(t, cfg, cluster)
		b := newBare(e)
		m := &naive{method: method, weights: map[string]float64{}, shrunk: map[string]float64{}, c: 1, s: 0.25}
		if method == "PA1" {
			m.c = 0.25
		}
		draw := func() *datum.Datum {
			d := &datum.Datum{}
			for range rapid.IntRange(0, 4).Draw(rt, "features") {
				key := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(rt, "key")
				if x := rapid.IntRange(-3, 3).Draw(rt, "x"); x != 0 {
					d.AddNum(key, float64(x))
				}
			}
			return d
		}
		for range rapid.IntRange(0, 12).Draw(rt, "steps") {
			d := draw()
			y := float64(rapid.IntRange(-4, 4).Draw(rt, "y")) + 0.125
			b.train(t, y, d)
			m.train(y, d)
			if cluster && rapid.IntRange(0, 3).Draw(rt, "mix") == 0 {
				if ok, err := goldentest.Mix(e); err != nil || !ok {
					rt.Fatal(ok, err)
				}
			}
		}
		d := draw()
		got, want := b.estimate(t, d), m.estimate(d)
		if math.Abs(got-want) > 1e-6*max(1, math.Abs(want)) {
			rt.Fatalf("%s estimates %v, want %v", method, got, want)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	for _, cfg := range models {
		e := build(f, cfg, false)
		b := newBare(e)
		b.train(f, 1, nums("f", 1.0, "g", 1.0))
		b.train(f, 2, nums("f", 1.0))
		f.Add(e.Pack(nil))
	}
	f.Fuzz(func(t *testing.T, model []byte) {
		for _, cfg := range models {
			e := build(t, cfg, true)
			r := mpack.NewReader(model)
			commit, err := e.Unpack(&r, engine.FromFile)
			if err != nil {
				continue
			}
			commit()
			b := newBare(e)
			b.train(t, 1, nums("f", 1.0))
			b.estimate(t, nums("f", 1.0))
			goldentest.Diff(e)
			e.Pack(nil)
		}
	})
}

// models are configurations of every kind of model.
var models = []string{
	arowConfig,
	neighbourly("euclid_lsh", `"nearest_neighbor_num":3,"weight":"distance"`),
	neighbourly("lsh", `"nearest_neighbor_num":3,"unlearner":"lru","unlearner_parameter":{"max_size":3}`),
	neighbourly("cosine", `"nearest_neighbor_num":3`),
}
