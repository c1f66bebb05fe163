package rowtable

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

var (
	_ engine.Mixable = (*Table)(nil)
	_ engine.Keeper  = (*Table)(nil)
	_ engine.Pusher  = (*Table)(nil)
)

func small(owner string) *Table { return New(owner, Bits(70), Double()) }

// set sets a row whose columns are made of one number.
func (t *Table) set(id string, x int) {
	row, err := t.Set([]byte(id))
	if err != nil {
		panic(err)
	}
	w := t.WordsOf(0, row)
	w[0], w[1] = uint64(x)*0x9e3779b97f4a7c15, uint64(x)&63
	t.Doubles(1)[row] = float64(x) / 3
}

// is reports whether a row's columns are made of that number.
func (t *Table) is(row, x int) bool {
	w := t.WordsOf(0, row)
	return w[0] == uint64(x)*0x9e3779b97f4a7c15 && w[1] == uint64(x)&63 && t.Doubles(1)[row] == float64(x)/3
}

func load(t interface{ Fatal(...any) }, to *Table, model []byte) {
	r := mpack.NewReader(model)
	commit, err := to.Unpack(&r)
	if err != nil {
		t.Fatal(err)
	}
	commit()
}

// What happens to a table happens to a list of rows, through model files, too.
func TestAgainstList(t *testing.T) {
	type row struct {
		id string
		x  int
	}
	rapid.Check(t, func(t *rapid.T) {
		table := small("me")
		var list []row
		id := rapid.Custom(func(t *rapid.T) string {
			s := rapid.SampledFrom([]string{"", "a", "b", "c", "d", "row", "日本"}).Draw(t, "id")
			return s + strings.Repeat("x", rapid.SampledFrom([]int{0, 1, 126, 127, 128, 20000}).Draw(t, "length"))
		})
		clock := 0
		for i := range rapid.IntRange(0, 80).Draw(t, "steps") {
			at := func(id string) int { return slices.IndexFunc(list, func(r row) bool { return r.id == id }) }
			switch rapid.IntRange(0, 20).Draw(t, "op") {
			case 0:
				table.Clear()
				list, clock = nil, 0
			case 1:
				again := small("other")
				load(t, again, table.Pack(nil))
				if !bytes.Equal(again.Pack(nil), table.Pack(nil)) {
					t.Fatal("packs differ")
				}
				load(t, table, again.Pack(nil))
			case 2, 3, 4, 5, 6:
				id := id.Draw(t, "id")
				k := at(id)
				if got := table.Delete([]byte(id)); got != (k >= 0) {
					t.Fatalf("deleted %q: %v", id, got)
				}
				if k >= 0 {
					list[k] = list[len(list)-1]
					list = list[:len(list)-1]
					clock++
				}
			default:
				id := id.Draw(t, "id")
				table.set(id, i)
				clock++
				if k := at(id); k >= 0 {
					list[k].x = i
				} else {
					list = append(list, row{id, i})
				}
			}
			if table.Len() != len(list) || table.clock != uint64(clock) {
				t.Fatalf("%d rows at %d, want %d at %d", table.Len(), table.clock, len(list), clock)
			}
			for k, r := range list {
				if got, ok := table.Find([]byte(r.id)); got != k || !ok || string(table.ID(k)) != r.id || !table.is(k, r.x) {
					t.Fatalf("row %d is %q and found at %d, want %q", k, table.ID(k), got, r.id)
				}
			}
			if _, ok := table.Find([]byte("nobody")); ok {
				t.Fatal("found nobody")
			}
		}
	})
}

// The bytes of another implementation.
func TestBytes(t *testing.T) {
	table := New("127.0.0.1_21210", Bits(64))
	for i, w := range []uint64{0x49d27477e7120faa, 0xb6ed8988386df055} {
		row, _ := table.Set(fmt.Appendf(nil, "r%d", i+1))
		table.Words(0)[row] = w
	}
	const (
		owner = "91af3132372e302e302e315f3231323130"
		model = "96" + "92a27231a27232" + "02" + "9292" + owner + "0092" + owner + "01" +
			"9192920a4092cf49d27477e7120faacfb6ed8988386df055" + "02" + "82a2723100a2723201"
		rows = "9293a2723192" + owner + "00919240a849d27477e7120faa93a2723292" + owner + "01919240a8b6ed8988386df055"
	)
	if got := hex.EncodeToString(table.Pack(nil)); got != model {
		t.Errorf("model\n%s, want\n%s", got, model)
	}
	if got := hex.EncodeToString(table.Diff(nil)); got != "da0047"+rows {
		t.Errorf("diff\n%s, want\n%s", got, "da0047"+rows)
	}
	empty := mpack.NewReader([]byte{0x80})
	if got, err := table.Pull(&empty, nil); err != nil || hex.EncodeToString(got) != rows {
		t.Errorf("pulled\n%x, %v, want\n%s", got, err, rows)
	}
	if got := New("x").Diff(nil); string(got) != "\xa1\x90" {
		t.Errorf("empty diff %x", got)
	}
}

func TestUnpackIsAllOrNothing(t *testing.T) {
	table := small("me")
	table.set("a", 1)
	table.set("b", 2)
	model := table.Pack(nil)
	table.set("c", 3)
	before := table.Pack(nil)
	for n := range model {
		r := mpack.NewReader(model[:n])
		if _, err := table.Unpack(&r); err == nil {
			t.Fatalf("the first %d bytes of %d are a table", n, len(model))
		}
	}
	for _, c := range []struct{ is, was, want string }{
		{"column of fewer bits", "\x0a\x46", "\x0a\x45"},
		{"other type", "\x09\x00", "\x08\x00"},
		{"an id twice", "\x92\xa1a\xa1b", "\x92\xa1a\xa1a"},
		{"other count", "\xa1b\x02", "\xa1b\x03"},
		{"other position", "\xa1b\x01", "\xa1b\x00"},
	} {
		bad := bytes.Replace(model, []byte(c.was), []byte(c.want), 1)
		if bytes.Equal(bad, model) {
			t.Fatalf("%s: nothing replaced in %x", c.is, model)
		}
		r := mpack.NewReader(bad)
		if _, err := table.Unpack(&r); err == nil {
			t.Errorf("%s: accepted", c.is)
		}
	}
	if !bytes.Equal(table.Pack(nil), before) {
		t.Error("a bad model changed the table")
	}
}

func FuzzUnpack(f *testing.F) {
	table := small("me")
	table.set("a", 1)
	table.set("b", 2)
	f.Add(table.Pack(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		table := small("me")
		r := mpack.NewReader(b)
		commit, err := table.Unpack(&r)
		if err != nil {
			return
		}
		commit()
		again := small("me")
		load(t, again, table.Pack(nil))
		if !bytes.Equal(again.Pack(nil), table.Pack(nil)) {
			t.Error("packs differ")
		}
		for table.Len() > 0 {
			if !table.Delete(bytes.Clone(table.ID(0))) {
				t.Fatal("a row is not found")
			}
		}
	})
}

func BenchmarkSet(b *testing.B) {
	table := New("me", Bits(64))
	var id []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		id = fmt.Appendf(id[:0], "row%d", i)
		row, err := table.Set(id)
		if err != nil {
			b.Fatal(err)
		}
		table.Words(0)[row] = uint64(i)
	}
}

func BenchmarkFind(b *testing.B) {
	table := New("me", Bits(64))
	keys := make([][]byte, 1<<20)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "row%d", i)
		table.Set(keys[i])
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		table.Find(keys[i*7919&(1<<20-1)])
	}
}
