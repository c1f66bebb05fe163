package fv

import (
	"slices"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/datum"
)

func datumOf(key, value string) (d datum.Datum) {
	d.AddString(key, value)
	return d
}

const (
	converterException = "jubatus::core::fv_converter::converter_exception"
	invalidParameter   = "jubatus::core::common::invalid_parameter"
)

func TestSemanticErrors(t *testing.T) {
	types := func(kind, params string) string { return `{"` + kind + `_types": {"a": {` + params + `}}}` }
	dynamic := func(path, function string) string {
		return `"method": "dynamic", "path": "` + path + `", "function": "` + function + `"`
	}
	stringRule := func(key, typ, sample, global string) string {
		return `{"string_rules": [{"key": "` + key + `", "type": "` + typ + `", "sample_weight": "` + sample + `", "global_weight": "` + global + `"}]}`
	}
	tests := []struct{ text, class, want string }{
		{`{"hash_max_size": -5, "string_types": {"a": {}}}`, converterException, "hash_max_size must be positive, but is -5"},
		{`{"hash_max_size": 0}`, converterException, "hash_max_size must be positive, but is 0"},
		{types("string_filter", ``), converterException, "parameter: [method] must be defined"},
		{types("string_filter", `"method": "zz"`), converterException, "unknown filter name: zz"},
		{types("num_filter", `"method": "zz"`), converterException, "unknown num filter name: zz"},
		{types("string", `"method": "zz"`), converterException, "unknown splitter name: zz"},
		{types("string", `"method": "space"`), converterException, "unknown splitter name: space"},
		{types("num", `"method": "zz"`), converterException, "unknown num feature name: zz"},
		{types("binary", `"method": "zz"`), converterException, "unknown binary feature name: zz"},
		{types("combination", `"method": "zz"`), converterException, "unknown combination feature name: zz"},
		{`{"string_filter_rules": [{"key": "/[/", "type": "zz", "suffix": ""}]}`, converterException, "unknown type: [zz] in string_filter_rules"},
		{`{"num_filter_rules": [{"key": "", "type": "zz", "suffix": ""}]}`, converterException, "unknown type: [zz] in num_filter_rules"},
		{stringRule("", "zz", "zz", "zz"), converterException, "unknown type: [zz] in string_rules"},
		{stringRule("/[/", "zz", "zz", "zz"), converterException, "invalid regular expression: ["},
		{stringRule("", "str", "bm25", "zz"), converterException, "unknown sample_weight: [bm25] in string_rules"},
		{stringRule("", "str", "tf", "tf"), converterException, "unknown global_weight: [tf] in string_rules"},
		{`{"num_rules": [{"key": "", "type": "zz"}]}`, converterException, "unknown type: [zz] in num_rules"},
		{`{"binary_rules": [{"key": "", "type": "zz"}]}`, converterException, "unknown type: [zz] in binary_rules"},
		{`{"combination_rules": [{"key_left": "", "key_right": "", "type": "zz"}]}`, converterException, "unknown type: [zz] in combination_rules"},
		{`{"combination_rules": [{"key_left": "", "key_right": "/(/", "type": "zz"}]}`, converterException, "invalid regular expression: ("},
		{types("string", `"method": "ngram"`), converterException, `"char_num" is not specified in parameters`},
		{types("string", `"method": "ngram", "char_num": "x"`), converterException, `"char_num" must be an integer value: x`},
		{types("string", `"method": "ngram", "char_num": "0"`), converterException, `char_num must be positive integer: 0`},
		{types("string", `"method": "regexp"`), converterException, `not found: pattern`},
		{types("string", `"method": "regexp", "pattern": "[", "group": "z"`), converterException, `is not integer: group = z`},
		{types("string", `"method": "regexp", "pattern": "[", "group": "-1"`), converterException, `'group' must be positive: -1`},
		{types("string", `"method": "regexp", "pattern": "[", "group": "9"`), converterException, `invalid regular expression: [`},
		{types("string", `"method": "regexp", "pattern": "(a)", "group": "2"`), converterException, `regexp '(a)' only contains 1 groups, but 'group' is 2`},
		{types("string", `"method": "split"`), converterException, `not found: separators`},
		{types("string_filter", `"method": "regexp"`), converterException, `"pattern" is not specified in parameters`},
		{types("string_filter", `"method": "regexp", "pattern": "a"`), converterException, `"replace" is not specified in parameters`},
		{types("string_filter", `"method": "regexp", "pattern": "(?<n>a)", "replace": ""`), converterException, `invalid regular expression: (?<n>a)`},
		{types("string_filter", `"method": "regexp", "pattern": "a", "replace": "\\1"`), converterException, `invalid number of capture group`},
		{types("string_filter", `"method": "regexp", "pattern": "a", "replace": "\\"`), converterException, `invalid replacement expression. 0-9 or \ are required after \`},
		{types("num_filter", `"method": "add"`), converterException, `"value" is not specified in parameters`},
		{types("num_filter", `"method": "add", "value": "x"`), "std::bad_cast", `std::bad_cast`},
		{types("num_filter", `"method": "linear_normalization", "min": "1", "max": "1"`), invalidParameter, `invalid parameter (expected: maximum must be bigger than minimum)`},
		{types("num_filter", `"method": "gaussian_normalization", "average": "1", "standard_deviation": "-1"`), invalidParameter, `invalid parameter (expected: standard deviation must be non-negative)`},
		{types("num_filter", `"method": "sigmoid_normalization", "gain": "0"`), invalidParameter, `invalid parameter (expected: gain must not be zero)`},
		{types("num", `"method": "dynamic"`), converterException, `"path" is not specified in parameters`},
		{types("num", `"method": "dynamic", "path": "x"`), converterException, `"function" is not specified in parameters`},
		{types("string", dynamic("/a/nofile.so", "create")), converterException, "cannot load dynamic library: /a/nofile.so: "},
		{types("string", dynamic("libmecab_splitter.so", "foo")), converterException, "cannot dlsym: foo"},
		{types("num", dynamic("libmecab_splitter.so", "create")), converterException, "cannot dlsym: create"},
		{types("string", dynamic("libmecab_splitter.so", "create")+`, "base": "yes"`), converterException, "base must be a boolean value"},
		{types("binary", dynamic("libimage_feature.so", "create")+`, "algorithm": "ORB"`), converterException, "the image algorithm ORB is not supported: use RGB"},
		// Types come before rules, in the order of their names.
		{`{"string_types": {"b": {"method": "y"}, "a": {"method": "x"}}, "string_filter_rules": [{"key": "", "type": "zz", "suffix": ""}]}`,
			converterException, "unknown splitter name: x"},
	}
	for _, test := range tests {
		v, err := config.Parse([]byte(test.text))
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		_, err = New(v, ".converter")
		e, ok := err.(*config.Error)
		if !ok || e.Class != test.class || e.What != test.want && !(strings.HasSuffix(test.want, ": ") && strings.HasPrefix(e.What, test.want)) {
			t.Errorf("%s: %v, want %s", test.text, err, test.want)
		}
	}
}

func TestSchemaErrors(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{`{"foo": 1}`, []string{`"foo" is not used (.converter)`}},
		{`{"string_rules": [{"key": "*", "type": "str", "sample_weight": "bin"}]}`,
			[]string{`"global_weight" is not found (.converter.string_rules[0])`}},
		{`{"string_types": {"a": {"char_num": 2}}}`,
			[]string{`String is expected, but Integer is given. (.converter.string_types.a.char_num)`}},
		{`{"num_rules": {}}`, []string{`Array is expected, but Object is given. (.converter.num_rules)`}},
		{`{"hash_max_size": "16"}`, []string{`Integer is expected, but String is given. (.converter.hash_max_size)`}},
		{`{"hash_max_size": 16.0}`, []string{`Integer is expected, but Float is given. (.converter.hash_max_size)`}},
		{`{"num_rules": [{"key": 1, "suffix": "x"}], "foo": 1}`, []string{
			`"foo" is not used (.converter)`,
			`"suffix" is not used (.converter.num_rules[0])`,
			`String is expected, but Integer is given. (.converter.num_rules[0].key)`,
			`"type" is not found (.converter.num_rules[0])`,
		}},
	}
	for _, test := range tests {
		v, err := config.Parse([]byte(test.text))
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(v, ".converter")
		e, ok := err.(*config.Error)
		if !ok || !slices.Equal(e.Messages, test.want) {
			t.Errorf("%s: %v", test.text, err)
		}
	}
	for text, want := range map[string]string{
		`{"num_rules": [[]]}`: "Object is expected, but Array is given. (.converter.num_rules[0])",
		`[]`:                  "Object is expected, but Array is given. (.converter)",
	} {
		v, err := config.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = New(v, ".converter"); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestIgnoringUnknown(t *testing.T) {
	v, err := config.Parse([]byte(`{"foo": 1, "string_typess": {}, "num_rules": [{"key": "*", "type": "num", "suffix": "x"}], "hash_max_size": 5}`))
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(v, ".converter", IgnoringUnknown())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.numRules) != 1 || c.hashMax != 5 {
		t.Errorf("%+v", c)
	}
}
