// Package datum holds the unit of input of every learning engine, a list of
// text, number and binary values under names, and its wire form.
package datum

import "github.com/jubatus/jubatus-go/rpc/mpack"

// Datum is a set of named values in the order they were given. Names may
// repeat. After Decode the byte slices alias the decoded bytes.
type Datum struct {
	Strings  []Pair
	Nums     []Num
	Binaries []Pair
}

// Pair is a named text or binary value.
type Pair struct{ Key, Value []byte }

// Num is a named number.
type Num struct {
	Key   []byte
	Value float64
}

// Reset empties the datum and keeps its memory.
func (d *Datum) Reset() {
	d.Strings, d.Nums, d.Binaries = d.Strings[:0], d.Nums[:0], d.Binaries[:0]
}

// AddString appends a text value.
func (d *Datum) AddString(key, value string) {
	d.Strings = append(d.Strings, Pair{[]byte(key), []byte(value)})
}

// AddNum appends a number.
func (d *Datum) AddNum(key string, value float64) {
	d.Nums = append(d.Nums, Num{[]byte(key), value})
}

// AddBinary appends a binary value.
func (d *Datum) AddBinary(key string, value []byte) {
	d.Binaries = append(d.Binaries, Pair{[]byte(key), value})
}

// Clone returns a copy that aliases nothing.
func (d *Datum) Clone() Datum {
	c := Datum{
		Strings:  make([]Pair, len(d.Strings)),
		Nums:     make([]Num, len(d.Nums)),
		Binaries: make([]Pair, len(d.Binaries)),
	}
	for i, p := range d.Strings {
		c.Strings[i] = p.clone()
	}
	for i, n := range d.Nums {
		c.Nums[i] = Num{append([]byte(nil), n.Key...), n.Value}
	}
	for i, p := range d.Binaries {
		c.Binaries[i] = p.clone()
	}
	return c
}

func (p Pair) clone() Pair {
	return Pair{append([]byte(nil), p.Key...), append([]byte(nil), p.Value...)}
}

// Decode replaces d by the datum at the cursor. The outer array may be
// shorter or longer than three; the pairs must be pairs. The datum aliases the
// reader's bytes. Errors are those of mpack.
func (d *Datum) Decode(r *mpack.Reader) error {
	d.Reset()
	return d.read(r, true)
}

// Check reads a datum that nobody needs and fails as Decode does.
func Check(r *mpack.Reader) error {
	var none Datum
	return none.read(r, false)
}

// read reads a datum, and keeps what is in there or not.
func (d *Datum) read(r *mpack.Reader, keep bool) error {
	n, err := r.ArrayHeader()
	if err != nil {
		return err
	}
	for i := range n {
		switch i {
		case 0:
			d.Strings, err = readPairs(r, d.Strings, keep)
		case 1:
			d.Nums, err = readNums(r, d.Nums, keep)
		case 2:
			d.Binaries, err = readPairs(r, d.Binaries, keep)
		default:
			err = r.Skip()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func readPairs(r *mpack.Reader, to []Pair, keep bool) ([]Pair, error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return to, err
	}
	b, short := r.Rest(), 0 // short is the bytes of short pairs at the start of b
	for range n {
		p := b[short:]
		if k, m := mpack.ShortRawPair(p); k >= 0 {
			if keep {
				to = append(to, Pair{p[2 : k+2 : k+2], p[k+3 : k+m+3 : k+m+3]})
			}
			short += k + m + 3
			continue
		}
		r.Advance(short)
		key, value, err := r.RawPair()
		if err != nil {
			return to, err
		}
		if keep {
			to = append(to, Pair{key, value})
		}
		b, short = r.Rest(), 0
	}
	r.Advance(short)
	return to, nil
}

func readNums(r *mpack.Reader, to []Num, keep bool) ([]Num, error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return to, err
	}
	b, short := r.Rest(), 0
	for range n {
		p := b[short:]
		if k := mpack.ShortNumPair(p); k >= 0 {
			if keep {
				to = append(to, Num{p[2 : k+2 : k+2], mpack.Double(p, k+11)})
			}
			short += k + 11
			continue
		}
		r.Advance(short)
		key, value, err := r.NumPair()
		if err != nil {
			return to, err
		}
		if keep {
			to = append(to, Num{key, value})
		}
		b, short = r.Rest(), 0
	}
	r.Advance(short)
	return to, nil
}

// Append appends the datum's wire form, always with all three parts.
func (d *Datum) Append(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 3)
	b = appendPairs(b, d.Strings)
	b = mpack.AppendArrayHeader(b, len(d.Nums))
	for _, v := range d.Nums {
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendRaw(b, v.Key)
		b = mpack.AppendFloat64(b, v.Value)
	}
	return appendPairs(b, d.Binaries)
}

func appendPairs(b []byte, pairs []Pair) []byte {
	b = mpack.AppendArrayHeader(b, len(pairs))
	for _, p := range pairs {
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendRaw(b, p.Key)
		b = mpack.AppendRaw(b, p.Value)
	}
	return b
}
