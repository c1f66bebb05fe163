package goldentest

import (
	"log/slog"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Suite holds an engine against all that was recorded with the original's, in
// process: conversations, alone and in a cluster that has not mixed yet, model
// files, and MIX.
type Suite struct {
	Factory engine.Factory
	Folder  string // of the recordings
	Engine  string // what their names begin with

	// Skip leaves out recordings by name; nil leaves out none.
	Skip func(name string) bool
	// SkipMix leaves out recorded mixes by name.
	SkipMix func(name string) bool
	// Tolerance is by how much doubles of a recording may differ; nil means
	// that they must be equal.
	Tolerance func(name string) float64
	// ModelOrder and DiffOrder are in which respects the lists in packed
	// models and diffs may be in another order.
	ModelOrder, DiffOrder Order
	// Joined says that the recorded nodes have mixed once for each of them
	// before they were fed, as nodes do when they join.
	Joined bool
	// Homes is set for engines that call other nodes: in which order the ring
	// of a recorded MIX has the nodes for a key.
	Homes func(name, key string) []int
	// Named is what the nodes of a recorded MIX were called, for engines that
	// share their name.
	Named []string
	// Owners says that rows carry the names of the nodes that wrote them: the
	// nodes of models and mixes get the names that they had.
	Owners bool
	// Repeat, if set, is given every engine that is about to learn what a
	// recorded one did, with the model or the diff that came of it: for those
	// who draw something that they then keep.
	Repeat func(t *testing.T, e engine.Engine, outcome []byte)
	// Prepare, if set, changes what was packed before it is compared with what
	// the original packed, in which there are things that nobody can know.
	Prepare func(packed Value) Value
	// AskOnly leaves out that models must be packed as recorded, which
	// depends on clocks or hash tables for some.
	AskOnly func(name string) bool
}

// Env is an environment for engines in tests: a node of a fixed name with a
// clock that stands still.
func Env(cluster bool) engine.Env {
	return engine.Env{
		ID: "127.0.0.1_9199", Cluster: cluster, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Unix(1500000000, 0) },
	}
}

// Build builds an engine from the text of its configuration.
func Build(t testing.TB, factory engine.Factory, cfg string, env engine.Env) engine.Engine {
	t.Helper()
	v, err := config.Parse([]byte(cfg))
	if err != nil {
		t.Fatal(err)
	}
	e, err := factory(v, env)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Load gives an engine a model.
func Load(t testing.TB, e engine.Engine, model []byte, from engine.Source) {
	t.Helper()
	r := mpack.NewReader(model)
	commit, err := e.Unpack(&r, from)
	if err != nil {
		t.Fatal(err)
	}
	commit()
}

// SameObject reports where an encoded object differs from the one wanted.
func SameObject(t testing.TB, what string, want, got []byte, order Order, tolerance float64) {
	t.Helper()
	SamePrepared(t, what, want, got, order, tolerance, func(v Value) Value { return v })
}

// SamePrepared is SameObject for what has to be changed to be comparable.
func SamePrepared(t testing.TB, what string, want, got []byte, order Order, tolerance float64, prepare func(Value) Value) {
	t.Helper()
	w, err := Decode(want)
	if err != nil {
		t.Fatal(err)
	}
	g, err := Decode(got)
	if err != nil {
		t.Fatal(err)
	}
	if err := Compare(prepare(w), prepare(g), order, tolerance); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// same is SameObject for what has to be prepared.
func (s Suite) same(t *testing.T, what string, want, got []byte, order Order, tolerance float64) {
	t.Helper()
	if s.Prepare == nil {
		SameObject(t, what, want, got, order, tolerance)
		return
	}
	SamePrepared(t, what, want, got, order, tolerance, s.Prepare)
}

// Run runs all tests of the suite.
func (s Suite) Run(t *testing.T) {
	t.Run("transcripts", func(t *testing.T) { s.transcripts(t, false) })
	t.Run("transcripts in a cluster", func(t *testing.T) { s.transcripts(t, true) })
	t.Run("models", s.models)
	t.Run("mixes", s.mixes)
}

func (s Suite) options(name string) Options {
	o := Options{Skip: ServerOnly}
	if s.Tolerance != nil {
		o.Tolerance = s.Tolerance(name)
	}
	return o
}

func (s Suite) left(name string) bool { return s.Skip != nil && s.Skip(name) }

func (s Suite) glob(t *testing.T, folder, suffix string) []string {
	t.Helper()
	return Glob(t, filepath.Join(s.Folder, folder, s.Engine+"*"+suffix))
}

func (s Suite) transcripts(t *testing.T, cluster bool) {
	for _, path := range s.glob(t, "", ".json") {
		x := Read(t, path)
		if s.left(x.Name) {
			continue
		}
		t.Run(x.Name, func(t *testing.T) {
			Replay(t, x.Calls, InProcess(Build(t, s.Factory, string(x.Config), Env(cluster))), s.options(x.Name))
		})
	}
}

// models loads recorded models; feeds an engine what theirs were fed, and
// looks whether it packs the same; and loads that into a node of a cluster.
func (s Suite) models(t *testing.T) {
	for _, path := range s.glob(t, "models", ".model.json") {
		x := ReadModel(t, path)
		if s.left(x.Name) {
			continue
		}
		o := s.options(x.Name)
		t.Run(x.Name, func(t *testing.T) {
			e := Build(t, s.Factory, string(x.ConfigText), Env(false))
			Load(t, e, x.Model, engine.FromFile)
			Replay(t, x.AskedAfterLoad, InProcess(e), o)

			again := Build(t, s.Factory, string(x.ConfigText), s.env(false, x.Model))
			if s.Repeat != nil {
				s.Repeat(t, again, x.Model)
			}
			Replay(t, x.Fed, InProcess(again), o)
			if s.AskOnly == nil || !s.AskOnly(x.Name) {
				s.same(t, "packed model", x.Model, again.Pack(nil), s.ModelOrder, o.Tolerance)
			}

			cluster := Build(t, s.Factory, string(x.ConfigText), Env(true))
			Load(t, cluster, again.Pack(nil), engine.FromFile)
			Replay(t, x.AskedAfterLoad, InProcess(cluster), o)
		})
	}
}

// mixes feeds engines what the recorded nodes were fed, looks whether they
// have the same to share, and whether they answer the same when they have.
func (s Suite) mixes(t *testing.T) {
	for _, path := range s.glob(t, "mix", ".mix.json") {
		x := ReadMix(t, path)
		if s.left(x.Name) || s.SkipMix != nil && s.SkipMix(x.Name) {
			continue
		}
		o := s.options(x.Name)
		t.Run(x.Name, func(t *testing.T) {
			engines, callers := s.nodes(t, x)
			if s.Joined {
				for range x.Nodes {
					mixAll(t, engines)
				}
			}
			for i, n := range x.Nodes {
				if s.Repeat != nil {
					s.Repeat(t, engines[i], n.Diff)
				}
				Replay(t, n.Fed, callers[i], o)
				Replay(t, n.Before, callers[i], o)
				s.same(t, "diff", n.Diff, Diff(engines[i]), s.DiffOrder, o.Tolerance)
			}
			mixAll(t, engines)
			for i, n := range x.Nodes {
				Replay(t, n.After, callers[i], o)
				if n.ModelAfter != nil && (s.AskOnly == nil || !s.AskOnly(x.Name)) {
					s.same(t, "model", n.ModelAfter, engines[i].Pack(nil), s.ModelOrder, o.Tolerance)
				}
			}
		})
	}
}

// nodes builds the engines of a recorded MIX, and how to call them.
func (s Suite) nodes(t *testing.T, x *MixCase) (engines []engine.Engine, callers []Caller) {
	t.Helper()
	if s.Homes != nil {
		c := NewCluster(t, s.Factory, s.Engine, string(x.Config), len(x.Nodes))
		c.Homes = func(key string) []int { return s.Homes(x.Name, key) }
		for i := range x.Nodes {
			callers = append(callers, c.Caller(i))
		}
		return c.Engines, callers
	}
	for i := range x.Nodes {
		env := s.env(true, x.Nodes[i].Diff)
		if s.Named != nil {
			env.ID = s.Named[i]
		}
		e := Build(t, s.Factory, string(x.Config), env)
		engines, callers = append(engines, e), append(callers, InProcess(e))
	}
	return engines, callers
}

// owner is how rows name a node of the recordings.
var owner = regexp.MustCompile(`127\.0\.0\.1_[0-9]+`)

// env is Env for a node that is named in what it has packed.
func (s Suite) env(cluster bool, packed []byte) engine.Env {
	env := Env(cluster)
	if name := owner.Find(packed); s.Owners && name != nil {
		env.ID = string(name)
	}
	return env
}

func mixAll(t testing.TB, engines []engine.Engine) {
	t.Helper()
	if ok, err := Mix(engines...); err != nil || !ok {
		t.Fatalf("mixed: %v, %v", ok, err)
	}
}
