package anomaly

import (
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// fuzzed are the configurations that payloads are tried on.
func fuzzed() []string {
	lru := `,"unlearner":"lru","unlearner_parameter":{"max_size":3}`
	return []string{
		lofConfig(2, 3, ""), lofConfig(2, 3, lru),
		lightConfig(2, 3, ""), lightConfig(2, 3, lru),
	}
}

// usable fails if an engine has taken something that it cannot work with.
// Errors are in order: a payload can bring rows without what belongs to them.
func usable(t *testing.T, e engine.Engine) {
	c := client{t, goldentest.InProcess(e)}
	for range 3 {
		_, _ = c.do("add", x(2.5))
	}
	_, _ = c.do("add_bulk", list(1, 2, 3))
	_, _ = c.do("overwrite", "0", x(7))
	_, _ = c.do("clear_row", "1")
	_, _ = c.do("calc_score", x(4))
	c.must("get_all_rows")
	status(e)
	for _, m := range e.Mixables() {
		diff := mpack.NewReader(m.Diff(nil))
		fold := m.NewFold()
		if err := fold.Add(&diff); err != nil {
			t.Errorf("its own diff: %v", err)
		}
		put(t, m, fold.Append(nil))
	}
	r := mpack.NewReader(e.Pack(nil))
	if _, err := e.Unpack(&r, engine.FromFile); err != nil {
		t.Errorf("its own model: %v", err)
	}
}

func FuzzModel(f *testing.F) {
	for _, cfg := range fuzzed() {
		e := build(f, cfg, false)
		f.Add(e.Pack(nil))
		c := client{f, goldentest.InProcess(e)}
		for i := range 4 {
			c.add(float64(i + 1))
		}
		f.Add(e.Pack(nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, cfg := range fuzzed() {
			for _, from := range []engine.Source{engine.FromFile, engine.FromPeer} {
				e := build(t, cfg, true)
				c := client{t, goldentest.InProcess(e)}
				c.add(1)
				before := e.Pack(nil)
				r := mpack.NewReader(data)
				commit, err := e.Unpack(&r, from)
				goldentest.SameObject(t, "before commit", before, e.Pack(nil), goldentest.AsIs, 0)
				if err == nil {
					commit()
					usable(t, e)
				}
			}
		}
	})
}

func FuzzMix(f *testing.F) {
	for _, cfg := range fuzzed() {
		e := build(f, cfg, true)
		c := client{f, goldentest.InProcess(e)}
		for i := range 4 {
			c.add(float64(i + 1))
		}
		for i, m := range e.Mixables() {
			f.Add(i, m.Diff(nil))
		}
	}
	f.Fuzz(func(t *testing.T, part int, data []byte) {
		for _, cfg := range fuzzed() {
			e := build(t, cfg, true)
			c := client{t, goldentest.InProcess(e)}
			c.add(1)
			c.add(2)
			m := e.Mixables()[max(part%len(e.Mixables()), 0)]
			fold := m.NewFold()
			r := mpack.NewReader(data)
			if err := fold.Add(&r); err == nil {
				put(t, m, fold.Append(nil))
			}
			before := e.Pack(nil)
			r = mpack.NewReader(data)
			if ok, err := m.Put(&r); !ok || err != nil {
				goldentest.SameObject(t, "a diff that is wrong", before, e.Pack(nil), goldentest.AsIs, 0)
			}
			if p, ok := m.(engine.Pusher); ok {
				r = mpack.NewReader(data)
				_ = p.Push(&r)
				r = mpack.NewReader(data)
				_, _ = p.Pull(&r, nil)
			}
			usable(t, e)
		}
	})
}
