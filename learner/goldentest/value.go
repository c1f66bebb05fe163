package goldentest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Value is what a MessagePack object can be: nil, bool, int64, uint64 (only
// above the range of int64), float64, string (text and bytes), List or Map.
type Value any

// List is an array.
type List []Value

// Map is a map in the order of its entries.
type Map []Entry

// Entry is an entry of a Map.
type Entry struct{ Key, Value Value }

// Get returns the value under a text key, nil if there is none.
func (m Map) Get(key string) Value {
	for _, e := range m {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// ParseJSON reads a recorded value. A number with a point or an exponent is a
// double, another an integer; {"$b64": "…"} is bytes.
func ParseJSON(text []byte) (Value, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := parse(d)
	if err != nil {
		return nil, fmt.Errorf("parsing recorded value: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("parsing recorded value: something follows it")
	}
	return v, nil
}

func parse(d *json.Decoder) (Value, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '[' {
			return parseList(d)
		}
		return parseMap(d)
	case json.Number:
		return parseNumber(t.String())
	default:
		return t, nil // nil, bool, string
	}
}

func parseNumber(s string) (Value, error) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i, nil
	}
	if u, err := strconv.ParseUint(s, 10, 64); err == nil {
		return u, nil
	}
	return strconv.ParseFloat(s, 64)
}

func parseList(d *json.Decoder) (Value, error) {
	l := List{}
	for d.More() {
		v, err := parse(d)
		if err != nil {
			return nil, err
		}
		l = append(l, v)
	}
	_, err := d.Token()
	return l, err
}

func parseMap(d *json.Decoder) (Value, error) {
	m := Map{}
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := parse(d)
		if err != nil {
			return nil, err
		}
		m = append(m, Entry{k, v})
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if len(m) == 1 && m[0].Key == "$b64" {
		s, _ := m[0].Value.(string)
		b, err := base64.StdEncoding.DecodeString(s)
		return string(b), err
	}
	return m, nil
}

// Append appends the value as MessagePack.
func Append(b []byte, v Value) []byte {
	switch v := v.(type) {
	case nil:
		return mpack.AppendNil(b)
	case bool:
		return mpack.AppendBool(b, v)
	case int64:
		return mpack.AppendInt(b, v)
	case uint64:
		return mpack.AppendUint(b, v)
	case float64:
		return mpack.AppendFloat64(b, v)
	case string:
		return mpack.AppendRaw(b, v)
	case List:
		b = mpack.AppendArrayHeader(b, len(v))
		for _, e := range v {
			b = Append(b, e)
		}
		return b
	case Map:
		b = mpack.AppendMapHeader(b, len(v))
		for _, e := range v {
			b = Append(Append(b, e.Key), e.Value)
		}
		return b
	default:
		panic(fmt.Sprintf("goldentest: %T is not a Value", v))
	}
}

// Decode reads a MessagePack object; something behind it is an error.
func Decode(b []byte) (Value, error) {
	r := mpack.NewReader(b)
	v, err := DecodeNext(&r)
	if err == nil && r.Len() > 0 {
		err = fmt.Errorf("%d bytes follow the object", r.Len())
	}
	return v, err
}

// DecodeNext reads one MessagePack object.
func DecodeNext(r *mpack.Reader) (Value, error) {
	switch r.Kind() {
	case mpack.Nil:
		r.SkipNil()
		return nil, nil
	case mpack.Bool:
		return r.Bool()
	case mpack.Float:
		return r.Float64()
	case mpack.Raw:
		return r.String()
	case mpack.Int:
		again := *r
		if i, err := r.Int64(); err == nil {
			return i, nil
		}
		*r = again
		return r.Uint64()
	case mpack.Array:
		n, err := r.ArrayHeader()
		if err != nil {
			return nil, err
		}
		l := List{}
		for range n {
			v, err := DecodeNext(r)
			if err != nil {
				return nil, err
			}
			l = append(l, v)
		}
		return l, nil
	case mpack.Map:
		n, err := r.MapHeader()
		if err != nil {
			return nil, err
		}
		m := Map{}
		for range n {
			k, err := DecodeNext(r)
			if err != nil {
				return nil, err
			}
			v, err := DecodeNext(r)
			if err != nil {
				return nil, err
			}
			m = append(m, Entry{k, v})
		}
		return m, nil
	default:
		return nil, r.Skip()
	}
}

// double returns a value as a double, as recordings write it too.
func double(v Value) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case string:
		switch v {
		case "Infinity":
			return math.Inf(1), true
		case "-Infinity":
			return math.Inf(-1), true
		case "NaN":
			return math.NaN(), true
		}
	}
	return 0, false
}
