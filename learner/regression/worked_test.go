package regression

import (
	"fmt"
	"math"
	"testing"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// entry is a weight and its variance, 0 for the rules that have none.
type entry struct {
	feature          string
	weight, variance float64
}

// worked are the entries that each of the steps below changes.
var worked = []struct {
	method string
	steps  [3][]entry
}{
	{"perceptron", [3][]entry{
		{{"f", 0.20000000298023224, 0}, {"g", 0.4000000059604645, 0}},
		{{"f", 0.08000000089406967, 0}},
		{{"g", 0.6600000092387199, 0}, {"h", 0.26000000327825545, 0}},
	}},
	{"PA", [3][]entry{
		{{"f", 0.4, 0}, {"g", 0.8, 0}},
		{{"f", -0.8499999977648257, 0}},
		{{"g", 1.8150163401737651, 0}, {"h", 1.015016340173765, 0}},
	}},
	{"PA1", [3][]entry{
		{{"f", 0.10000000149011612, 0}, {"g", 0.20000000298023224, 0}},
		{{"f", 0, 0}},
		{{"g", 0.30000000447034836, 0}, {"h", 0.10000000149011612, 0}},
	}},
	{"PA2", [3][]entry{
		{{"f", 0.4, 0}, {"g", 0.8, 0}},
		{{"f", -0.8499999977648257, 0}},
		{{"g", 1.8150163401737651, 0}, {"h", 1.015016340173765, 0}},
	}},
	{"CW", [3][]entry{
		{{"f", 0.5531128874149275, 0.4747829088174472}, {"g", 1.106225774829855, 0.18433508980565105}},
		{{"f", -1.1097575914632891, 0.10975759146328903}},
		{{"g", 1.4361620912703017, 0.11105375566420239}, {"h", 1.789872545635812, 0.21835276419769847}},
	}},
	{"AROW", [3][]entry{
		{{"f", 0.316666666418314, 0.8333333333333334}, {"g", 0.633333332836628, 0.33333333333333337}},
		{{"f", -0.236363635821776, 0.4545454545454546}},
		{{"g", 0.9571428565042359, 0.28571428571428575}, {"h", 0.9714285710028239, 0.5714285714285714}},
	}},
	{"NHERD", [3][]entry{
		{{"f", 0.316666666418314, 0.125}, {"g", 0.633333332836628, 0.034482758620689655}},
		{{"f", 0.181481481426292, 0.09876543209876543}},
		{{"g", 0.6717514119158357, 0.031216361679224973}, {"h", 1.1141242932970241, 0.24786324786324787}},
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

var workedSteps = [3]struct {
	target float64
	datum  *datum.Datum
}{
	{2, nums("f", 1.0, "g", 2.0)},
	{-1, nums("f", 1.0)},
	{3, nums("g", 1.0, "h", 1.0)},
}

func workedConfig(method string) string {
	parameter := `{"regularization_weight":1.0,"sensitivity":0.1}`
	switch method {
	case "perceptron":
		parameter = `{"learning_rate":0.1}`
	case "PA":
		parameter = `{"sensitivity":0.1}`
	case "PA1":
		parameter = `{"regularization_weight":0.1,"sensitivity":0.1}`
	}
	return fmt.Sprintf(`{"method":%q,"parameter":%s,"converter":{"num_rules":[{"key":"*","type":"num"}]}}`, method, parameter)
}

func (b *bare) train(t testing.TB, target float64, d *datum.Datum) {
	t.Helper()
	args := mpack.AppendArrayHeader(nil, 1)
	args = mpack.AppendArrayHeader(args, 2)
	args = mpack.AppendFloat64(args, target)
	b.do(t, "train", d.Append(args))
}

func (b *bare) estimate(t testing.TB, d *datum.Datum) float64 {
	t.Helper()
	r := mpack.NewReader(b.do(t, "estimate", d.Append(mpack.AppendArrayHeader(nil, 1))))
	if err := r.Tuple(1); err != nil {
		t.Fatal(err)
	}
	x, err := r.Float64()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func table(e engine.Engine) *linear { return e.(*Regression).method.(*linear) }

func checkEntry(t *testing.T, e engine.Engine, want entry) {
	t.Helper()
	l := table(e)
	w, v, ok := l.table.Value([]byte(want.feature+"@num"), l.table.Find(label))
	if !ok || w != want.weight || v != want.variance {
		t.Errorf("%s is %v, %v, %v, want %v, %v", want.feature, w, v, ok, want.weight, want.variance)
	}
}

func TestWorkedExamples(t *testing.T) {
	for _, x := range worked {
		t.Run(x.method, func(t *testing.T) {
			for _, cluster := range []bool{false, true} {
				e := build(t, workedConfig(x.method), cluster)
				b := newBare(e)
				for i, changed := range x.steps {
					b.train(t, workedSteps[i].target, workedSteps[i].datum)
					for _, want := range changed {
						checkEntry(t, e, want)
					}
				}
			}
		})
	}
}

// A key that is there twice: both entries count, and the second one starts
// from what the first one made.
func TestRepeatedKeys(t *testing.T) {
	for method, want := range map[string]entry{
		// The length is 1+4: τ = 2/5, and the weight moves by τ and by 2τ.
		"PA": {"f", 0.4 + 0.8, 0},
		// V = 1+4, β = 1/6, α = 1.9β with the sensitivity in single precision.
		"AROW": {"f", 0.316666666418314 + 0.316666666418314*(5.0/6)*2, 5.0/6 - float64(1.0/6*5/6*5/6)*4},
	} {
		e := build(t, workedConfig(method), false)
		newBare(e).train(t, 2, nums("f", 1.0, "f", 2.0))
		l := table(e)
		w, v, ok := l.table.Value([]byte("f@num"), l.table.Find(label))
		if !ok || math.Abs(w-want.weight) > 1e-15 || math.Abs(v-want.variance) > 1e-15 {
			t.Errorf("%s: %v, %v, want %v, %v", method, w, v, want.weight, want.variance)
		}
	}
}

// An empty datum and one that is on the mark: who registers anything.
func TestRegistration(t *testing.T) {
	for method, want := range map[string]int{"perceptron": 1, "PA": 0, "PA1": 1, "PA2": 0, "CW": 0, "AROW": 0, "NHERD": 0} {
		e := build(t, workedConfig(method), false)
		b := newBare(e)
		b.train(t, 1, nums())
		if got := table(e).table.Labels(); got != want {
			t.Errorf("%s: %d labels after an empty datum, want %d", method, got, want)
		}
		if got := b.estimate(t, nums()); got != 0 {
			t.Errorf("%s: %v for an empty datum", method, got)
		}
	}
	// The first target has no spread; what is confident has a fixed tolerance.
	for method, want := range map[string]int{"PA": 1, "PA1": 1, "PA2": 1, "CW": 0, "AROW": 0, "NHERD": 0} {
		e := build(t, workedConfig(method), false)
		newBare(e).train(t, 0.05, nums("f", 1.0))
		newBare(e).train(t, -0.05, nums("f", 1.0))
		if got := table(e).table.Labels(); got != want {
			t.Errorf("%s: %d labels after targets within the sensitivity, want %d", method, got, want)
		}
	}
}

// The spread of the targets belongs to the life of a model: clearing and
// loading begin anew, and it is neither saved nor mixed.
func TestSpread(t *testing.T) {
	e := build(t, workedConfig("PA"), true)
	b := newBare(e)
	for _, target := range []float64{1, -5, 9} {
		b.train(t, target, nums("f", 1.0))
	}
	l := table(e)
	if l.targets.n != 3 {
		t.Fatalf("%v targets", l.targets.n)
	}
	if ok, err := goldentest.Mix(e); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if l.targets.n != 3 {
		t.Error("mixing forgot the targets")
	}
	goldentest.Load(t, e, e.Pack(nil), engine.FromFile)
	if l.targets != (spread{}) {
		t.Error("loading did not forget the targets")
	}
	b.train(t, 1, nums("f", 1.0))
	b.do(t, "clear", nil)
	if l.targets != (spread{}) {
		t.Error("clearing did not forget the targets")
	}
}

// Values that are no numbers do not end anything; what cannot teach is not
// learned.
func TestNotNumbers(t *testing.T) {
	for _, x := range worked {
		e := build(t, workedConfig(x.method), false)
		b := newBare(e)
		b.train(t, math.NaN(), nums("f", 1.0))
		b.train(t, math.Inf(1), nums("g", 1.0))
		b.train(t, 1, nums("h", math.NaN(), "i", math.Inf(-1)))
		b.train(t, 1, nums("j", 1e-200)) // its square is 0
		b.estimate(t, nums("f", 1.0, "g", 1.0, "h", 1.0))
	}
}

// Two nodes learn apart and mix: weights become the average, and both answer
// the same.
func TestWorkedMix(t *testing.T) {
	a, b := build(t, workedConfig("AROW"), true), build(t, workedConfig("AROW"), true)
	newBare(a).train(t, 2, nums("f", 1.0, "g", 2.0))
	newBare(b).train(t, 3, nums("g", 1.0, "h", 1.0))
	wa, va, _ := table(a).table.Value([]byte("g@num"), 0)
	wb, vb, _ := table(b).table.Value([]byte("g@num"), 0)
	if ok, err := goldentest.Mix(a, b); err != nil || !ok {
		t.Fatal(ok, err)
	}
	for _, e := range []engine.Engine{a, b} {
		checkEntry(t, e, entry{"g", (wa + wb) / 2, math.Min(va, vb)})
		checkEntry(t, e, entry{"f", 0.316666666418314 / 2, 0.8333333333333334})
	}
}

// The bytes of get_diff, of a perceptron's relative.
func TestDiffBytes(t *testing.T) {
	e := build(t, workedConfig("PA"), true)
	b := newBare(e)
	mixed, err := goldentest.Mix(e)
	if err != nil || !mixed {
		t.Fatal(mixed, err)
	}
	b.train(t, 1.5, nums("x", 2.0, "y", 1.0))
	b.train(t, -2, nums("x", -1.0))
	const zero = "\xcb\x00\x00\x00\x00\x00\x00\x00\x00"
	want := "\x92\x92\x01\x92\x92" +
		"\x92\xa5x@num\x91\x92\xa1+\x93\xcb\x3f\xfd\x33\x33\x32\x80\x00\x00" + zero + zero +
		"\x92\xa5y@num\x91\x92\xa1+\x93\xcb\x3f\xd3\x33\x33\x33\x33\x33\x33" + zero + zero +
		"\x91\x01" + "\x92\x95\x00\x91\x80\x91\x80\x91\x80\x80\x91\x01"
	if got := string(goldentest.Diff(e)); got != want {
		t.Errorf("diff\n%x, want\n%x", got, want)
	}
}

// A model that fails to decode changes nothing.
func TestUnpackIsAllOrNothing(t *testing.T) {
	e := build(t, workedConfig("AROW"), false)
	b := newBare(e)
	b.train(t, 1, nums("f", 1.0))
	model := e.Pack(nil)
	b.train(t, 2, nums("g", 1.0))
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
