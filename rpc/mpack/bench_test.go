package mpack

import "testing"

// pairs is an array of 100 pairs of a short text and a double.
func pairs() []byte {
	b := AppendArrayHeader(nil, 100)
	for range 100 {
		b = AppendFloat64(AppendRaw(AppendArrayHeader(b, 2), "feature"), 1.5)
	}
	return b
}

func BenchmarkAppend(b *testing.B) {
	var buf []byte
	b.SetBytes(int64(len(pairs())))
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendArrayHeader(buf[:0], 100)
		for range 100 {
			buf = AppendFloat64(AppendRaw(AppendArrayHeader(buf, 2), "feature"), 1.5)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	buf := pairs()
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(buf)
		n, _ := r.ArrayHeader()
		for range n {
			if err := r.Tuple(2); err != nil {
				b.Fatal(err)
			}
			r.Raw()
			r.Float64()
		}
		if r.Len() > 0 {
			b.Fatal("not at the end")
		}
	}
}

func BenchmarkSkip(b *testing.B) {
	buf := pairs()
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(buf)
		if err := r.Skip(); err != nil {
			b.Fatal(err)
		}
	}
}
