package sparse

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func vector(entries ...any) *fv.Vector {
	v := &fv.Vector{}
	for i := 0; i < len(entries); i += 2 {
		v.AppendString(entries[i].(string), entries[i+1].(float64))
	}
	return v
}

// list is a row as text, in its order.
func list(s *Store, id string) string {
	var v fv.Vector
	s.Vector([]byte(id), &v)
	text := ""
	for i := range v.Len() {
		text += fmt.Sprintf("%s=%v ", v.Key(i), v.Value(i))
	}
	return text
}

func TestMerge(t *testing.T) {
	s := New()
	s.Merge([]byte("first"), vector("b", 1.0, "a", 2.0))
	s.Merge([]byte("r"), vector("c", 1.0, "a", 1.0, "c", 3.0))
	if got := list(s, "r"); got != "a=1 c=3 " {
		t.Errorf("row is %q", got)
	}
	s.Merge([]byte("r"), vector("b", 5.0, "c", 4.0))
	if got := list(s, "r"); got != "b=5 a=1 c=4 " {
		t.Errorf("row is %q", got)
	}
	s.Merge([]byte("r"), vector())
	s.Merge([]byte("empty"), vector())
	if row, ok := s.Row([]byte("empty")); !ok || len(row) != 0 || s.Len() != 3 {
		t.Errorf("an empty row is %v, %v, of %d rows", row, ok, s.Len())
	}
	if !s.Remove([]byte("r")) || s.Remove([]byte("r")) || list(s, "r") != "" {
		t.Error("not removed once")
	}
	// Features keep their numbers.
	s.Merge([]byte("r"), vector("c", 1.0, "b", 1.0))
	if got := list(s, "r"); got != "b=1 c=1 " {
		t.Errorf("row is %q", got)
	}
	s.Clear()
	s.Merge([]byte("r"), vector("c", 1.0, "b", 1.0))
	if got := list(s, "r"); got != "c=1 b=1 " {
		t.Errorf("row is %q after all was cleared", got)
	}
}

func reload(t interface {
	Helper()
	Fatal(...any)
}, s *Store) *Store {
	t.Helper()
	fresh := New()
	r := mpack.NewReader(s.Pack(nil))
	commit, err := fresh.Unpack(&r)
	if err != nil {
		t.Fatal(err)
	}
	commit()
	return fresh
}

func TestAgainstMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, m := New(), map[string]map[string]float64{}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			id := fmt.Sprint("r", rapid.IntRange(0, 5).Draw(t, "row"))
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				s.Remove([]byte(id))
				delete(m, id)
			case 1:
				s = reload(t, s)
			default:
				if m[id] == nil {
					m[id] = map[string]float64{}
				}
				v := &fv.Vector{}
				for range rapid.IntRange(0, 6).Draw(t, "features") {
					key, value := fmt.Sprint("f", rapid.IntRange(0, 9).Draw(t, "feature")), rapid.Float64().Draw(t, "value")
					v.AppendString(key, value)
					m[id][key] = value
				}
				s.Merge([]byte(id), v)
			}
		}
		var ids []string
		for id := range s.IDs {
			ids = append(ids, id)
			row, _ := s.Row([]byte(id))
			if !slices.IsSortedFunc(row, func(a, b Entry) int { return cmp.Compare(a.Feature, b.Feature) }) {
				t.Fatalf("row %v is not in order", row)
			}
			got := map[string]float64{}
			for _, e := range row {
				got[s.Name(e.Feature)] = e.Value
			}
			if !maps.Equal(got, m[id]) || len(got) != len(row) {
				t.Fatalf("row %s is %v, want %v", id, got, m[id])
			}
		}
		if len(ids) != len(m) {
			t.Fatalf("rows are %q, want %d", ids, len(m))
		}
	})
}

func FuzzUnpack(f *testing.F) {
	s := New()
	s.Merge([]byte("a"), vector("f", 1.0, "g", 2.0))
	s.Merge([]byte("b"), vector("g", 1.0))
	f.Add(s.Pack(nil))
	f.Add([]byte{0x92, 0x81, 0xa1, 'a', 0x82, 0x05, 0xcb, 0, 0, 0, 0, 0, 0, 0, 0, 0x03, 0x01, 0x91, 0x82, 0xa1, 'f', 0x05, 0xa1, 'g', 0x03})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := New()
		r := mpack.NewReader(b)
		commit, err := s.Unpack(&r)
		if err != nil {
			return
		}
		commit()
		before := map[string]string{}
		for id := range s.IDs {
			before[id] = list(s, id)
		}
		again := reload(t, s)
		for id, row := range before {
			if got := list(again, id); got != row {
				t.Errorf("row %q is %q, was %q", id, got, row)
			}
		}
		s.Merge([]byte("a"), vector("g", 1.0, "f", 2.0))
	})
}

func BenchmarkMerge(b *testing.B) {
	s := New()
	v := &fv.Vector{}
	for i := range 30 {
		v.AppendString(fmt.Sprintf("word%d$str@str#bin/bin", i), 1)
	}
	var ids [][]byte
	for i := range 1000 {
		ids = append(ids, fmt.Append(nil, "row", i))
		s.Merge(ids[i], v)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Merge(ids[i%len(ids)], v)
	}
}
