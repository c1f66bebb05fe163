package classifier

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

const golden = "../testdata/golden"

func env(cluster bool) engine.Env {
	return engine.Env{
		ID: "127.0.0.1_9199", Cluster: cluster, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Unix(1500000000, 0) },
	}
}

func build(t testing.TB, cfg string, cluster bool) engine.Engine {
	t.Helper()
	v, err := config.Parse([]byte(cfg))
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(v, env(cluster))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// neighbours are the recordings of methods that look for neighbours.
func neighbours(path string) bool {
	for _, m := range []string{"-nn", "-NN", "-cosine", "-euclidean"} {
		if strings.Contains(filepath.Base(path), m) {
			return true
		}
	}
	return false
}

func tolerance(path string) float64 {
	for _, m := range []string{"default", "idf"} {
		if strings.Contains(filepath.Base(path), m) {
			return 1e-12 // a logarithm is in there
		}
	}
	return 0
}

func TestTranscripts(t *testing.T) {
	for _, path := range goldentest.Glob(t, golden+"/classifier-*.json") {
		if neighbours(path) {
			continue
		}
		x := goldentest.Read(t, path)
		t.Run(x.Name, func(t *testing.T) {
			goldentest.Replay(t, x.Calls, goldentest.InProcess(build(t, string(x.Config), false)),
				goldentest.Options{Tolerance: tolerance(path), Skip: goldentest.ServerOnly})
		})
	}
}

// A node of a cluster that has never mixed gives the same answers.
func TestTranscriptsInCluster(t *testing.T) {
	for _, path := range goldentest.Glob(t, golden+"/classifier-*.json") {
		if neighbours(path) {
			continue
		}
		x := goldentest.Read(t, path)
		t.Run(x.Name, func(t *testing.T) {
			goldentest.Replay(t, x.Calls, goldentest.InProcess(build(t, string(x.Config), true)),
				goldentest.Options{Tolerance: tolerance(path), Skip: goldentest.ServerOnly})
		})
	}
}

func TestModels(t *testing.T) {
	for _, path := range goldentest.Glob(t, golden+"/models/classifier-*.model.json") {
		if neighbours(path) {
			continue
		}
		x := goldentest.ReadModel(t, path)
		o := goldentest.Options{Tolerance: tolerance(path), Skip: goldentest.ServerOnly}
		t.Run(x.Name, func(t *testing.T) {
			e := build(t, string(x.ConfigText), false)
			load(t, e, x.Model, engine.FromFile)
			goldentest.Replay(t, x.AskedAfterLoad, goldentest.InProcess(e), o)

			again := build(t, string(x.ConfigText), false)
			goldentest.Replay(t, x.Fed, goldentest.InProcess(again), o)
			sameObject(t, "packed model", x.Model, again.Pack(nil), goldentest.AsIs, o.Tolerance)

			cluster := build(t, string(x.ConfigText), true)
			load(t, cluster, again.Pack(nil), engine.FromFile)
			goldentest.Replay(t, x.AskedAfterLoad, goldentest.InProcess(cluster), o)
		})
	}
}

func load(t testing.TB, e engine.Engine, model []byte, from engine.Source) {
	t.Helper()
	r := mpack.NewReader(model)
	commit, err := e.Unpack(&r, from)
	if err != nil {
		t.Fatal(err)
	}
	commit()
}

func sameObject(t testing.TB, what string, want, got []byte, order goldentest.Order, tolerance float64) {
	t.Helper()
	w, err := goldentest.Decode(want)
	if err != nil {
		t.Fatal(err)
	}
	g, err := goldentest.Decode(got)
	if err != nil {
		t.Fatal(err)
	}
	if err := goldentest.Compare(w, g, order, tolerance); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func TestMixes(t *testing.T) {
	for _, path := range goldentest.Glob(t, golden+"/mix/classifier-*.mix.json") {
		if neighbours(path) {
			continue
		}
		x := goldentest.ReadMix(t, path)
		o := goldentest.Options{Tolerance: tolerance(path), Skip: goldentest.ServerOnly}
		t.Run(x.Name, func(t *testing.T) {
			var engines []engine.Engine
			for range x.Nodes {
				engines = append(engines, build(t, string(x.Config), true))
			}
			// There is a mix whenever a node joins.
			for range x.Nodes {
				mix(t, engines)
			}
			for i, n := range x.Nodes {
				call := goldentest.InProcess(engines[i])
				goldentest.Replay(t, n.Fed, call, o)
				goldentest.Replay(t, n.Before, call, o)
				sameObject(t, "diff", n.Diff, goldentest.Diff(engines[i]), goldentest.Set, o.Tolerance)
			}
			mix(t, engines)
			for i, n := range x.Nodes {
				goldentest.Replay(t, n.After, goldentest.InProcess(engines[i]), o)
				if n.ModelAfter != nil {
					sameObject(t, "model", n.ModelAfter, engines[i].Pack(nil), goldentest.AsIs, o.Tolerance)
				}
			}
		})
	}
}

func mix(t testing.TB, engines []engine.Engine) {
	t.Helper()
	if ok, err := goldentest.Mix(engines...); err != nil || !ok {
		t.Fatalf("mixed: %v, %v", ok, err)
	}
}
