// Package call is the command "jubatus call": any RPC from a shell, with JSON
// for arguments and results.
//
// JSON and MessagePack do not have the same types. A JSON number with a point
// or an exponent is a double, one without is an integer. Bytes that are not
// UTF-8 are {"$b64": "…"}, and doubles that JSON cannot say are
// {"$f64": "NaN"}, "Infinity" or "-Infinity".
package call

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

const (
	bytesKey = "$b64"
	floatKey = "$f64"
)

// AppendJSON appends the MessagePack form of one JSON value.
func AppendJSON(b []byte, text []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not JSON: something follows the value")
	}
	return appendValue(b, v)
}

func appendValue(b []byte, v any) ([]byte, error) {
	var err error
	switch v := v.(type) {
	case nil:
		return mpack.AppendNil(b), nil
	case bool:
		return mpack.AppendBool(b, v), nil
	case string:
		return mpack.AppendRaw(b, v), nil
	case json.Number:
		return appendNumber(b, string(v))
	case []any:
		b = mpack.AppendArrayHeader(b, len(v))
		for _, e := range v {
			if b, err = appendValue(b, e); err != nil {
				return nil, err
			}
		}
		return b, nil
	case map[string]any:
		return appendObject(b, v)
	default:
		return nil, fmt.Errorf("unknown JSON type %T", v)
	}
}

func appendNumber(b []byte, text string) ([]byte, error) {
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("number out of range: %s", text)
		}
		return mpack.AppendFloat64(b, f), nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return mpack.AppendInt(b, n), nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("number out of range: %s", text)
	}
	return mpack.AppendUint(b, n), nil
}

func appendObject(b []byte, v map[string]any) ([]byte, error) {
	if text, ok := only(v, bytesKey); ok {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", bytesKey, err)
		}
		return mpack.AppendRaw(b, raw), nil
	}
	if text, ok := only(v, floatKey); ok {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", floatKey, err)
		}
		return mpack.AppendFloat64(b, f), nil
	}
	b = mpack.AppendMapHeader(b, len(v))
	for _, key := range slices.Sorted(maps.Keys(v)) {
		b = mpack.AppendRaw(b, key)
		var err error
		if b, err = appendValue(b, v[key]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// only returns the text under key if that is all there is in v.
func only(v map[string]any, key string) (string, bool) {
	text, ok := v[key].(string)
	return text, ok && len(v) == 1
}

// AppendValue appends the JSON form of the MessagePack value at the cursor.
// Maps keep their order; a key that is not text is written as a string of its
// JSON form.
func AppendValue(b []byte, r *mpack.Reader) ([]byte, error) {
	return appendDepth(b, r, mpack.MaxDepth)
}

func appendDepth(b []byte, r *mpack.Reader, depth int) ([]byte, error) {
	switch r.Kind() {
	case mpack.Nil:
		r.SkipNil()
		return append(b, "null"...), nil
	case mpack.Bool:
		v, err := r.Bool()
		return strconv.AppendBool(b, v), err
	case mpack.Int:
		signed := *r
		if n, err := signed.Int64(); err == nil {
			*r = signed
			return strconv.AppendInt(b, n, 10), nil
		}
		n, err := r.Uint64()
		return strconv.AppendUint(b, n, 10), err
	case mpack.Float:
		f, err := r.Float64()
		return appendFloat(b, f), err
	case mpack.Raw:
		s, err := r.Raw()
		return appendText(b, s), err
	case mpack.Array:
		return appendArray(b, r, depth)
	case mpack.Map:
		return appendMap(b, r, depth)
	default:
		return b, r.Skip()
	}
}

func appendArray(b []byte, r *mpack.Reader, depth int) ([]byte, error) {
	if depth == 0 {
		return b, mpack.ErrSyntax
	}
	n, err := r.ArrayHeader()
	if err != nil {
		return b, err
	}
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendDepth(b, r, depth-1); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

func appendMap(b []byte, r *mpack.Reader, depth int) ([]byte, error) {
	if depth == 0 {
		return b, mpack.ErrSyntax
	}
	n, err := r.MapHeader()
	if err != nil {
		return b, err
	}
	b = append(b, '{')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		start, isText := len(b), r.Kind() == mpack.Raw
		if b, err = appendDepth(b, r, depth-1); err != nil {
			return b, err
		}
		if !isText || b[start] == '{' {
			b = appendText(b[:start], bytes.Clone(b[start:]))
		}
		b = append(b, ':')
		if b, err = appendDepth(b, r, depth-1); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

// appendFloat always writes a point or an exponent.
func appendFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `{"`+floatKey+`":"NaN"}`...)
	case math.IsInf(f, 1):
		return append(b, `{"`+floatKey+`":"Infinity"}`...)
	case math.IsInf(f, -1):
		return append(b, `{"`+floatKey+`":"-Infinity"}`...)
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, 'g', -1, 64)
	if !bytes.ContainsAny(b[start:], ".e") {
		b = append(b, ".0"...)
	}
	return b
}

func appendText(b, s []byte) []byte {
	if !utf8.Valid(s) {
		b = append(b, `{"`+bytesKey+`":"`...)
		b = base64.StdEncoding.AppendEncode(b, s)
		return append(b, `"}`...)
	}
	b = append(b, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < 0x20:
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
