package classifier

import (
	"fmt"
	"testing"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// entry is a weight and its variance, 0 for the rules that have none.
type entry struct {
	feature, label   string
	weight, variance float64
}

// worked are the entries that each of the steps below changes.
var worked = []struct {
	method string
	steps  [4][]entry
}{
	{"perceptron", [4][]entry{
		{{"f", "A", 1.0, 0}, {"g", "A", 2.0, 0}},
		{{"f", "A", 0.0, 0}, {"f", "B", 1.0, 0}},
		{{"g", "A", 1.0, 0}, {"g", "C", 1.0, 0}, {"h", "A", -1.0, 0}, {"h", "C", 1.0, 0}},
		{{"h", "A", 2.0, 0}, {"h", "C", -2.0, 0}},
	}},
	{"PA", [4][]entry{
		{{"f", "A", 0.1, 0}, {"g", "A", 0.2, 0}},
		{{"f", "A", -0.45000000000000007, 0}, {"f", "B", 0.55, 0}},
		{{"g", "A", -0.09999999999999998, 0}, {"g", "C", 0.3, 0}, {"h", "A", -0.3, 0}, {"h", "C", 0.3, 0}},
		{{"h", "A", 0.16666666666666669, 0}, {"h", "C", -0.16666666666666669, 0}},
	}},
	{"PA1", [4][]entry{
		{{"f", "A", 0.1, 0}, {"g", "A", 0.2, 0}},
		{{"f", "A", -1.4901161138336505e-09, 0}, {"f", "B", 0.10000000149011612, 0}},
		{{"g", "A", 0.09999999850988389, 0}, {"g", "C", 0.10000000149011612, 0}, {"h", "A", -0.10000000149011612, 0}, {"h", "C", 0.10000000149011612, 0}},
		{{"h", "A", 0.16666666666666669, 0}, {"h", "C", -0.16666666666666669, 0}},
	}},
	{"PA2", [4][]entry{
		{{"f", "A", 0.09523809523809523, 0}, {"g", "A", 0.19047619047619047, 0}},
		{{"f", "A", -0.3428571428571429, 0}, {"f", "B", 0.43809523809523815, 0}},
		{{"g", "A", -0.07407407407407407, 0}, {"g", "C", 0.26455026455026454, 0}, {"h", "A", -0.26455026455026454, 0}, {"h", "C", 0.26455026455026454, 0}},
		{{"h", "A", 0.15501215501215493, 0}, {"h", "C", -0.15501215501215493, 0}},
	}},
	{"CW", [4][]entry{
		{{"f", "A", 0.2, 0.7142857142857143}, {"g", "A", 0.4, 0.3846153846153846}},
		{{"f", "A", -0.1499037886836576, 0.4202156313434075}, {"f", "B", 0.48986530415712065, 0.5051192297579867}},
		{{"g", "A", 0.2492590751452084, 0.2955211282440926}, {"g", "C", 0.39192640462245826, 0.5605843681818614}, {"h", "A", -0.39192640462245826, 0.5605843681818614}, {"h", "C", 0.39192640462245826, 0.5605843681818614}},
		{{"h", "A", 0.20578195616428213, 0.1222315286013257}, {"h", "C", -0.20578195616428213, 0.1222315286013257}},
	}},
	{"AROW", [4][]entry{
		{{"f", "A", 0.09090909090909091, 0.9090909090909091}, {"g", "A", 0.18181818181818182, 0.6363636363636364}},
		{{"f", "A", -0.24999999999999997, 0.625}, {"f", "B", 0.375, 0.65625}},
		{{"g", "A", 0.019607843137254916, 0.5490196078431373}, {"g", "C", 0.2549019607843137, 0.7843137254901961}, {"h", "A", -0.2549019607843137, 0.7843137254901961}, {"h", "C", 0.2549019607843137, 0.7843137254901961}},
		{{"h", "A", 0.1387808041504539, 0.4180971999694819}, {"h", "C", -0.1387808041504539, 0.4180971999694819}},
	}},
	{"NHERD", [4][]entry{
		{{"f", "A", 0.09090909090909091, 0.07692307692307693}, {"g", "A", 0.18181818181818182, 0.02040816326530612}},
		{{"f", "A", 0.0505050505050505, 0.06220095693779904}, {"f", "B", 0.5252525252525253, 0.24528301886792456}},
		{{"g", "A", 0.1758191047531149, 0.018511522478277292}, {"g", "C", 0.29395477618827875, 0.16610169491525426}, {"h", "A", -0.29395477618827875, 0.16610169491525426}, {"h", "C", 0.29395477618827875, 0.16610169491525426}},
		{{"h", "A", 0.05121779186445008, 0.01963522359432582}, {"h", "C", -0.05121779186445008, 0.01963522359432582}},
	}},
}

// nums makes a datum of numbers: name, value, …
func nums(entries ...any) *datum.Datum {
	d := &datum.Datum{}
	for i := 0; i < len(entries); i += 2 {
		d.AddNum(entries[i].(string), entries[i+1].(float64))
	}
	return d
}

var workedSteps = [4]struct {
	label string
	datum *datum.Datum
}{
	{"A", nums("f", 1.0, "g", 2.0)},
	{"B", nums("f", 1.0)},
	{"C", nums("g", 1.0, "h", 1.0)},
	{"A", nums("h", 3.0)},
}

func workedConfig(method string) string {
	parameter := "null"
	switch method {
	case "PA1":
		parameter = `{"regularization_weight":0.1}`
	case "PA2", "CW", "AROW", "NHERD":
		parameter = `{"regularization_weight":1.0}`
	}
	return fmt.Sprintf(`{"method":%q,"parameter":%s,"converter":{"num_rules":[{"key":"*","type":"num"}]}}`, method, parameter)
}

func (b *bare) train(t testing.TB, label string, d *datum.Datum) {
	t.Helper()
	if err := b.do(b.handlers["train"], service.Update, labeled(label, d), 1); err != nil {
		t.Fatal(err)
	}
}

func checkEntry(t *testing.T, e engine.Engine, want entry) {
	t.Helper()
	table := e.(*Classifier).method.(*linear).table
	w, v, ok := table.Value([]byte(want.feature+"@num"), table.Find([]byte(want.label)))
	if !ok || w != want.weight || v != want.variance {
		t.Errorf("%s.%s is %v, %v, %v, want %v, %v", want.feature, want.label, w, v, ok, want.weight, want.variance)
	}
}

func TestWorkedExamples(t *testing.T) {
	for _, x := range worked {
		t.Run(x.method, func(t *testing.T) {
			e := build(t, workedConfig(x.method), false)
			b := newBare(e)
			for i, changed := range x.steps {
				b.train(t, workedSteps[i].label, workedSteps[i].datum)
				for _, want := range changed {
					checkEntry(t, e, want)
				}
			}
		})
	}
}

// Two nodes learn apart, mix, one learns on, and they mix again.
func TestWorkedMix(t *testing.T) {
	a, b := build(t, workedConfig("AROW"), true), build(t, workedConfig("AROW"), true)
	na, nb := newBare(a), newBare(b)
	na.train(t, "A", nums("f", 1.0, "g", 2.0))
	na.train(t, "B", nums("f", 1.0))
	nb.train(t, "B", nums("g", 1.0, "h", 1.0))
	nb.train(t, "A", nums("h", 3.0))
	mix(t, []engine.Engine{a, b})
	for _, e := range []engine.Engine{a, b} {
		for _, want := range []entry{
			{"f", "A", -0.12499999999999999, 0.625},
			{"f", "B", 0.1875, 0.65625},
			{"g", "A", 0.090909090909090912, 0.63636363636363635},
			{"g", "B", 0.1, 0.8},
			{"h", "A", 0.13953488372093023, 0.4767441860465117},
			{"h", "B", -0.011627906976744179, 0.46511627906976749},
		} {
			checkEntry(t, e, want)
		}
	}
	na.train(t, "B", nums("f", 2.0))
	checkEntry(t, a, entry{"f", "A", -0.20153061224489793, 0.36989795918367352})
	checkEntry(t, a, entry{"f", "B", 0.26785714285714285, 0.375})
	mix(t, []engine.Engine{a, b})
	for i, n := range []*bare{na, nb} {
		e := []engine.Engine{a, b}[i]
		checkEntry(t, e, entry{"f", "A", -0.16326530612244897, 0.36989795918367352})
		checkEntry(t, e, entry{"f", "B", 0.22767857142857142, 0.375})
		if err := n.do(n.handlers["get_labels"], service.Analysis, nil, 0); err != nil {
			t.Fatal(err)
		}
		goldentest.SameObject(t, "labels", []byte("\x82\xa1A\x02\xa1B\x03"), n.call.Out, goldentest.AsIs, 0)
		if v := e.Mixables()[0].Version(); v != 2 {
			t.Errorf("version %d, want 2", v)
		}
	}
}

// A mix forgets labels as training does: each that it brings is touched.
func TestMixUnlearns(t *testing.T) {
	const cfg = `{"method":"AROW","parameter":{"regularization_weight":1.0,"unlearner":"lru",` +
		`"unlearner_parameter":{"max_size":2}},"converter":{"num_rules":[{"key":"*","type":"num"}]}}`
	a, b := build(t, cfg, true), build(t, cfg, true)
	na, nb := newBare(a), newBare(b)
	na.train(t, "A", nums("f", 1.0))
	na.train(t, "B", nums("g", 1.0))
	nb.train(t, "C", nums("h", 1.0))
	mix(t, []engine.Engine{a, b})
	for i, e := range []engine.Engine{a, b} {
		l := e.(*Classifier).method.(*linear)
		if n := l.table.Labels(); n != 2 {
			t.Errorf("node %d holds %d labels, want 2", i, n)
		}
		for _, label := range l.table.Listing() {
			if !l.unlearner.Knows([]byte(l.table.Name(label))) {
				t.Errorf("node %d holds %s, which its unlearner does not know", i, l.table.Name(label))
			}
		}
	}
}

// The bytes of a whole model of another implementation.
func TestModelBytes(t *testing.T) {
	e := build(t, workedConfig("PA"), false)
	newBare(e).train(t, "pos", nums("x", 2.0))
	const zero = "\xcb\x00\x00\x00\x00\x00\x00\x00\x00"
	want := "\x92\x92" +
		"\x94\x81\xa5x@num\x81\x00\x93\xcb\x3f\xd0\x00\x00\x00\x00\x00\x00" + zero + zero +
		"\x93\x81\xa3pos\x00\x81\x00\xa3pos\x01" + "\x80\x91\x00" +
		"\x93\x80\x81\xa3pos\x01\x91\x00" +
		"\x93\x91\x00\x95\x00\x91\x80\x91\x80\x91\x80\x80\x95\x00\x91\x80\x91\x80\x91\x80\x80"
	if got := string(e.Pack(nil)); got != want {
		t.Errorf("model\n%x, want\n%x", got, want)
	}
}

// A model that fails to decode changes nothing.
func TestUnpackIsAllOrNothing(t *testing.T) {
	e := build(t, workedConfig("AROW"), false)
	b := newBare(e)
	b.train(t, "A", nums("f", 1.0))
	model := e.Pack(nil)
	b.train(t, "B", nums("f", 1.0))
	before := e.Pack(nil)
	for n := range model {
		r := mpack.NewReader(model[:n])
		if _, err := e.Unpack(&r, engine.FromFile); err == nil {
			t.Fatalf("the first %d bytes of %d are a model", n, len(model))
		}
	}
	if string(e.Pack(nil)) != string(before) {
		t.Error("a model that did not decode changed the engine")
	}
}
