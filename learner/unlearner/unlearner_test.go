package unlearner

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func sticky(id []byte) bool { return strings.HasPrefix(string(id), "S") }

// touch touches ids in turn and returns "id" or "!id" if that failed, with
// "-victim" for each that was forgotten.
func touch(u Unlearner, ids ...string) (log []string) {
	u.OnForget(func(id string) { log = append(log, "-"+id) })
	for _, id := range ids {
		could := u.CanTouch([]byte(id))
		before := len(log)
		if u.Touch([]byte(id)) {
			log = append(log, id)
		} else {
			log = append(log, "!"+id)
		}
		if !could && len(log) != before+1 {
			log = append(log, "?"+id)
		}
	}
	return log
}

func TestLRU(t *testing.T) {
	for _, c := range []struct {
		name     string
		size     int
		sticky   func([]byte) bool
		ids, log []string
	}{
		{"room", 3, nil, []string{"a", "b", "a"}, []string{"a", "b", "a"}},
		{"oldest goes", 2, nil, []string{"a", "b", "c"}, []string{"a", "b", "-a", "c"}},
		{"touching renews", 2, nil, []string{"a", "b", "a", "c"}, []string{"a", "b", "a", "-b", "c"}},
		{"sticky stays", 2, sticky, []string{"A", "S1", "B", "S2", "C", "S1", "S3"},
			[]string{"A", "S1", "-A", "B", "-B", "S2", "!C", "S1", "!S3"}},
	} {
		u := NewLRU(c.size, c.sticky)
		if got := touch(u, c.ids...); !slices.Equal(got, c.log) {
			t.Errorf("%s: %q, want %q", c.name, got, c.log)
		}
	}
}

func TestLRUCanTouch(t *testing.T) {
	u := NewLRU(2, sticky)
	touch(u, "S1", "S2")
	for id, want := range map[string]bool{"S1": true, "S3": false, "a": false} {
		if got := u.CanTouch([]byte(id)); got != want {
			t.Errorf("CanTouch(%s) is %v", id, got)
		}
	}
	if !u.Remove([]byte("S1")) || u.Remove([]byte("S1")) || !u.CanTouch([]byte("a")) {
		t.Error("Remove made no room")
	}
}

func TestRandom(t *testing.T) {
	// The draws for size 3 and this seed are 1, 1, 0, 0, 2.
	u := NewRandom(3, 9193)
	want := []string{"a", "b", "c", "b", "-b", "d", "-d", "e", "-a", "f", "-f", "g", "-c", "h"}
	if got := touch(u, "a", "b", "c", "b", "d", "e", "f", "g", "h"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if !u.Remove([]byte("g")) || u.Knows([]byte("g")) || u.Remove([]byte("g")) {
		t.Error("Remove does not remove")
	}
	if got := string(u.Pack(nil)); got != "\x92\x82\xa1h\x00\xa1e\x01\x92\xa1h\xa1e" {
		t.Errorf("packed %q: the last id does not fill the hole", got)
	}
}

func TestPack(t *testing.T) {
	u := NewLRU(4, sticky)
	touch(u, "a", "S1", "b", "a")
	packed := u.Pack(nil)
	if got := string(packed); got != "\x92\x92\xa1a\xa1b\x91\xa2S1" {
		t.Errorf("packed %q", got)
	}
	again := NewLRU(3, sticky)
	load(t, again, packed)
	if got := touch(again, "c", "d"); !slices.Equal(got, []string{"-b", "c", "-a", "d"}) {
		t.Errorf("after loading: %q", got)
	}
	for i := range packed {
		r := mpack.NewReader(packed[:i])
		if _, err := again.Unpack(&r); err == nil {
			t.Errorf("the first %d bytes were accepted", i)
		}
	}
}

func load(t interface{ Fatal(...any) }, u Unlearner, packed []byte) {
	r := mpack.NewReader(packed)
	commit, err := u.Unpack(&r)
	if err != nil {
		t.Fatal(err)
	}
	commit()
}

// Whatever happens no more ids are held than there is room for, those that
// are held are exactly those that were touched and not forgotten, and packing
// loses nothing.
func TestHoldsWhatItSays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(1, 5).Draw(rt, "size")
		build := func() Unlearner { return NewLRU(size, sticky) }
		if rapid.Bool().Draw(rt, "random") {
			build = func() Unlearner { return NewRandom(size, 7) }
		}
		u := build()
		held := map[string]bool{}
		u.OnForget(func(id string) {
			if !held[id] {
				rt.Fatalf("%s is forgotten, but is not held", id)
			}
			delete(held, id)
		})
		for range rapid.IntRange(0, 50).Draw(rt, "steps") {
			id := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g", "S1", "S2", "S3"}).Draw(rt, "id")
			if rapid.IntRange(0, 4).Draw(rt, "what") == 0 {
				if got := u.Remove([]byte(id)); got != held[id] {
					rt.Fatalf("Remove(%s) is %v", id, got)
				}
				delete(held, id)
			} else if could := u.CanTouch([]byte(id)); u.Touch([]byte(id)) {
				held[id] = true
			} else if could {
				rt.Fatalf("Touch(%s) failed after CanTouch", id)
			}
			if len(held) > size {
				rt.Fatalf("%d held, room for %d", len(held), size)
			}
		}
		again := build()
		load(rt, again, u.Pack(nil))
		for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "S1", "S2", "S3"} {
			if u.Knows([]byte(id)) != held[id] || again.Knows([]byte(id)) != held[id] {
				rt.Fatalf("%s: known %v, known after packing %v, want %v", id,
					u.Knows([]byte(id)), again.Knows([]byte(id)), held[id])
			}
		}
	})
}

func TestStatus(t *testing.T) {
	u := NewLRU(4, sticky)
	touch(u, "a", "S1", "b")
	r := NewRandom(4, 1)
	touch(r, "a", "S1", "b")
	for _, c := range []struct {
		u    Unlearner
		want map[string]string
	}{
		{u, map[string]string{"num_unlearner_unlearned_ids": "2", "num_unlearner_sticky_ids": "1"}},
		{r, map[string]string{"num_unlearner_ids": "3"}},
	} {
		got := map[string]string{}
		c.u.Status(func(k, v string) { got[k] = v })
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// Without a seed the clock seeds: the microseconds, cut to 32 bits.
func TestSeedFromClock(t *testing.T) {
	v, err := config.Parse([]byte(`{"unlearner":"random","unlearner_parameter":{"max_size":3}}`))
	if err != nil {
		t.Fatal(err)
	}
	now := time.UnixMicro(1<<32*5 + 9193)
	u, err := New(Read(config.Read(v, ".parameter")), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a", "b", "c", "-b", "d"}
	if got := touch(u, "a", "b", "c", "d"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzUnpack(f *testing.F) {
	u := NewLRU(4, sticky)
	touch(u, "a", "S1", "b")
	r := NewRandom(4, 1)
	touch(r, "a", "b")
	f.Add(u.Pack(nil))
	f.Add(r.Pack(nil))
	f.Add([]byte{0x92, 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, packed []byte) {
		for _, u := range []Unlearner{NewLRU(2, sticky), NewRandom(2, 1)} {
			r := mpack.NewReader(packed)
			commit, err := u.Unpack(&r)
			if err != nil {
				continue
			}
			commit()
			u.Touch([]byte("x"))
			u.Remove([]byte("a"))
			u.Pack(nil)
		}
	})
}

func BenchmarkTouch(b *testing.B) {
	ids := make([][]byte, 1000)
	for i := range ids {
		ids[i] = fmt.Append(nil, "id", i)
	}
	for name, u := range map[string]Unlearner{"lru": NewLRU(1000, nil), "random": NewRandom(1000, 1)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				u.Touch(ids[i%len(ids)])
			}
		})
	}
}
