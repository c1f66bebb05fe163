package clustering

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

func newFrom(t *testing.T, text string) error {
	t.Helper()
	v, err := config.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(v, goldentest.Env(false))
	return err
}

const (
	means     = `{"k":2,"seed":0}`
	scanning  = `{"eps":1,"min_core_point":1}`
	buckets   = `{"bucket_size":2}`
	condensed = `{"bucket_size":4,"bucket_length":2,"compressed_bucket_size":2,"bicriteria_base_size":1,"forgetting_factor":0,"forgetting_threshold":0.5,"seed":1}`
)

// text is a configuration with more members, which begin with a comma.
func text(method, parameter, compressor, compressorParameter, more string) string {
	return fmt.Sprintf(`{"method":%q,"parameter":%s,"compressor_method":%q,"compressor_parameter":%s,"converter":{}%s}`,
		method, parameter, compressor, compressorParameter, more)
}

// condensedWith is the parameters of the compressive storage with other values.
func condensedWith(size, length, compressed, base int, factor, threshold float64) string {
	return fmt.Sprintf(`{"bucket_size":%d,"bucket_length":%d,"compressed_bucket_size":%d,"bicriteria_base_size":%d,`+
		`"forgetting_factor":%v,"forgetting_threshold":%v,"seed":-1}`, size, length, compressed, base, factor, threshold)
}

func TestConfigAccepts(t *testing.T) {
	for _, text := range []string{
		text("kmeans", means, "simple", buckets, ""),
		text("kmeans", means, "compressive", condensed, ""),
		text("kmeans", `{"k":1,"seed":-5}`, "simple", buckets, `,"distance":"euclidean"`),
		text("kmeans", means, "simple", buckets, `,"distance":"cosine"`),
		text("kmeans", means, "simple", buckets, `,"distance":null`),
		text("gmm", means, "simple", buckets, ""),
		text("gmm", means, "compressive", condensed, `,"distance":"whatever"`),
		text("dbscan", scanning, "simple", buckets, `,"distance":"cosine"`),
		text("dbscan", `{"eps":0.1,"min_core_point":3,"distance":"whatever"}`, "simple", buckets, ""),
		text("dbscan", `{"eps":0.1,"min_core_point":3,"distance":null}`, "simple", buckets, ""),
		text("kmeans", means, "compressive", condensedWith(1, 2, 1, 1, 0, 0), ""),
		text("kmeans", means, "compressive", condensedWith(9, 200, 9, 9, 7, 1), ""),
	} {
		if err := newFrom(t, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	const invalid = "invalid configuration"
	expected := func(e string) string { return "invalid parameter (expected: " + e + ")" }
	none := func(without string) string {
		return fmt.Sprintf(`{"method":"kmeans","compressor_method":"simple","converter":{}%s}`, without)
	}
	condensedBut := func(size, length, compressed, base int, factor, threshold float64) string {
		return text("gmm", means, "compressive", condensedWith(size, length, compressed, base, factor, threshold), "")
	}
	const nullObject = "Object is expected, but Null is given. ()"
	for _, c := range []struct {
		text, what string
		messages   []string
	}{
		{text("xx", means, "simple", buckets, ""), "unsupported method (xx)", nil},
		{text("kmeans", means, "xx", buckets, ""), "unsupported method (xx)", nil},
		{text("dbscan", scanning, "compressive", condensed, ""), "unsupported method (compressive)", nil},
		{text("xx", means, "xx", buckets, ""), "unsupported method (xx)", nil},
		{none(``), nullObject, nil},
		{none(`,"parameter":null`), nullObject, nil},
		{none(`,"parameter":` + means), nullObject, nil},
		{none(`,"parameter":` + means + `,"compressor_parameter":3`), "Object is expected, but Integer is given. (.compressor_parameter)", nil},
		{none(`,"parameter":[]`), "Object is expected, but Array is given. (.parameter)", nil},
		{`{}`, invalid, []string{`"method" is not found ()`, `"compressor_method" is not found ()`, `"converter" is not found ()`}},
		{text("kmeans", means, "simple", buckets, `,"zz":1`), invalid, []string{`"zz" is not used ()`}},
		{text("kmeans", means, "simple", buckets, `,"distance":1`), invalid, []string{`String is expected, but Integer is given. (.distance)`}},
		{text("kmeans", `{"zz":1}`, "simple", buckets, ""), invalid,
			[]string{`"zz" is not used (.parameter)`, `"k" is not found (.parameter)`, `"seed" is not found (.parameter)`}},
		{text("kmeans", `{"k":2.0,"seed":0}`, "simple", buckets, ""), invalid, []string{`Integer is expected, but Float is given. (.parameter.k)`}},
		{text("kmeans", `{"k":0,"seed":0}`, "simple", `{}`, ""), expected("1 <= k"), nil},
		{text("kmeans", `{"k":-1,"seed":0}`, "simple", buckets, ""), expected("1 <= k"), nil},
		{text("gmm", `{"k":0,"seed":0}`, "simple", buckets, ""), expected("1 <= k"), nil},
		{text("kmeans", means, "simple", buckets, `,"distance":"l1"`), expected("distance should be 'euclidean' or 'cosine'"), nil},
		{text("dbscan", scanning, "simple", buckets, `,"distance":"l1"`), expected("distance should be 'euclidean' or 'cosine'"), nil},
		{text("dbscan", `{"eps":0,"min_core_point":1}`, "simple", buckets, ""), expected("0 < eps"), nil},
		{text("dbscan", `{"eps":-1.0,"min_core_point":0}`, "simple", buckets, ""), expected("0 < eps"), nil},
		{text("dbscan", `{"eps":1,"min_core_point":0}`, "simple", buckets, ""), expected("0 < min_core_point"), nil},
		{text("dbscan", `{"eps":1,"min_core_point":-1}`, "simple", buckets, ""), expected("0 < min_core_point"), nil},
		{text("dbscan", `{"eps":1}`, "simple", buckets, ""), invalid, []string{`"min_core_point" is not found (.parameter)`}},
		{text("kmeans", means, "simple", `{"bucket_size":1}`, ""), expected("2 <= bucket_size"), nil},
		{text("kmeans", means, "simple", `{"bucket_size":2,"seed":1}`, ""), invalid, []string{`"seed" is not used (.compressor_parameter)`}},
		{text("kmeans", means, "compressive", buckets, ""), invalid, []string{
			`"bucket_length" is not found (.compressor_parameter)`, `"compressed_bucket_size" is not found (.compressor_parameter)`,
			`"bicriteria_base_size" is not found (.compressor_parameter)`, `"forgetting_factor" is not found (.compressor_parameter)`,
			`"forgetting_threshold" is not found (.compressor_parameter)`, `"seed" is not found (.compressor_parameter)`}},
		{condensedBut(0, 2, 0, 0, 0, 0), expected("1 <= bucket_size"), nil},
		{condensedBut(9, 1, 0, 0, 0, 0), expected("2 <= bucket_length"), nil},
		{condensedBut(9, 2, 4, 0, 0, 0), expected("1 <= bicriteria_base_size <= compressed_bucket_size"), nil},
		{condensedBut(9, 2, 4, 5, 0, 0), expected("1 <= bicriteria_base_size <= compressed_bucket_size"), nil},
		{condensedBut(9, 2, 10, 5, -1, 0), expected("compressed_bucket_size <= bucket_size"), nil},
		{condensedBut(9, 2, 9, 5, -0.1, 2), expected("0.0 <= forgetting_factor"), nil},
		{condensedBut(9, 2, 9, 5, 0, 1.5), expected("0.0 <= forgetting_threshold <= 1.0"), nil},
		{condensedBut(9, 2, 9, 5, 0, -0.5), expected("0.0 <= forgetting_threshold <= 1.0"), nil},
	} {
		err := newFrom(t, c.text)
		var e *config.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: error %v is not one of package config", c.text, err)
			continue
		}
		if e.What != c.what || !slices.Equal(e.Messages, c.messages) {
			t.Errorf("%s:\n%s, want\n%s %q", c.text, e.Diagnostic(), c.what, c.messages)
		}
	}
}

// The documented examples are configurations.
func TestExamples(t *testing.T) {
	paths, err := filepath.Glob("../../docs/examples/clustering/*.json")
	if err != nil || len(paths) < 3 {
		t.Fatalf("%d examples, error %v; want one for every method", len(paths), err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := newFrom(t, string(b)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
