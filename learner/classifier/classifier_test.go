package classifier

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jubatus/jubatus-go/learner/batch"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/learner/storage"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// calls are calls and the answers to them, in hexadecimal.
type calls []struct{ method, params, result string }

func (list calls) run(t *testing.T, e engine.Engine) {
	t.Helper()
	call := goldentest.InProcess(e)
	for _, c := range list {
		params, err := hex.DecodeString(strings.ReplaceAll(c.params, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		got, err := call(c.method, params)
		if want := strings.ReplaceAll(c.result, " ", ""); err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s %s: %x, %v, want %s", c.method, c.params, got, err, want)
		}
	}
}

func TestWire(t *testing.T) {
	calls{
		{"train", "91 91 92 a141 93 90 90 90", "01"},
		{"classify", "91 91 93 90 90 90", "91 90"},
		{"get_labels", "90", "81 a141 01"},
		{"train", "91 91 91 a141", "01"},          // a datum that is missing is empty
		{"train", "91 91 94 a142 90 c0 c0", "01"}, // what is too much is ignored
		{"train", "92 90 c0", "00"},               // also whole arguments
		{"train", "91 91 90", "01"},               // the label "" and an empty datum
		{"get_labels", "90", "83 a0 01 a141 02 a142 01"},
		{"set_label", "91 a141", "c2"}, // it has a counter, but is not registered
		{"classify", "91 91 90", "91 91 92 a141 cb0000000000000000"},
		{"delete_label", "91 a141", "c3"},
		{"delete_label", "91 a142", "c2"}, // only counted, and gone now
		{"get_labels", "90", "81 a0 01"},
		{"clear", "90", "c3"},
		{"get_labels", "90", "80"},
	}.run(t, build(t, arowConfig, false))
}

func TestArgumentErrors(t *testing.T) {
	e := build(t, arowConfig, false)
	call := goldentest.InProcess(e)
	for method, list := range map[string][]string{
		"train":        {"90", "91c0", "9180", "91 91 c0", "91 91 92 01 90", "91 92 92 a141 90 92 01 90", "91 91 92 a141 80", "91 91 92 a141 93 90 91 92 a178 a131 90"},
		"classify":     {"90", "91c0", "91 91 c0", "91 92 90 80"},
		"set_label":    {"90", "91c0", "9101"},
		"delete_label": {"90", "91c0"},
	} {
		for _, text := range list {
			params, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := call(method, params); err != goldentest.BadArgument {
				t.Errorf("%s %s: %x, %v", method, text, got, err)
			}
		}
	}
	calls{{"get_labels", "90", "80"}}.run(t, e)
}

// Data before one that fails are learned, those behind it are not.
func TestTrainUpToFailure(t *testing.T) {
	for _, before := range []int{1, batch.Chunk - 1, batch.Chunk, batch.Chunk + 1, 3 * batch.Chunk} {
		e := build(t, arowConfig, false)
		good, bad := datum.Datum{}, datum.Datum{}
		good.AddString("k", "v")
		bad.AddString("k$", "v")
		args := mpack.AppendArrayHeader(nil, 1)
		args = mpack.AppendArrayHeader(args, before+2)
		for i := range before + 2 {
			d, label := &good, "A"
			if i == before {
				d, label = &bad, "B"
			} else if i > before {
				label = "C"
			}
			args = mpack.AppendArrayHeader(args, 2)
			args = mpack.AppendRaw(args, label)
			args = d.Append(args)
		}
		call := goldentest.InProcess(e)
		_, err := call("train", args)
		failure, ok := err.(*goldentest.CallError)
		if !ok || failure.Object != "feature key cannot contain '$': k$" {
			t.Errorf("train: %v", err)
		}
		want := mpack.AppendUint(append(mpack.AppendMapHeader(nil, 1), "\xa1A"...), uint64(before))
		if got, err := call("get_labels", []byte{0x90}); err != nil || !bytes.Equal(got, want) {
			t.Errorf("after %d good ones the labels are %x, %v, want %x", before, got, err, want)
		}
	}
}

// A long list that is malformed at its very end trains nothing.
func TestLongMalformedList(t *testing.T) {
	e := build(t, arowConfig, false)
	args := mpack.AppendArrayHeader(nil, 1)
	args = mpack.AppendArrayHeader(args, 100)
	for range 99 {
		args = append(args, 0x91, 0xa1, 'A')
	}
	args = append(args, 0xc0)
	if _, err := goldentest.InProcess(e)("train", args); err != goldentest.BadArgument {
		t.Errorf("train: %v", err)
	}
	calls{{"get_labels", "90", "80"}}.run(t, e)
}

// Whether a new label is listed after a training that changed no weight: with
// an empty datum, and with one that it already wins by far.
func TestRegistration(t *testing.T) {
	for _, c := range []struct {
		method       string
		empty, clear bool
	}{
		{"PA", true, false},
		{"PA1", true, true},
		{"PA2", true, true},
		{"CW", true, true},
		{"AROW", false, true},
		{"NHERD", false, true},
		{"perceptron", true, true},
	} {
		e := build(t, workedConfig(c.method), false)
		b := newBare(e)
		l := e.(*Classifier).method.(*linear)
		listed := func(label string) bool { return l.table.Find([]byte(label)) != storage.NoLabel }
		b.train(t, "A", nums("x", 5.0))
		b.train(t, "B", nums("x", -30.0))
		if got := listed("B"); got != c.clear {
			t.Errorf("%s: a label that wins by far is listed: %v", c.method, got)
		}
		b.train(t, "E", nums())
		if got := listed("E"); got != c.empty {
			t.Errorf("%s: a label with an empty datum is listed: %v", c.method, got)
		}
		for _, label := range []string{"A", "B", "E"} {
			if got := l.counts.Of([]byte(label)); got != 1 {
				t.Errorf("%s: %s counted %d times, want 1", c.method, label, got)
			}
		}
	}
}

// The empty label on an empty model: the perceptron had predicted just that.
func TestEmptyLabel(t *testing.T) {
	for method, want := range map[string]int{"perceptron": 0, "PA": 1, "AROW": 1} {
		e := build(t, workedConfig(method), false)
		newBare(e).train(t, "", nums("x", 1.0))
		if got := e.(*Classifier).method.(*linear).table.Labels(); got != want {
			t.Errorf("%s: %d labels listed, want %d", method, got, want)
		}
	}
}

func TestStatus(t *testing.T) {
	e := build(t, strings.Replace(arowConfig, `1.0}`, `1.0,"unlearner":"random","unlearner_parameter":{"max_size":3,"seed":1}}`, 1), false)
	b := newBare(e)
	b.train(t, "A", nums("f", 1.0, "g", 1.0))
	got := map[string]string{}
	e.Status(func(k, v string) { got[k] = v })
	want := map[string]string{
		"num_features": "2", "num_classes": "1", "storage": "local_storage", "num_unlearner_ids": "1",
		"weight_manager_version": "0",
	}
	for _, table := range []string{"diff", "master"} {
		for _, k := range []string{"document_count", "num_document_frequencies", "num_group_frequencies", "num_group_total_lengths", "num_weights"} {
			want[table+"_"+k] = "0"
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Many clients at once lose nothing. Run with -race.
func TestConcurrentCalls(t *testing.T) {
	e := build(t, arowConfig, true)
	handlers := e.Handlers()
	var model sync.RWMutex
	train, classify := words(20, 5, 2)
	do := func(method string, lock service.Lock, args []byte) error {
		c := engine.Call{Args: mpack.NewReader(args), N: 1}
		c.Begin(&model, lock)
		defer c.Unlock()
		return handlers[method](&c)
	}
	const clients, rounds = 4, 50
	var wg sync.WaitGroup
	failures := make(chan error, 3*clients*rounds)
	for range clients {
		wg.Go(func() {
			for i := range rounds {
				failures <- do("train", service.Update, train[i%len(train)])
				failures <- do("classify", service.Analysis, classify[i%len(classify)])
				failures <- do("get_labels", service.Analysis, nil)
			}
		})
	}
	wg.Go(func() {
		for range rounds {
			model.RLock()
			diff := goldentest.Diff(e)
			e.Pack(nil)
			e.Status(func(string, string) {})
			model.RUnlock()
			r := mpack.NewReader(diff)
			if err := r.Tuple(3); err != nil {
				panic(err)
			}
			model.Lock()
			for _, m := range e.Mixables() {
				if _, err := m.Put(&r); err != nil {
					panic(err)
				}
			}
			model.Unlock()
		}
	})
	wg.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			t.Fatal(err)
		}
	}
	counts := e.(*Classifier).method.(*linear).counts
	total := uint64(0)
	for _, label := range counts.Labels() {
		total += counts.Of([]byte(label))
	}
	if total != clients*rounds {
		t.Errorf("%d trainings counted, want %d", total, clients*rounds)
	}
}

// 50,000 data of 5 strings, many of them new, and 10 numbers stay small.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	e := build(t, arowConfig, false)
	b := newBare(e)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 50000 {
		var d datum.Datum
		for j := range 5 {
			d.AddString(fmt.Sprintf("key%d", j), fmt.Sprintf("value%d", i*5+j))
		}
		for j := range 10 {
			d.AddNum(fmt.Sprintf("num%d", j), float64(i%(j+2)))
		}
		b.train(t, fmt.Sprintf("label%d", i%3), &d)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	live := float64(after.HeapAlloc-before.HeapAlloc) / (1 << 20)
	features := e.(*Classifier).method.(*linear).table.Len()
	t.Logf("%d features in %.1f MB, %.1f MB from the system", features, live, float64(after.Sys)/(1<<20))
	if live > 45 {
		t.Errorf("the model takes %.1f MB, want 45 at most", live)
	}
	runtime.KeepAlive(e)
}

func FuzzUnpack(f *testing.F) {
	configs := []string{
		arowConfig,
		strings.Replace(arowConfig, `1.0}`, `1.0,"unlearner":"lru","unlearner_parameter":{"max_size":3}}`, 1),
		neighbourly("euclid_lsh", threeNearest),
		neighbourly("lsh", threeNearest+`,"unlearner":"random","unlearner_parameter":{"max_size":3,"seed":1}`),
		neighbourly("cosine", threeNearest),
	}
	for _, cfg := range configs {
		e := build(f, cfg, false)
		b := newBare(e)
		b.train(f, "A", nums("f", 1.0, "g", 1.0))
		b.train(f, "B", nums("f", 1.0))
		f.Add(e.Pack(nil))
	}
	f.Fuzz(func(t *testing.T, model []byte) {
		for _, cfg := range configs {
			e := build(t, cfg, true)
			r := mpack.NewReader(model)
			commit, err := e.Unpack(&r, engine.FromFile)
			if err != nil {
				continue
			}
			commit()
			b := newBare(e)
			// A model may hold no more labels than can be touched.
			_ = b.do(b.handlers["train"], service.Update, labeled("A", nums("f", 1.0)), 1)
			b.scores(t, nums("f", 1.0))
			b.label(t, "delete_label", "A")
			goldentest.Diff(e)
			e.Pack(nil)
		}
	})
}
