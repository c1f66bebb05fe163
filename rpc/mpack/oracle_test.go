package mpack

import (
	"bytes"
	"math"
	"reflect"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"
)

// drawValue draws a value as the other implementation represents it.
func drawValue(t *rapid.T, depth int) any {
	kind := rapid.IntRange(0, 7).Draw(t, "kind")
	if depth == 0 && kind > 5 {
		kind = 0
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.Int64Range(math.MinInt64, -1).Draw(t, "negative")
	case 3:
		return rapid.Uint64().Draw(t, "number")
	case 4:
		return rapid.Float64().Draw(t, "float")
	case 5:
		return rapid.StringN(-1, -1, 300).Draw(t, "text")
	case 6:
		list := make([]any, rapid.IntRange(0, 20).Draw(t, "n"))
		for i := range list {
			list[i] = drawValue(t, depth-1)
		}
		return list
	default:
		m := make(map[string]any)
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			m[rapid.String().Draw(t, "key")] = drawValue(t, depth-1)
		}
		return m
	}
}

// write encodes a value with this package.
func write(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return AppendNil(b)
	case bool:
		return AppendBool(b, v)
	case int64:
		return AppendInt(b, v)
	case uint64:
		return AppendUint(b, v)
	case float64:
		return AppendFloat64(b, v)
	case string:
		return AppendRaw(b, v)
	case []any:
		b = AppendArrayHeader(b, len(v))
		for _, e := range v {
			b = write(b, e)
		}
		return b
	default:
		m := v.(map[string]any)
		b = AppendMapHeader(b, len(m))
		for k, e := range m {
			b = write(AppendRaw(b, k), e)
		}
		return b
	}
}

// read decodes a value with this package.
func read(t *rapid.T, r *Reader) any {
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	switch r.Kind() {
	case Nil:
		r.SkipNil()
		return nil
	case Bool:
		v, err := r.Bool()
		must(err)
		return v
	case Int:
		at := *r
		if v, err := r.Uint64(); err == nil {
			return v
		}
		*r = at
		v, err := r.Int64()
		must(err)
		return v
	case Float:
		v, err := r.Float64()
		must(err)
		return v
	case Raw:
		v, err := r.String()
		must(err)
		return v
	case Array:
		n, err := r.ArrayHeader()
		must(err)
		list := make([]any, n)
		for i := range list {
			list[i] = read(t, r)
		}
		return list
	case Map:
		n, err := r.MapHeader()
		must(err)
		m := make(map[string]any, n)
		for range n {
			k, err := r.String()
			must(err)
			m[k] = read(t, r)
		}
		return m
	default:
		t.Fatalf("kind %v", r.Kind())
		return nil
	}
}

// normal turns all integers into the types that drawValue draws.
func normal(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
		return v
	case map[string]any:
		for k := range v {
			v[k] = normal(v[k])
		}
		return v
	}
	rv := reflect.ValueOf(v)
	switch {
	case v == nil:
	case rv.CanInt() && rv.Int() < 0:
		return rv.Int()
	case rv.CanInt():
		return uint64(rv.Int())
	case rv.CanUint():
		return rv.Uint()
	}
	return v
}

// same compares values, with all NaNs equal.
func same(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || math.IsNaN(a) && math.IsNaN(b))
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !same(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k := range a {
			if e, ok := b[k]; !ok || !same(a[k], e) {
				return false
			}
		}
		return true
	default:
		return a == b
	}
}

// TestAgainstOracle: what this package writes another implementation reads,
// and the other way round.
func TestAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawValue(t, 4)
		ours := write(nil, v)
		var got any
		if err := msgpack.Unmarshal(ours, &got); err != nil {
			t.Fatalf("the oracle does not read % x: %v", ours, err)
		}
		if got = normal(got); !same(v, got) {
			t.Fatalf("the oracle reads %#v from %#v", got, v)
		}
		theirs, err := msgpack.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range [][]byte{ours, theirs} {
			r := NewReader(b)
			if err := r.Skip(); err != nil || r.Len() != 0 {
				t.Fatalf("skip: %v, %d bytes left", err, r.Len())
			}
			r = NewReader(b)
			if got := read(t, &r); !same(v, got) || r.Len() != 0 {
				t.Fatalf("read %#v, wrote %#v", got, v)
			}
			for cut := range b {
				r := NewReader(b[:cut])
				if err := r.Skip(); err != ErrTruncated {
					t.Fatalf("skip of the first %d bytes: %v", cut, err)
				}
			}
		}
	})
}

// FuzzReader: no input makes a Reader panic or read beyond its bytes, and
// what it skips whole is what the oracle decodes.
func FuzzReader(f *testing.F) {
	for _, s := range []string{"c0", "93 01 a161 cb 3ff0000000000000", "82 a161 01 a162 90", "dd ffffffff", "db ffffffff 00", "c7 01 01 01", "9191919190", "d9 01 61", "de 0001 01 02"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, try := range []func(r *Reader) error{
			func(r *Reader) error { _, err := r.Raw(); return err },
			func(r *Reader) error { _, err := r.Int32(); return err },
			func(r *Reader) error { _, err := r.Int64(); return err },
			func(r *Reader) error { _, err := r.Uint32(); return err },
			func(r *Reader) error { _, err := r.Uint64(); return err },
			func(r *Reader) error { _, err := r.Float64(); return err },
			func(r *Reader) error { _, err := r.Bool(); return err },
			func(r *Reader) error { return r.Tuple(2) },
			func(r *Reader) error {
				n, err := r.ArrayHeader()
				if err == nil && n > r.Len() {
					t.Errorf("an array of %d in %d bytes", n, r.Len())
				}
				return err
			},
			func(r *Reader) error {
				n, err := r.MapHeader()
				if err == nil && 2*n > r.Len() {
					t.Errorf("a map of %d in %d bytes", n, r.Len())
				}
				return err
			},
		} {
			r := NewReader(b)
			if err := try(&r); err == nil && r.Pos() == 0 || r.Pos() > len(b) {
				t.Errorf("at %d of %d after %v", r.Pos(), len(b), err)
			}
		}
		AppendText(nil, b)
		r := NewReader(b)
		o, err := r.Object()
		if err != nil {
			return
		}
		dec := msgpack.NewDecoder(bytes.NewReader(o))
		if err := dec.Skip(); err != nil {
			t.Errorf("the oracle does not skip % x: %v", o, err)
		}
		if _, err := dec.PeekCode(); err == nil {
			t.Errorf("the oracle finds more than one object in % x", o)
		}
	})
}
