package config_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/learner/config"
)

func TestReadEveryType(t *testing.T) {
	v := mustParse(t, `{
		"s": "text", "i": 4294967299, "i64": 4294967299, "f": 0.5, "whole": 2, "b": true, "any": [1], "null": null,
		"o": {"x": 1}, "list": [{"y": 1}, {"y": 2}],
		"types": {"bigram": {"method": "ngram", "char_num": "2"}, "none": {}}
	}`)
	o := config.Read(v, "")
	check := func(name string, got, want any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	check("String", o.String("s"), "text")
	check("Int keeps the low bits", o.Int("i"), int32(3))
	check("Int64", o.Int64("i64"), int64(4294967299))
	check("Float", o.Float("f"), 0.5)
	check("Float of an integer", o.Float("whole"), 2.0)
	check("Bool", o.Bool("b"), true)
	check("Any", o.Any("any").Kind, config.Array)
	check("Object", o.Object("o").Int("x"), int32(1))
	var ys []int32
	for _, e := range o.Objects("list") {
		ys = append(ys, e.Int("y"))
	}
	check("Objects", ys, []int32{1, 2})
	check("OptStringMap", o.OptStringMap("types"), map[string]map[string]string{
		"bigram": {"method": "ngram", "char_num": "2"}, "none": {}})

	// Absent and null both mean "not given".
	for _, k := range []string{"null", "absent"} {
		if _, ok := o.OptString(k); ok {
			t.Errorf("OptString(%s) found something", k)
		}
		if _, ok := o.OptInt(k); ok {
			t.Errorf("OptInt(%s) found something", k)
		}
		if _, ok := o.OptInt64(k); ok {
			t.Errorf("OptInt64(%s) found something", k)
		}
		if _, ok := o.OptFloat(k); ok {
			t.Errorf("OptFloat(%s) found something", k)
		}
		if _, ok := o.OptBool(k); ok {
			t.Errorf("OptBool(%s) found something", k)
		}
		if o.OptAny(k) != nil || o.OptObject(k) != nil || o.OptObjects(k) != nil || o.OptStringMap(k) != nil {
			t.Errorf("an optional %s was found", k)
		}
	}
	if err := o.Err(); err != nil {
		t.Errorf("Err() = %v", err)
	}
}

// classifier reads the schema of a classifier's root.
func classifier(o *config.Reader) {
	o.String("method")
	o.OptAny("parameter")
	o.Any("converter")
}

func TestReadDiagnostics(t *testing.T) {
	const invalid = "jubatus::core::common::config_exception: invalid configuration"
	tests := []struct {
		name, text, path string
		read             func(o *config.Reader)
		want             string
	}{
		{"missing", `{"method":"PA"}`, "", classifier,
			invalid + "\n    (#0) Message: \"converter\" is not found ()"},
		{"all at once, unknown first, in document order", `{"zzz":1,"method":3,"aaa":1}`, "", classifier,
			invalid + "\n    (#0) Message: \"zzz\" is not used ()" +
				"\n    (#0) Message: \"aaa\" is not used ()" +
				"\n    (#0) Message: String is expected, but Integer is given. (.method)" +
				"\n    (#0) Message: \"converter\" is not found ()"},
		{"null for a required member", `{"method":null,"converter":{}}`, "", classifier,
			invalid + "\n    (#0) Message: String is expected, but Null is given. (.method)"},
		{"integers", `{"a":1.0,"b":1e1,"c":"1"}`, ".parameter",
			func(o *config.Reader) { o.Int("a"); o.OptInt64("b"); o.OptFloat("c") },
			invalid + "\n    (#0) Message: Integer is expected, but Float is given. (.parameter.a)" +
				"\n    (#0) Message: Integer is expected, but Float is given. (.parameter.b)" +
				"\n    (#0) Message: Float is expected, but String is given. (.parameter.c)"},
		{"arrays", `{"a":{},"b":[{"x":1},{}]}`, "",
			func(o *config.Reader) {
				o.Objects("a")
				for _, e := range o.Objects("b") {
					e.Int("x")
				}
			},
			invalid + "\n    (#0) Message: Array is expected, but Object is given. (.a)" +
				"\n    (#0) Message: \"x\" is not found (.b[1])"},
		{"free-form maps", `{"t":{"a":{"method":2},"b":[]},"u":3}`, "",
			func(o *config.Reader) { o.OptStringMap("t"); o.OptStringMap("u") },
			invalid + "\n    (#0) Message: String is expected, but Integer is given. (.t.a.method)" +
				"\n    (#0) Message: Object is expected, but Array is given. (.t.b)" +
				"\n    (#0) Message: Object is expected, but Integer is given. (.u)"},
		{"missing object", `{}`, "", func(o *config.Reader) { o.Object("o").Object("p").Int("x") },
			invalid + "\n    (#0) Message: \"o\" is not found ()"},
		{"boolean", `{"b":0}`, "", func(o *config.Reader) { o.Bool("b") },
			invalid + "\n    (#0) Message: Bool is expected, but Integer is given. (.b)"},
		{"no object stops at once", `{"method":3,"converter":[],"zzz":1}`, "",
			func(o *config.Reader) { o.String("method"); o.Object("converter").Int("x"); o.Int("missing") },
			"jubatus::core::common::jsonconfig::type_error: Object is expected, but Array is given. (.converter)"},
		{"no object in an array", `{"a":[{},3]}`, "", func(o *config.Reader) { o.Objects("a") },
			"jubatus::core::common::jsonconfig::type_error: Object is expected, but Integer is given. (.a[1])"},
		{"root is no object", `"x"`, "", classifier,
			"jubatus::core::common::jsonconfig::type_error: Object is expected, but String is given. ()"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := config.Read(mustParse(t, tt.text), tt.path)
			tt.read(o)
			var e *config.Error
			if !errors.As(o.Err(), &e) {
				t.Fatalf("Err() = %v, want a *config.Error", o.Err())
			}
			if diff := cmp.Diff(tt.want, e.Diagnostic()); diff != "" {
				t.Errorf("diagnostic (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadNothing(t *testing.T) {
	const want = "Object is expected, but Null is given. (.parameter)"
	if err := config.Read(nil, ".parameter").Err(); err == nil || err.Error() != want {
		t.Errorf("Err() = %v, want %s", err, want)
	}
}

func TestErrorTexts(t *testing.T) {
	tests := []struct {
		err        *config.Error
		what, diag string
	}{
		{config.Unsupported("classifier(XX)"), "unsupported method (classifier(XX))",
			"jubatus::core::common::unsupported_method: unsupported method (classifier(XX))"},
		{config.InvalidParameter("0.0 < regularization_weight"),
			"invalid parameter (expected: 0.0 < regularization_weight)",
			"jubatus::core::common::invalid_parameter: invalid parameter (expected: 0.0 < regularization_weight)"},
		{config.MissingParameter(), "invalid configuration",
			"jubatus::core::common::config_exception: invalid configuration\n" +
				"    (#0) Message: parameter block is not specified in config"},
		{config.Converter("unknown type"), "unknown type",
			"jubatus::core::fv_converter::converter_exception: unknown type"},
		{config.RuntimeError("unsupported mix type (foo)"), "unsupported mix type (foo)",
			"jubatus::core::common::exception::runtime_error: unsupported mix type (foo)"},
	}
	for _, tt := range tests {
		if tt.err.Error() != tt.what || tt.err.Diagnostic() != tt.diag {
			t.Errorf("got %q and %q, want %q and %q", tt.err.Error(), tt.err.Diagnostic(), tt.what, tt.diag)
		}
	}
}
