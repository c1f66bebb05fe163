package config_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/learner/config"
)

func integer(n int64) *config.Value  { return &config.Value{Kind: config.Integer, Int: n} }
func number(f float64) *config.Value { return &config.Value{Kind: config.Float, Float: f} }
func text(s string) *config.Value    { return &config.Value{Kind: config.String, Str: s} }
func array(e ...*config.Value) *config.Value {
	return &config.Value{Kind: config.Array, Elems: e}
}

func object(members ...config.Member) *config.Value {
	return &config.Value{Kind: config.Object, Members: members}
}

func TestParse(t *testing.T) {
	tests := map[string]*config.Value{
		`{}`:               object(),
		" \t\r\n\v\f[ ] x": array(),
		`{"a":1} trailing`: object(config.Member{Name: "a", Value: integer(1)}),
		`{"a":1}//c`:       object(config.Member{Name: "a", Value: integer(1)}),
		"{}\xff":           object(),
		`{"a":1,"b":2,"a":3}`: object(
			config.Member{Name: "a", Value: integer(3)}, config.Member{Name: "b", Value: integer(2)}),
		`[true, false,null]`:     array(&config.Value{Kind: config.Bool, Bool: true}, &config.Value{Kind: config.Bool}, &config.Value{}),
		`03`:                     integer(3),
		`-`:                      integer(0),
		`-0`:                     integer(0),
		`1.`:                     number(1),
		`-.5`:                    number(-0.5),
		`1e1`:                    number(10),
		`1e`:                     number(1),
		`1.5E-2`:                 number(0.015),
		`1e999`:                  number(math.Inf(1)),
		`9223372036854775807`:    integer(math.MaxInt64),
		`-9223372036854775808`:   integer(math.MinInt64),
		`99999999999999999999.0`: number(1e20),
		`"\"\\\/\b\f\n\r\t"`:     text("\"\\/\b\f\n\r\t"),
		`"\u0041\u00e9\u65E5"`:   text("A\u00e9\u65e5"),
		`"\ud83d\ude00"`:         text("\xed\xa0\xbd\xed\xb8\x80"), // halves of a pair stay apart
		`"\u0000"`:               text("\x00"),
		"\"日本\x7f\"":             text("日本\x7f"),
		`"` + "\ufffd" + `"`:     text("\ufffd"),
	}
	deepest := strings.Repeat("[", config.MaxDepth) + strings.Repeat("]", config.MaxDepth)
	tests[deepest] = nested(config.MaxDepth)
	for in, want := range tests {
		got, err := config.Parse([]byte(in))
		if err != nil {
			t.Errorf("Parse(%.40q): %v", in, err)
			continue
		}
		// cmp alone would take exponential time on deep nesting.
		if !reflect.DeepEqual(want, got) {
			t.Errorf("Parse(%.40q) (-want +got):\n%.2000s", in, cmp.Diff(want, got))
		}
	}
}

func nested(depth int) *config.Value {
	v := array()
	for range depth - 1 {
		v = array(v)
	}
	return v
}

func TestParseSyntaxErrors(t *testing.T) {
	tests := map[string]string{
		`{"window_size":3,}`:         `1:18 '"' is required but got '}'`,
		`{window_size:3}`:            `1:2 '"' is required but got 'w'`,
		`/*c*/{}`:                    `1:1 invalid char: '/' (U+002F)`,
		"\ufeff{}":                   "1:1 invalid char: '\ufeff' (U+FEFF)",
		"{\"日本\"\n  :3 \"b\"}":       `2:6 ',' is required but got '"'`,
		`{"日本":x}`:                   `1:7 invalid char: 'x' (U+0078)`,
		"{\"a\tb\":1}":               "1:5 unexpected unescaped char: '\t' (U+0009)",
		`+3`:                         `1:1 invalid char: '+' (U+002B)`,
		`.5`:                         `1:1 invalid char: '.' (U+002E)`,
		`{'a':1}`:                    `1:2 '"' is required but got '''`,
		`[1,]`:                       `1:4 invalid char: ']' (U+005D)`,
		`[tru]`:                      `1:5 'e' is required but got ']'`,
		`{"a" 1}`:                    `1:6 ':' is required but got '1'`,
		`["\x"]`:                     `1:5 invalid escape sequence: '\x'`,
		`["\u00g0"]`:                 `1:8 invalid hexadecimal digit: 'g'`,
		`[9223372036854775808]`:      `1:21 integer is out of range`,
		`[-9223372036854775809]`:     `1:22 integer is out of range`,
		strings.Repeat("[", 1001):    `1:1001 nested deeper than 1000 levels`,
		strings.Repeat("[", 1000000): `1:1001 nested deeper than 1000 levels`,
	}
	for in, want := range tests {
		_, err := config.Parse([]byte(in))
		var syntax *config.SyntaxError
		if !errors.As(err, &syntax) || err.Error() != want {
			t.Errorf("Parse(%.40q) = %v, want the syntax error %s", in, err, want)
		}
	}
}

func TestParseBrokenTexts(t *testing.T) {
	tests := []struct {
		in   string
		want error
		text string
	}{
		{"", config.ErrEndOfData, "json_parser reached end of data"},
		{" \n", config.ErrEndOfData, "json_parser reached end of data"},
		{`{"a":`, config.ErrEndOfData, "json_parser reached end of data"},
		{`{"a":1`, config.ErrEndOfData, "json_parser reached end of data"},
		{`{"a`, config.ErrEndOfData, "json_parser reached end of data"},
		{`"\u00`, config.ErrEndOfData, "json_parser reached end of data"},
		{"tr", config.ErrEndOfData, "json_parser reached end of data"},
		{"{\"\xff\":1}", config.ErrInvalidUTF8, "Invalid UTF-8"},
		{"\"\xed\xa0\xbd\"", config.ErrInvalidUTF8, "Invalid UTF-8"},
		{"\xe6\x97", config.ErrInvalidUTF8, "Invalid UTF-8"},
	}
	for _, tt := range tests {
		if _, err := config.Parse([]byte(tt.in)); !errors.Is(err, tt.want) || err.Error() != tt.text {
			t.Errorf("Parse(%q) = %v, want %v", tt.in, err, tt.want)
		}
	}
}

func TestEqual(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{`{"a":1,"b":[1,2]}`, "{ \"b\": [1, 2],\n\"a\": 1 }", true},
		{`[1,2]`, `[2,1]`, false},
		{`[1,2]`, `[1]`, false},
		{`1`, `1.0`, false},
		{`1.0`, `1e0`, true},
		{`"a"`, `"\u0061"`, true},
		{`true`, `false`, false},
		{`null`, `null`, true},
		{`null`, `0`, false},
		{`{"a":1}`, `{"b":1}`, false},
		{`{"a":1}`, `{"a":1,"b":1}`, false},
		{`{"a":{"b":1}}`, `{"a":{"b":2}}`, false},
	}
	for _, tt := range tests {
		a, b := mustParse(t, tt.a), mustParse(t, tt.b)
		if config.Equal(a, b) != tt.want || config.Equal(b, a) != tt.want {
			t.Errorf("Equal(%s, %s) is not %v", tt.a, tt.b, tt.want)
		}
	}
}

func mustParse(t *testing.T, text string) *config.Value {
	t.Helper()
	v, err := config.Parse([]byte(text))
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return v
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e3,"\u00e9",null,true]} x`, "-", `{"a`, "\xff", `"\ud800"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := config.Parse(in)
		var syntax *config.SyntaxError
		switch {
		case err == nil:
			if !config.Equal(v, v) && !strings.Contains(string(in), "e") {
				t.Error("a value is not equal to itself")
			}
			_ = config.Read(v, "").Err()
		case errors.As(err, &syntax):
			if syntax.Line < 1 || syntax.Column < 1 || syntax.Message == "" {
				t.Errorf("bad place: %+v", syntax)
			}
		case !errors.Is(err, config.ErrEndOfData) && !errors.Is(err, config.ErrInvalidUTF8):
			t.Errorf("unexpected kind of error: %v", err)
		}
	})
}
