package weight

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

const idfConfig = `{"converter": {
	"string_rules": [{"key": "*", "type": "space", "sample_weight": "tf", "global_weight": "idf"}],
	"num_rules": [{"key": "*", "type": "num"}]}}`

func TestGolden(t *testing.T) {
	goldentest.Suite{
		Factory: New, Folder: "../testdata/golden", Engine: "weight", Joined: true,
		Tolerance: func(string) float64 { return 1e-12 }, // for logarithms
	}.Run(t)
}

func build(t testing.TB, cfg string) engine.Engine {
	t.Helper()
	return goldentest.Build(t, New, cfg, goldentest.Env(true))
}

func text(key, value string) goldentest.List {
	return goldentest.List{goldentest.List{goldentest.List{goldentest.List{key, value}}, goldentest.List{}, goldentest.List{}}}
}

// ask makes a call and returns the features of the answer.
func ask(t testing.TB, e engine.Engine, method string, params goldentest.List) goldentest.Value {
	t.Helper()
	answer, err := goldentest.InProcess(e)(method, goldentest.Append(nil, params))
	if err != nil {
		t.Fatalf("%s%v: %v", method, params, err)
	}
	v, err := goldentest.Decode(answer)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWorkedExample(t *testing.T) {
	e := build(t, idfConfig)
	feature := func(key string, weight float64) goldentest.List { return goldentest.List{key, weight} }
	for _, c := range []struct {
		method, key, value string
		want               goldentest.List
	}{
		{"update", "key1", "a1 b1 b1", goldentest.List{}},
		{"update", "key2", "a1 a1", goldentest.List{feature("key2$a1@space#tf/idf", 0.8109302162163288)}},
		{"calc_weight", "key1", "a1 b1 b1", goldentest.List{
			feature("key1$a1@space#tf/idf", 0.4054651081081644), feature("key1$b1@space#tf/idf", 0.8109302162163288)}},
		{"calc_weight", "key1", "b1 b1 a1", goldentest.List{ // in the order of the keys
			feature("key1$a1@space#tf/idf", 0.4054651081081644), feature("key1$b1@space#tf/idf", 0.8109302162163288)}},
	} {
		if err := goldentest.Compare(c.want, ask(t, e, c.method, text(c.key, c.value)), goldentest.AsIs, 1e-15); err != nil {
			t.Errorf("%s %s=%s: %v", c.method, c.key, c.value, err)
		}
	}
	if got := ask(t, e, "clear", nil); got != true {
		t.Errorf("clear answers %v", got)
	}
	if got := ask(t, e, "calc_weight", text("key1", "a1")).(goldentest.List); len(got) != 0 {
		t.Errorf("%v after clear", got)
	}
}

func status(e engine.Engine) map[string]string {
	got := map[string]string{}
	e.Status(func(k, v string) { got[k] = v })
	return got
}

// Every update is a document, as long as anything depends on it.
func TestDocuments(t *testing.T) {
	e := build(t, idfConfig)
	plain := build(t, strings.Replace(idfConfig, "idf", "bin", 1))
	for _, e := range []engine.Engine{e, plain} {
		ask(t, e, "update", text("k", "a b a"))
		ask(t, e, "update", goldentest.List{goldentest.List{}})
		ask(t, e, "calc_weight", text("k", "a c"))
	}
	want := map[string]string{"weight_manager_version": "0"}
	for _, table := range []string{"diff", "master"} {
		for _, k := range []string{"document_count", "num_document_frequencies", "num_group_frequencies", "num_group_total_lengths", "num_weights"} {
			want[table+"_"+k] = "0"
		}
	}
	if diff := cmp.Diff(want, status(plain)); diff != "" {
		t.Errorf("without idf: %s", diff)
	}
	want["diff_document_count"], want["diff_num_document_frequencies"] = "2", "2"
	if diff := cmp.Diff(want, status(e)); diff != "" {
		t.Errorf("with idf: %s", diff)
	}
}

// Equal keys are added up, even to nothing, and a number of nothing is none.
func TestSums(t *testing.T) {
	e := build(t, idfConfig)
	nums := func(pairs ...goldentest.Value) goldentest.List {
		return goldentest.List{goldentest.List{goldentest.List{}, goldentest.List(pairs), goldentest.List{}}}
	}
	pair := func(key string, v float64) goldentest.Value { return goldentest.List{key, v} }
	got := ask(t, e, "calc_weight", nums(pair("y", 1), pair("x", 2), pair("y", 0.5), pair("zero", 0), pair("x", -2)))
	want := goldentest.List{goldentest.List{"x@num", 0.0}, goldentest.List{"y@num", 1.5}}
	if err := goldentest.Compare(want, got, goldentest.AsIs, 0); err != nil {
		t.Error(err)
	}
}

func TestArguments(t *testing.T) {
	e := build(t, idfConfig)
	call := goldentest.InProcess(e)
	for _, params := range []goldentest.List{{}, {nil}, {int64(1)}, {goldentest.List{int64(1)}}, {goldentest.List{goldentest.List{goldentest.List{"k"}}}}} {
		for _, method := range []string{"update", "calc_weight"} {
			if _, err := call(method, goldentest.Append(nil, params)); err != error(goldentest.BadArgument) {
				t.Errorf("%s%v: %v", method, params, err)
			}
		}
	}
	_, err := call("update", goldentest.Append(nil, text("k$", "a")))
	var failure *goldentest.CallError
	if !errors.As(err, &failure) || failure.Object != "feature key cannot contain '$': k$" {
		t.Errorf("a key with $: %v", err)
	}
	if n := status(e)["diff_document_count"]; n != "0" {
		t.Errorf("%s documents counted of calls that failed", n)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		text, what string
		messages   []string
	}{
		{`{"converter": {}}`, "", nil},
		{`{"converter": {}, "method": null, "parameter": [1]}`, "", nil},
		{`{}`, "invalid configuration", []string{`"converter" is not found ()`}},
		{`{"converter": {}, "zz": 1}`, "invalid configuration", []string{`"zz" is not used ()`}},
		{`{"converter": 1}`, "Object is expected, but Integer is given. (.converter)", nil},
		{`1`, "Object is expected, but Integer is given. ()", nil},
	} {
		v, err := config.Parse([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(v, goldentest.Env(false))
		var e *config.Error
		if !errors.As(err, &e) {
			if c.what != "" || err != nil {
				t.Errorf("%s: %v, want %s", c.text, err, c.what)
			}
			continue
		}
		if e.What != c.what || !slices.Equal(e.Messages, c.messages) {
			t.Errorf("%s: %s, want %s %q", c.text, e.Diagnostic(), c.what, c.messages)
		}
	}
}

// Nodes that have mixed weigh by the documents of all of them, as one node
// would that had seen them all, whoever saw what.
func TestMixIsOneNode(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		words := rapid.StringMatching(`([a-e] ){1,5}`)
		one := build(t, idfConfig)
		nodes := []engine.Engine{build(t, idfConfig), build(t, idfConfig), build(t, idfConfig)}
		for range rapid.IntRange(0, 12).Draw(r, "steps") {
			if rapid.IntRange(0, 3).Draw(r, "what") == 0 {
				if ok, err := goldentest.Mix(nodes...); !ok || err != nil {
					r.Fatal(ok, err)
				}
				continue
			}
			document := text("k", words.Draw(r, "text"))
			ask(t, one, "update", document)
			ask(t, nodes[rapid.IntRange(0, 2).Draw(r, "node")], "update", document)
		}
		if ok, err := goldentest.Mix(nodes...); !ok || err != nil {
			r.Fatal(ok, err)
		}
		question := text("k", "a b c d e f")
		want := ask(t, one, "calc_weight", question)
		for _, e := range nodes {
			if err := goldentest.Compare(want, ask(t, e, "calc_weight", question), goldentest.AsIs, 0); err != nil {
				r.Fatal(err)
			}
		}
	})
}

// A joining node drops what the peer has not mixed; a file has it all.
func TestUnmixedOfPeer(t *testing.T) {
	peer := build(t, idfConfig)
	ask(t, peer, "update", text("k", "a"))
	if ok, err := goldentest.Mix(peer); !ok || err != nil {
		t.Fatal(ok, err)
	}
	ask(t, peer, "update", text("k", "b"))
	for from, unmixed := range map[engine.Source]string{engine.FromPeer: "0", engine.FromFile: "1"} {
		e := build(t, idfConfig)
		goldentest.Load(t, e, peer.Pack(nil), from)
		if s := status(e); s["diff_document_count"] != unmixed || s["master_document_count"] != "1" || s["weight_manager_version"] != "1" {
			t.Errorf("from %v: %v", from, s)
		}
	}
}

// Clients that update at once are all counted. Run with -race.
func TestConcurrentUpdates(t *testing.T) {
	e := build(t, idfConfig)
	const clients, each = 4, 100
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			call := goldentest.InProcess(e)
			for i := range each {
				if _, err := call("update", goldentest.Append(nil, text("k", fmt.Sprint("w", i%7)))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n := status(e)["diff_document_count"]; n != fmt.Sprint(clients*each) {
		t.Errorf("%s documents, want %d", n, clients*each)
	}
}

func FuzzUnpack(f *testing.F) {
	e := build(f, idfConfig)
	ask(f, e, "update", text("k", "a b a"))
	f.Add(e.Pack(nil))
	f.Add(e.Mixables()[0].Diff(nil))
	f.Add([]byte{0x91, 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, payload []byte) {
		e := build(t, idfConfig)
		before := e.Pack(nil)
		r := mpack.NewReader(payload)
		commit, err := e.Unpack(&r, engine.FromFile)
		if !bytes.Equal(e.Pack(nil), before) {
			t.Fatal("unpacking changed the model")
		}
		if err == nil {
			commit()
			again := build(t, idfConfig)
			goldentest.Load(t, again, e.Pack(nil), engine.FromFile)
		}
		r = mpack.NewReader(payload)
		_, put := e.Mixables()[0].Put(&r)
		r = mpack.NewReader(payload)
		if folded := e.Mixables()[0].NewFold().Add(&r); (put == nil) != (folded == nil) {
			t.Errorf("put: %v, folded: %v", put, folded)
		}
		ask(t, e, "update", text("k", "a c"))
	})
}
