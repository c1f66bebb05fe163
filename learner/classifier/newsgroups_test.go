package classifier

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// The tutorial's configuration.
const newsConfig = `{
  "method": "PA",
  "converter": {
    "string_filter_types": {"detag": {"method": "regexp", "pattern": "<[^>]*>", "replace": ""}},
    "string_filter_rules": [{"key": "message", "type": "detag", "suffix": "-detagged"}],
    "num_filter_types": {}, "num_filter_rules": [],
    "string_types": {},
    "string_rules": [{"key": "message-detagged", "type": "space", "sample_weight": "bin", "global_weight": "bin"}],
    "num_types": {}, "num_rules": []
  },
  "parameter": {}
}`

type document struct {
	label string
	text  []byte
}

// newsgroups returns the documents of the tutorial in its order, or skips.
func newsgroups(t testing.TB) (train, test []document) {
	t.Helper()
	dir := os.Getenv("JUBATUS_TEST_DATA")
	if dir == "" {
		dir = "../../../shared/data"
	}
	f, err := os.Open(filepath.Join(dir, "20news-bydate.tar.gz"))
	if err != nil {
		t.Skipf("20 Newsgroups is not here (set JUBATUS_TEST_DATA to its folder): %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Clean(h.Name)] = text
	}
	list := func(name string) (docs []document) {
		for s := bufio.NewScanner(bytes.NewReader(files[name])); s.Scan(); {
			label, path, ok := strings.Cut(s.Text(), ",")
			if !ok {
				continue
			}
			text, ok := files[filepath.Clean(path)]
			if !ok {
				t.Fatalf("%s names %s, which is not there", name, path)
			}
			docs = append(docs, document{label, text})
		}
		return docs
	}
	return list("train.dat"), list("test.dat")
}

// The tutorial learns 11,314 articles and gets seven of ten others right.
func TestNewsgroups(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	train, test := newsgroups(t)
	if len(train) != 11314 || len(test) != 7532 {
		t.Fatalf("%d and %d documents", len(train), len(test))
	}
	e := build(t, newsConfig, false)
	c := newBare(e)
	start := time.Now()
	handler := c.handlers["train"]
	for _, d := range train {
		var in datum.Datum
		in.Strings = []datum.Pair{{Key: []byte("message"), Value: d.text}}
		if err := c.do(handler, service.Update, labeled(d.label, &in), 1); err != nil {
			t.Fatal(err)
		}
	}
	trained := time.Now()
	handler = c.handlers["classify"]
	right := 0
	for _, d := range test {
		var in datum.Datum
		in.Strings = []datum.Pair{{Key: []byte("message"), Value: d.text}}
		if err := c.do(handler, service.Analysis, in.Append(mpack.AppendArrayHeader(nil, 1)), 1); err != nil {
			t.Fatal(err)
		}
		if top(t, c.call.Out) == d.label {
			right++
		}
	}
	t.Logf("trained in %v, classified in %v, %d of %d right", trained.Sub(start), time.Since(trained), right, len(test))
	if share := float64(right) / float64(len(test)); share < 0.69 {
		t.Errorf("only %.1f%% right", 100*share)
	}

	var status = map[string]string{}
	e.Status(func(k, v string) { status[k] = v })
	t.Logf("%s features, %s classes", status["num_features"], status["num_classes"])
	model := e.Pack(nil)
	again := build(t, newsConfig, false)
	goldentest.Load(t, again, model, engine.FromFile)
	want := append([]byte(nil), c.call.Out...)
	c = newBare(again)
	var in datum.Datum
	in.Strings = []datum.Pair{{Key: []byte("message"), Value: test[len(test)-1].text}}
	if err := c.do(c.handlers["classify"], service.Analysis, in.Append(mpack.AppendArrayHeader(nil, 1)), 1); err != nil {
		t.Fatal(err)
	}
	goldentest.SameObject(t, "answer of the loaded model", want, c.call.Out, goldentest.AsIs, 0)
}

// top returns the label with the best score in the answer for one datum.
func top(t testing.TB, answer []byte) (best string) {
	t.Helper()
	v, err := goldentest.Decode(answer)
	if err != nil {
		t.Fatal(err)
	}
	var bestScore float64
	for i, e := range v.(goldentest.List)[0].(goldentest.List) {
		pair := e.(goldentest.List)
		if score := pair[1].(float64); i == 0 || score > bestScore {
			best, bestScore = pair[0].(string), score
		}
	}
	return best
}

// Text under the tutorial's configuration, per article.
func BenchmarkNewsgroups(b *testing.B) {
	train, _ := newsgroups(b)
	train = train[:2000]
	c := newBare(build(b, newsConfig, false))
	var labeledArgs, plainArgs [][]byte
	for _, d := range train {
		in := datum.Datum{Strings: []datum.Pair{{Key: []byte("message"), Value: d.text}}}
		labeledArgs = append(labeledArgs, labeled(d.label, &in))
		plainArgs = append(plainArgs, in.Append(mpack.AppendArrayHeader(nil, 1)))
	}
	for _, m := range []struct {
		method string
		lock   service.Lock
		args   [][]byte
	}{{"train", service.Update, labeledArgs}, {"classify", service.Analysis, plainArgs}} {
		b.Run(m.method, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := c.do(c.handlers[m.method], m.lock, m.args[i%len(m.args)], 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
