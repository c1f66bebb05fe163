package mix

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/learner/storage"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// model is what fold tests mix: two counts, each with a name for a label.
type model [2]*storage.Counts

func newModel(labels ...string) model {
	m := model{storage.NewCounts(), storage.NewCounts()}
	for _, l := range labels {
		m[0].Add([]byte(l))
		m[1].Add([]byte(strings.ToUpper(l)))
	}
	return m
}

func (m model) mixables() []engine.Mixable { return []engine.Mixable{m[0], m[1]} }

func (m model) String() string {
	return goldentest.Show(decode(m[0].AppendAll(nil))) + goldentest.Show(decode(m[1].AppendAll(nil)))
}

func decode(b []byte) goldentest.Value {
	v, err := goldentest.Decode(b)
	if err != nil {
		return err.Error()
	}
	return v
}

func TestSplit(t *testing.T) {
	tests := []struct {
		name, payload string
		want          []string
		err           error
	}{
		{"two", "\x92\x01\x80", []string{"\x01", "\x80"}, nil},
		{"nested", "\x92\x92\x01\x02\xa1a", []string{"\x92\x01\x02", "\xa1a"}, nil},
		{"what follows", "\x92\x01\x02\xc1", []string{"\x01", "\x02"}, nil},
		{"one", "\x91\x01", nil, errShape},
		{"three", "\x93\x01\x02\x03", nil, errShape},
		{"no array", "\x82\x01\x02\x03\x04", nil, errShape},
		{"cut off", "\x92\x01", nil, mpack.ErrTruncated},
		{"empty", "", nil, mpack.ErrTruncated},
		{"garbage", "\x92\x01\xc1", nil, mpack.ErrSyntax},
		{"huge", "\xdd\xff\xff\xff\xff", nil, mpack.ErrTruncated},
		{"deep", strings.Repeat("\x91", 100) + "\x01", nil, mpack.ErrSyntax},
	}
	for _, tt := range tests {
		parts, err := split([]byte(tt.payload), 2)
		var got []string
		for _, p := range parts {
			got = append(got, string(p))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(err, tt.err) {
			t.Errorf("%s: error %v, parts (-want +got):\n%s", tt.name, err, diff)
		}
	}
}

// Payloads that cannot be used, some of which spoil what has been folded.
var useless = []string{
	"", "\xc1", "\xc0", "\x90", "\x91\x80", "\x93\x80\x80\x80",
	"\x92\x80",                                 // ends early
	"\x92\x80\x01",                             // the second is no map
	"\x92\x81\xa1z\x07\x81\xa1z\xa1z",          // the first counts, the second does not
	"\x92\x81\xa1z\x07\x82\xa1y\x01\xa1z\xc0",  // nor does this
	"\x92\x81\x01\x01\x80", "GET / HTTP/1.1\r", // nothing of it
}

// A diff that cannot be used does not matter to the others.
func TestFoldLeavesOut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		label := rapid.SampledFrom([]string{"a", "b", "c"})
		var all, good [][]byte
		var bad []bool
		sums := newModel()
		for range rapid.IntRange(0, 6).Draw(rt, "nodes") {
			if rapid.Bool().Draw(rt, "useless") {
				all = append(all, []byte(rapid.SampledFrom(useless).Draw(rt, "payload")))
				bad = append(bad, true)
				continue
			}
			labels := rapid.SliceOf(label).Draw(rt, "labels")
			d := diff(newModel(labels...).mixables(), nil)
			all, good, bad = append(all, d), append(good, d), append(bad, false)
			for _, l := range labels {
				sums[0].Add([]byte(l))
				sums[1].Add([]byte(strings.ToUpper(l)))
			}
		}
		mixed, refused := fold(newModel().mixables(), all)
		clean, _ := fold(newModel().mixables(), good)
		if !slices.Equal(mixed, clean) {
			rt.Fatalf("got %x, without the useless ones %x", mixed, clean)
		}
		for i, err := range refused {
			if (err != nil) != bad[i] {
				rt.Fatalf("diff %d, %x: %v", i, all[i], err)
			}
		}
		if len(good) == 0 {
			if mixed != nil {
				rt.Fatalf("of nothing became %x", mixed)
			}
			return
		}
		receiver := newModel()
		parts, err := split(mixed, 2)
		if err != nil {
			rt.Fatal(err)
		}
		accepted, touched, err := put(receiver.mixables(), parts)
		if !accepted || !touched || err != nil {
			rt.Fatalf("put: %v, %v, %v", accepted, touched, err)
		}
		if got, want := receiver.String(), sums.String(); got != want {
			rt.Fatalf("receiver has %s, want %s", got, want)
		}
	})
}

// fussy is a mixable that puts as it is told.
type fussy struct {
	engine.Mixable
	ok  bool
	err error
	put *int
}

func (f fussy) Put(*mpack.Reader) (bool, error) { *f.put++; return f.ok, f.err }

func TestPut(t *testing.T) {
	failure := errors.New("failure")
	tests := []struct {
		name              string
		first, second     fussy
		accepted, touched bool
		err               error
	}{
		{"all", fussy{ok: true}, fussy{ok: true}, true, true, nil},
		{"another version", fussy{}, fussy{ok: true}, false, true, nil},
		{"the version of none", fussy{}, fussy{}, false, false, nil},
		{"nothing fits", fussy{err: failure}, fussy{err: failure}, false, false, failure},
		{"only a part fits", fussy{ok: true}, fussy{err: failure}, false, true, failure},
		{"another part", fussy{err: failure}, fussy{ok: true}, false, true, failure},
	}
	for _, tt := range tests {
		calls := 0
		tt.first.put, tt.second.put = &calls, &calls
		accepted, touched, err := put([]engine.Mixable{tt.first, tt.second}, [][]byte{{0xc0}, {0xc0}})
		if accepted != tt.accepted || touched != tt.touched || err != tt.err || calls != 2 {
			t.Errorf("%s: %v, %v, %v after %d calls", tt.name, accepted, touched, err, calls)
		}
	}
}

// What was sent and got lost is sent again, together with what came later.
func TestKeep(t *testing.T) {
	m := newModel("a", "b")
	mixables := m.mixables()
	first := diff(mixables, nil)
	m[0].Add([]byte("a"))
	keep(mixables)
	// The others' diff mentions the same labels, as if ours were in it.
	parts, err := split(first, 2)
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := put(mixables, parts); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if got, want := m.String(), "[{a 3} {b 2}][{A 2} {B 2}]"; got != want {
		t.Errorf("model %s, want %s", got, want)
	}
	if got, want := goldentest.Show(decode(diff(mixables, nil))), "[[{a 2} {b 1}] [{A 1} {B 1}]]"; got != want {
		t.Errorf("diff %s, want %s", got, want)
	}
}

func FuzzFold(f *testing.F) {
	for _, u := range useless {
		f.Add([]byte(u))
	}
	f.Add(diff(newModel("a").mixables(), nil))
	f.Fuzz(func(t *testing.T, payload []byte) {
		good := diff(newModel("a", "b").mixables(), nil)
		mixed, refused := fold(newModel().mixables(), [][]byte{good, payload, good})
		if refused[0] != nil || refused[2] != nil || mixed == nil {
			t.Fatalf("refused: %v", refused)
		}
		parts, err := split(mixed, 2)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := put(newModel().mixables(), parts); err != nil {
			t.Fatal(err)
		}
	})
}
