package burst

import (
	"bytes"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// fed is an engine that has results and input of two keywords.
func fed(t testing.TB) *Burst {
	c, b := alone(t, configText(5, 10, 5, 5, -1))
	for _, k := range []string{"hot", "day"} {
		c.ask("add_keyword", kw(k, 1.5, 1))
	}
	for _, pos := range []float64{1, 2, 15, 33, 47, 90} {
		c.ask("add_documents", list{doc(pos, "hot"), doc(pos, "day"), doc(pos, "x")})
	}
	return b
}

func recorded(f *testing.F) *goldentest.ModelCase {
	return goldentest.ReadModel(f, golden+"/models/burst.model.json")
}

// Whatever a model is, it is taken whole or not at all, and what was taken can
// be worked with and packed.
func FuzzUnpack(f *testing.F) {
	f.Add(recorded(f).Model)
	f.Add(fed(f).Pack(nil))
	f.Fuzz(func(t *testing.T, model []byte) {
		b := fed(t)
		before := b.Pack(nil)
		r := mpack.NewReader(model)
		commit, err := b.Unpack(&r, engine.FromFile)
		if !bytes.Equal(before, b.Pack(nil)) {
			t.Fatal("reading changed the model")
		}
		if err != nil {
			return
		}
		commit()
		use(t, b)
	})
}

// use works with an engine and sees whether its model can be read again.
func use(t *testing.T, b *Burst) {
	t.Helper()
	c := &client{t, goldentest.InProcess(b)}
	c.ask("add_documents", list{doc(95, "hot day"), doc(1e6, "hot")})
	c.ask("get_all_bursted_results")
	c.ask("get_all_bursted_results_at", 95.0)
	b.mix.Diff(nil)
	packed := b.Pack(nil)
	r := mpack.NewReader(packed)
	commit, err := b.Unpack(&r, engine.FromFile)
	if err != nil {
		t.Fatalf("what was packed cannot be read: %v", err)
	}
	commit()
	if again := b.Pack(nil); !bytes.Equal(packed, again) {
		t.Fatalf("packed\n%x, and again\n%x", packed, again)
	}
}

// Whatever a diff is, folding and putting it agree about it, and the engine can
// be worked with afterwards.
func FuzzDiff(f *testing.F) {
	f.Add(fed(f).mix.Diff(nil))
	f.Add([]byte{0x90})
	f.Add([]byte{0x91, 0x80})
	f.Fuzz(func(t *testing.T, diff []byte) {
		b := fed(t)
		before := b.Pack(nil)
		fold := b.mix.NewFold()
		own := mpack.NewReader(b.mix.Diff(nil))
		if err := fold.Add(&own); err != nil {
			t.Fatal(err)
		}
		alone := fold.Append(nil)
		r := mpack.NewReader(diff)
		folded := fold.Add(&r)
		if folded != nil && !bytes.Equal(alone, fold.Append(nil)) {
			t.Fatal("a bad diff was folded in part")
		}
		r = mpack.NewReader(diff)
		if ok, err := b.mix.Put(&r); ok != (err == nil) || (err == nil) != (folded == nil) {
			t.Fatalf("put: %v, %v; folded: %v", ok, err, folded)
		} else if err != nil && !bytes.Equal(before, b.Pack(nil)) {
			t.Fatal("a bad diff changed the model")
		}
		mixed := mpack.NewReader(fold.Append(nil))
		if ok, err := b.mix.Put(&mixed); !ok || err != nil {
			t.Fatal(ok, err)
		}
		use(t, b)
	})
}

// Whatever a call's arguments are, they do no harm.
func FuzzDocuments(f *testing.F) {
	f.Add(goldentest.Append(nil, list{list{doc(95, "hot"), doc(1, "x"), doc(1e6, "day")}}))
	f.Fuzz(func(t *testing.T, args []byte) {
		b := fed(t)
		goldentest.InProcess(b)("add_documents", args) //nolint:errcheck // any answer will do
		use(t, b)
	})
}
