package batch_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/jubatus/jubatus-go/learner/batch"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

var errBad = errors.New("bad datum")

// convert makes a vector of the names of a datum's numbers; it fails for one
// that is named bad.
func convert(d *datum.Datum, v *fv.Vector) error {
	v.Reset()
	for _, n := range d.Nums {
		if string(n.Key) == "bad" {
			return errBad
		}
		v.Append(n.Key, n.Value)
	}
	return nil
}

func call(model *sync.RWMutex, lock service.Lock, args []byte) *engine.Call {
	c := &engine.Call{Context: context.Background(), Args: mpack.NewReader(args), N: 1}
	c.Begin(model, lock)
	return c
}

// pairs is a list of [head, datum] of n pairs, the head of each being its
// place; the datum at bad, if there is one, does not convert.
func pairs(n, bad int) []byte {
	b := mpack.AppendArrayHeader(nil, n)
	for i := range n {
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendUint(b, uint64(i))
		b = datumNo(i, bad).Append(b)
	}
	return b
}

func datumNo(i, bad int) *datum.Datum {
	d := &datum.Datum{}
	name := "x"
	if i == bad {
		name = "bad"
	}
	d.AddNum(name, float64(i))
	return d
}

func TestLearn(t *testing.T) {
	var l batch.List[uint64]
	for _, n := range []int{0, 1, batch.Chunk - 1, batch.Chunk, batch.Chunk + 1, 3*batch.Chunk + 1} {
		for _, bad := range []int{-1, 0, n / 2, n - 1} {
			var model sync.RWMutex
			c := call(&model, service.Update, pairs(n, bad))
			learned := 0
			got, err := l.Learn(c, (*mpack.Reader).Uint64, convert, func(head uint64, v *fv.Vector) error {
				if model.TryRLock() {
					t.Fatal("learns without the model")
				}
				if head != uint64(learned) || v.Len() != 1 || v.Value(0) != float64(head) {
					t.Fatalf("head %d, vector of %d, but %d were learned", head, v.Len(), learned)
				}
				learned++
				return nil
			})
			c.Unlock()
			if fails := bad >= 0 && bad < n; fails && (err != errBad || learned != bad) {
				t.Errorf("%d pairs, number %d is bad: %v after %d", n, bad, err, learned)
			} else if !fails && (err != nil || got != n || learned != n) {
				t.Errorf("%d pairs: %d, %v, %d were learned", n, got, err, learned)
			}
		}
	}
}

// What learn refuses ends the call there.
func TestRefusal(t *testing.T) {
	var l batch.List[uint64]
	var model sync.RWMutex
	c := call(&model, service.Update, pairs(10, -1))
	refused, learned := errors.New("refused"), 0
	_, err := l.Learn(c, (*mpack.Reader).Uint64, convert, func(head uint64, _ *fv.Vector) error {
		if head == 7 {
			return refused
		}
		learned++
		return nil
	})
	c.Unlock()
	if err != refused || learned != 7 {
		t.Errorf("%v after %d", err, learned)
	}
}

// Missing elements are empty, whatever was there in the call before.
func TestMissing(t *testing.T) {
	var l batch.List[uint64]
	for _, args := range []string{"\x91\x93\x07\x93\x90\x91\x92\xa1x\x01\x90\xc0", "\x92\x90\x91\x05"} {
		var heads []uint64
		var lengths []int
		c := call(&sync.RWMutex{}, service.Update, []byte(args))
		_, err := l.Learn(c, (*mpack.Reader).Uint64, convert, func(head uint64, v *fv.Vector) error {
			heads, lengths = append(heads, head), append(lengths, v.Len())
			return nil
		})
		c.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		want, wantLengths := []uint64{7}, []int{1}
		if args[0] == '\x92' {
			want, wantLengths = []uint64{0, 5}, []int{0, 0}
		}
		if !slices.Equal(heads, want) || !slices.Equal(lengths, wantLengths) {
			t.Errorf("%q: heads %d of vectors of %d", args, heads, lengths)
		}
	}
}

// A list that is malformed, be it at its very end, does nothing at all.
func TestMalformed(t *testing.T) {
	for _, n := range []int{1, batch.Chunk, 4 * batch.Chunk} {
		var l batch.List[uint64]
		args := pairs(n, -1)
		for _, args := range [][]byte{args[:len(args)-1], append(args[:len(args)-1:len(args)-1], 0xc0), {0xc0}, {0xdd, 0xff, 0xff, 0xff, 0xff}} {
			c := call(&sync.RWMutex{}, service.Update, args)
			_, err := l.Learn(c, (*mpack.Reader).Uint64, convert, func(uint64, *fv.Vector) error {
				t.Error("learned")
				return nil
			})
			if err == nil {
				t.Errorf("%d pairs that are malformed were accepted", n)
			}
			c = call(&sync.RWMutex{}, service.Analysis, args)
			answer := func(b []byte, _ *fv.Vector) []byte { t.Error("answered"); return b }
			if err := l.Ask(c, convert, answer); err == nil || c.Out != nil {
				t.Errorf("%d data that are malformed were accepted", n)
			}
		}
	}
}

func TestAsk(t *testing.T) {
	var l batch.List[struct{}]
	for _, n := range []int{0, 1, batch.Chunk, 2*batch.Chunk + 1} {
		args := mpack.AppendArrayHeader(nil, n)
		want := mpack.AppendArrayHeader(nil, n)
		for i := range n {
			args = datumNo(i, -1).Append(args)
			want = mpack.AppendFloat64(want, float64(i))
		}
		var model sync.RWMutex
		c := call(&model, service.Analysis, args)
		err := l.Ask(c, convert, func(b []byte, v *fv.Vector) []byte {
			if model.TryLock() {
				t.Fatal("answers without the model")
			}
			return mpack.AppendFloat64(b, v.Value(0))
		})
		c.Unlock()
		if err != nil || !slices.Equal(c.Out, want) {
			t.Errorf("%d data: %x, %v", n, c.Out, err)
		}
	}
}

// Nothing comes of a list that is malformed at its very end, even if a datum
// before that does not convert.
func TestAskMalformed(t *testing.T) {
	var l batch.List[struct{}]
	const n = 3 * batch.Chunk
	for _, bad := range []int{-1, 0, batch.Chunk} {
		for _, malformed := range []bool{false, true} {
			args := mpack.AppendArrayHeader(nil, n)
			for i := range n - 1 {
				args = datumNo(i, bad).Append(args)
			}
			last := datumNo(n-1, bad).Append(nil)
			if malformed {
				last[len(last)-1] = 0xc0
			}
			c := call(&sync.RWMutex{}, service.Analysis, append(args, last...))
			err := l.Ask(c, convert, func(b []byte, _ *fv.Vector) []byte { return append(b, 0) })
			c.Unlock()
			failed := bad >= 0 || malformed
			if (err != nil) != failed || (err == errBad) != (failed && !malformed) || failed && c.Out != nil {
				t.Errorf("datum %d is bad, the last one malformed: %v; failed with %v, answered %x", bad, malformed, err, c.Out)
			}
		}
	}
}

func BenchmarkLearn(b *testing.B) {
	var l batch.List[uint64]
	args := pairs(100, -1)
	c := call(&sync.RWMutex{}, service.Update, nil)
	learn := func(uint64, *fv.Vector) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		c.Args = mpack.NewReader(args)
		if _, err := l.Learn(c, (*mpack.Reader).Uint64, convert, learn); err != nil {
			b.Fatal(err)
		}
	}
}
