package mpack

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAppend(t *testing.T) {
	raw := func(n int) string { return strings.Repeat("61", n) }
	for _, tc := range []struct {
		name string
		got  []byte
		want string
	}{
		{"nil", AppendNil(nil), "c0"},
		{"false", AppendBool(nil, false), "c2"},
		{"true", AppendBool(nil, true), "c3"},
		{"0", AppendInt(nil, 0), "00"},
		{"127", AppendInt(nil, 127), "7f"},
		{"128", AppendInt(nil, 128), "cc80"},
		{"255", AppendInt(nil, 255), "ccff"},
		{"256", AppendInt(nil, 256), "cd0100"},
		{"65535", AppendInt(nil, 65535), "cdffff"},
		{"65536", AppendInt(nil, 65536), "ce00010000"},
		{"2^32-1", AppendInt(nil, 1<<32-1), "ceffffffff"},
		{"2^32", AppendInt(nil, 1<<32), "cf0000000100000000"},
		{"2^64-1", AppendUint(nil, math.MaxUint64), "cfffffffffffffffff"},
		{"-1", AppendInt(nil, -1), "ff"},
		{"-32", AppendInt(nil, -32), "e0"},
		{"-33", AppendInt(nil, -33), "d0df"},
		{"-128", AppendInt(nil, -128), "d080"},
		{"-129", AppendInt(nil, -129), "d1ff7f"},
		{"-32768", AppendInt(nil, -32768), "d18000"},
		{"-32769", AppendInt(nil, -32769), "d2ffff7fff"},
		{"-2^31", AppendInt(nil, math.MinInt32), "d280000000"},
		{"-2^31-1", AppendInt(nil, math.MinInt32-1), "d3ffffffff7fffffff"},
		{"-2^63", AppendInt(nil, math.MinInt64), "d38000000000000000"},
		{"1.0", AppendFloat64(nil, 1), "cb3ff0000000000000"},
		{"1.0f", AppendFloat32(nil, 1), "ca3f800000"},
		{"empty", AppendRaw(nil, ""), "a0"},
		{"31 bytes", AppendRaw(nil, strings.Repeat("a", 31)), "bf" + raw(31)},
		{"32 bytes are raw16, not str8", AppendRaw(nil, strings.Repeat("a", 32)), "da0020" + raw(32)},
		{"65535 bytes", AppendRaw(nil, bytes.Repeat([]byte("a"), 65535)), "daffff" + raw(65535)},
		{"65536 bytes", AppendRaw(nil, bytes.Repeat([]byte("a"), 65536)), "db00010000" + raw(65536)},
		{"array 15", AppendArrayHeader(nil, 15), "9f"},
		{"array 16", AppendArrayHeader(nil, 16), "dc0010"},
		{"array 65536", AppendArrayHeader(nil, 65536), "dd00010000"},
		{"map 15", AppendMapHeader(nil, 15), "8f"},
		{"map 16", AppendMapHeader(nil, 16), "de0010"},
		{"map 65536", AppendMapHeader(nil, 65536), "df00010000"},
	} {
		if !bytes.Equal(tc.got, unhex(t, tc.want)) {
			t.Errorf("%s: got %x", tc.name, tc.got)
		}
	}
}

// TestNumbers reads every encoding as every type; "-" means a cast error.
func TestNumbers(t *testing.T) {
	for _, tc := range []struct {
		in                      string
		i32, i64, u32, u64, f64 any
	}{
		{"00", int32(0), int64(0), uint32(0), uint64(0), 0.0},
		{"7f", int32(127), int64(127), uint32(127), uint64(127), 127.0},
		{"ff", int32(-1), int64(-1), nil, nil, -1.0},
		{"e0", int32(-32), int64(-32), nil, nil, -32.0},
		{"cc05", int32(5), int64(5), uint32(5), uint64(5), 5.0},
		{"cd0005", int32(5), int64(5), uint32(5), uint64(5), 5.0},
		{"ce00000005", int32(5), int64(5), uint32(5), uint64(5), 5.0},
		{"cf0000000000000005", int32(5), int64(5), uint32(5), uint64(5), 5.0},
		{"d005", int32(5), int64(5), uint32(5), uint64(5), 5.0},
		{"d10005", int32(5), int64(5), uint32(5), uint64(5), 5.0},
		{"d200000005", int32(5), int64(5), uint32(5), uint64(5), 5.0},
		{"d30000000000000005", int32(5), int64(5), uint32(5), uint64(5), 5.0},
		{"d080", int32(-128), int64(-128), nil, nil, -128.0},
		{"d18000", int32(-32768), int64(-32768), nil, nil, -32768.0},
		{"d280000000", int32(math.MinInt32), int64(math.MinInt32), nil, nil, -2147483648.0},
		{"ce7fffffff", int32(math.MaxInt32), int64(math.MaxInt32), uint32(math.MaxInt32), uint64(math.MaxInt32), 2147483647.0},
		{"ce80000000", nil, int64(1 << 31), uint32(1 << 31), uint64(1 << 31), 2147483648.0},
		{"ceffffffff", nil, int64(1<<32 - 1), uint32(1<<32 - 1), uint64(1<<32 - 1), 4294967295.0},
		{"cf0000000100000000", nil, int64(1 << 32), nil, uint64(1 << 32), 4294967296.0},
		{"cfffffffffffffffff", nil, nil, nil, uint64(math.MaxUint64), 18446744073709551616.0},
		{"d38000000000000000", nil, int64(math.MinInt64), nil, nil, -9223372036854775808.0},
		{"d3ffffffff7fffffff", nil, int64(math.MinInt32 - 1), nil, nil, -2147483649.0},
		{"cf0020000000000001", nil, int64(1<<53 + 1), nil, uint64(1<<53 + 1), 9007199254740992.0},
		{"ca3f800000", nil, nil, nil, nil, 1.0},
		{"cb3ff8000000000000", nil, nil, nil, nil, 1.5},
		{"c0", nil, nil, nil, nil, nil},
		{"c3", nil, nil, nil, nil, nil},
		{"a131", nil, nil, nil, nil, nil},
		{"90", nil, nil, nil, nil, nil},
		{"80", nil, nil, nil, nil, nil},
	} {
		check := func(typ string, want any, read func(r *Reader) (any, error)) {
			t.Helper()
			r := NewReader(unhex(t, tc.in))
			got, err := read(&r)
			switch {
			case want == nil && !IsCast(err):
				t.Errorf("%s as %s: got %v, %v, want a cast error", tc.in, typ, got, err)
			case want != nil && (err != nil || got != want || r.Len() != 0):
				t.Errorf("%s as %s: got %v, %v, want %v", tc.in, typ, got, err, want)
			}
		}
		check("i32", tc.i32, func(r *Reader) (any, error) { return r.Int32() })
		check("i64", tc.i64, func(r *Reader) (any, error) { return r.Int64() })
		check("u32", tc.u32, func(r *Reader) (any, error) { return r.Uint32() })
		check("u64", tc.u64, func(r *Reader) (any, error) { return r.Uint64() })
		check("f64", tc.f64, func(r *Reader) (any, error) { return r.Float64() })
	}
}

func TestRaw(t *testing.T) {
	for _, in := range []string{"a2 00ff", "d9 02 00ff", "da 0002 00ff", "db 00000002 00ff", "c4 02 00ff", "c5 0002 00ff", "c6 00000002 00ff"} {
		r := NewReader(unhex(t, in))
		if s, err := r.String(); err != nil || s != "\x00\xff" || r.Len() != 0 || r.Pos() != len(unhex(t, in)) {
			t.Errorf("%s: %q, %v", in, s, err)
		}
	}
	b := unhex(t, "a161 a162")
	r := NewReader(b)
	s, _ := r.Raw()
	if _ = append(s, 'x'); b[2] != 0xa1 {
		t.Errorf("appending to a raw changed what follows it")
	}
}

func TestErrors(t *testing.T) {
	raw := func(r *Reader) error { _, err := r.Raw(); return err }
	array := func(r *Reader) error { _, err := r.ArrayHeader(); return err }
	mapping := func(r *Reader) error { _, err := r.MapHeader(); return err }
	float := func(r *Reader) error { _, err := r.Float64(); return err }
	boolean := func(r *Reader) error { _, err := r.Bool(); return err }
	pair := func(r *Reader) error { return r.Tuple(2) }
	for _, tc := range []struct {
		name, in string
		read     func(*Reader) error
		want     error
	}{
		{"raw at the end", "", raw, ErrTruncated},
		{"raw without its bytes", "a2 61", raw, ErrTruncated},
		{"raw without its length", "da 00", raw, ErrTruncated},
		{"raw of 4 GB", "db ffffffff 61", raw, ErrTruncated},
		{"raw, but nil", "c0", raw, ErrType},
		{"raw, but ext", "c7 01 01 01", raw, ErrSyntax},
		{"raw, but reserved", "c1", raw, ErrSyntax},
		{"array longer than its bytes", "93 01 02", array, ErrTruncated},
		{"array of 4 G", "dd ffffffff 00", array, ErrTruncated},
		{"array, but map", "80", array, ErrType},
		{"array, but nil", "c0", array, ErrType},
		{"map longer than its bytes", "82 01 02 03", mapping, ErrTruncated},
		{"map of 4 G", "df ffffffff 00", mapping, ErrTruncated},
		{"map, but array", "90", mapping, ErrType},
		{"float cut short", "cb 00", float, ErrTruncated},
		{"float32 cut short", "ca 00", float, ErrTruncated},
		{"float, but bool", "c3", float, ErrType},
		{"bool, but 1", "01", boolean, ErrType},
		{"bool, but nil", "c0", boolean, ErrType},
		{"pair of one", "91 01", pair, ErrLength},
		{"pair of three", "93 01 02 03", pair, ErrLength},
		{"pair as map", "81 01 02", pair, ErrType},
		{"pair", "92 01 02", pair, nil},
		{"nested 32 deep", strings.Repeat("91", 31) + "90", (*Reader).Skip, nil},
		{"nested 33 deep", strings.Repeat("91", 32) + "90", (*Reader).Skip, ErrSyntax},
		{"maps nested 33 deep", strings.Repeat("8101", 32) + "80", (*Reader).Skip, ErrSyntax},
		{"nested 10000 deep", strings.Repeat("91", 10000), (*Reader).Skip, ErrSyntax},
		{"ext within", "91 d4 01 01", (*Reader).Skip, ErrSyntax},
		{"cut short within", "92 01", (*Reader).Skip, ErrTruncated},
		{"nothing to skip", "", (*Reader).Skip, ErrTruncated},
		{"no containers allowed", "90", func(r *Reader) error { return r.SkipDepth(0) }, ErrSyntax},
	} {
		r := NewReader(unhex(t, tc.in))
		if err := tc.read(&r); !errors.Is(err, tc.want) || (tc.want == nil) != (err == nil) {
			t.Errorf("%s: got %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestObjects(t *testing.T) {
	r := NewReader(unhex(t, "c0 c3 93 01 a161 82 01 02 03 04 cb 3ff0000000000000"))
	if !r.SkipNil() || r.SkipNil() {
		t.Error("SkipNil is wrong")
	}
	if v, err := r.Bool(); !v || err != nil {
		t.Error(v, err)
	}
	if r.Kind() != Array {
		t.Errorf("kind %v", r.Kind())
	}
	o, err := r.Object()
	if want := unhex(t, "93 01 a161 82 01 02 03 04"); err != nil || !bytes.Equal(o, want) || cap(o) != len(o) {
		t.Errorf("object % x, %v", o, err)
	}
	if r.Len() != 9 || len(r.Rest()) != 9 || r.Kind() != Float {
		t.Errorf("%d bytes left", r.Len())
	}
	var zero Reader
	if zero.Kind() != Invalid || zero.Len() != 0 || zero.Skip() != ErrTruncated {
		t.Error("the zero Reader is not at the end of nothing")
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"c0": "nil", "c3": "true", "c2": "false", "2a": "42", "ff": "-1", "cfffffffffffffffff": "18446744073709551615",
		"cb3ff8000000000000": "1.5", "cb3ff0000000000000": "1", "a26869": `"hi"`, "c40122": `"""`,
		"92a16101": `["a", 1]`, "90": "[]", "80": "{}", "82a161c0a16290": `{"a"=>nil, "b"=>[]}`,
		"91c1": "[", "": "",
	} {
		if got := string(AppendText(nil, unhex(t, in))); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	AppendText(nil, bytes.Repeat([]byte{0x91}, 100_000)) // must not exhaust the stack
}

// Pairs read in one go are what they are read piece by piece.
func TestPairs(t *testing.T) {
	short, long := AppendRaw(nil, "abc"), AppendRaw(nil, strings.Repeat("x", 40))
	elements := [][]byte{
		short, long, AppendRaw(nil, ""), AppendRaw(nil, strings.Repeat("y", 31)), {0xd9, 2, 'o', 'k'}, {0xc4, 1, 0},
		AppendFloat64(nil, 1.5), AppendFloat32(nil, 2.5), AppendInt(nil, -7), AppendUint(nil, 1<<40),
		AppendNil(nil), AppendArrayHeader(nil, 0), {0xc1}, {},
	}
	inputs := [][]byte{{}, {0x92}, {0x91, 0xa0}, {0x93, 0xa0, 0xa0, 0xa0}, {0x92, 0xbf, 'a'}, {0xdc, 0, 2, 0xa0, 0xa0}}
	for _, a := range elements {
		for _, b := range elements {
			whole := append(append([]byte{0x92}, a...), b...)
			for n := range len(whole) + 1 {
				inputs = append(inputs, whole[:n:n])
			}
			inputs = append(inputs, append(whole, 0xc0))
		}
	}
	nums, raws := 0, 0
	for _, in := range inputs {
		r := NewReader(in)
		key, value, err := r.NumPair()
		if n := ShortNumPair(in); n >= 0 {
			nums++
			if err != nil || len(key) != n || value != Double(in, n+11) || r.Pos() != n+11 {
				t.Errorf("% x: a name of %d bytes, and %q, %v, %v", in, n, key, value, err)
			}
		}
		r = NewReader(in)
		key, text, err := r.RawPair()
		if n, m := ShortRawPair(in); n >= 0 {
			raws++
			if err != nil || len(key) != n || len(text) != m || r.Pos() != n+m+3 {
				t.Errorf("% x: %d and %d bytes, and %q, %q, %v", in, n, m, key, text, err)
			}
		}
	}
	// Three of the elements are short Raws, one is a double.
	if nums != 3*2 || raws != 9*2 {
		t.Errorf("%d and %d pairs are short", nums, raws)
	}
}
