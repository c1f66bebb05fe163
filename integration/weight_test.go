package integration

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/goldentest"
)

// How much of 20 Newsgroups is weighed.
const (
	weighedLearned = 600
	weighedAsked   = 5
)

// corpus are documents with the number of documents that each word is in.
type corpus struct {
	documents []string
	frequency map[string]int
}

// readCorpus reads the first documents of the tutorial that are learned.
func readCorpus(t testing.TB) *corpus {
	t.Helper()
	files, err := untar(data(t, "20news-bydate.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	c := &corpus{frequency: map[string]int{}}
	for _, text := range documents(t, files, "train.dat", newsTrained) {
		if len(c.documents) == weighedLearned {
			break
		}
		c.documents = append(c.documents, string(text))
	}
	return c
}

// wordCounts counts the words of a document as a converter does: between blanks,
// which are spaces, tabs and line breaks.
func wordCounts(document string) map[string]int {
	n := map[string]int{}
	for _, w := range strings.FieldsFunc(document, func(r rune) bool { return strings.ContainsRune(" \t\n\v\f\r", r) }) {
		n[w]++
	}
	return n
}

// learn counts a document.
func (c *corpus) learn(document string) {
	for w := range wordCounts(document) {
		c.frequency[w]++
	}
}

// weights are the tf-idf weights of a document's words after n documents.
func (c *corpus) weights(document string, n int) map[string]float64 {
	m := map[string]float64{}
	for w, tf := range wordCounts(document) {
		if idf := math.Log(float64(n+1) / float64(c.frequency[w]+1)); idf != 0 {
			m[w] = float64(tf) * idf
		}
	}
	return m
}

func textDatum(text string) goldentest.List {
	return goldentest.List{goldentest.List{goldentest.List{"text", text}}, goldentest.List{}, goldentest.List{}}
}

// sameWeights demands that an answer has these weights of words, in the order
// of the words.
func sameWeights(t testing.TB, what string, want map[string]float64, answer goldentest.Value) {
	t.Helper()
	features := answer.(goldentest.List)
	if len(features) != len(want) {
		t.Errorf("%s has %d weights, want %d", what, len(features), len(want))
		return
	}
	last := ""
	for _, f := range features {
		key, weight := f.(goldentest.List)[0].(string), f.(goldentest.List)[1].(float64)
		word, ok := strings.CutSuffix(strings.TrimPrefix(key, "text$"), "@space#tf/idf")
		if w := want[word]; !ok || math.Abs(weight-w) > 1e-9*math.Abs(w) {
			t.Errorf("%s: %s weighs %v, want %v", what, key, weight, w)
			return
		}
		if key <= last {
			t.Errorf("%s: %s comes after %s", what, key, last)
		}
		last = key
	}
}

func weightConfig(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../docs/examples/weight/tfidf.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Articles are weighed, each by those before it and itself.
func TestNewsWeights(t *testing.T) {
	t.Parallel()
	c := readCorpus(t)
	s := serve(t, "jubaweight", weightConfig(t))
	client := s.client(t, "")
	for i, d := range c.documents {
		c.learn(d)
		answer := client.do("update", textDatum(d))
		if i%50 == 0 {
			sameWeights(t, fmt.Sprint("article ", i), c.weights(d, i+1), answer)
		}
	}
	asked := func() {
		t.Helper()
		for i := range weighedAsked {
			d := c.documents[7*i] + " neverseenbefore"
			sameWeights(t, fmt.Sprint("question ", i), c.weights(d, len(c.documents)), client.do("calc_weight", textDatum(d)))
		}
	}
	asked()
	status := client.status()
	if n := status.Get("diff_num_document_frequencies"); n != fmt.Sprint(len(c.frequency)) {
		t.Errorf("%v words are known, want %d", n, len(c.frequency))
	}
	if n := status.Get("update_count"); n != "0" {
		t.Errorf("%v updates, but weighing is none", n)
	}
	client.do("save", "news")
	client.do("clear")
	if left := client.do("calc_weight", textDatum(c.documents[0])).(goldentest.List); len(left) > 0 {
		t.Errorf("%d words weigh something after clear", len(left))
	}
	client.do("load", "news")
	asked()
	s.stop(t)
}

// Three servers see a third of the articles each. After a MIX all weigh by the
// articles of all.
func TestNewsWeightsCluster(t *testing.T) {
	t.Parallel()
	c := readCorpus(t)
	g := startEngines(t, embedded(t), "weight", weightConfig(t), 3, false)
	proxy := g.proxy.client(t, g.name)
	for _, d := range c.documents {
		c.learn(d)
		proxy.do("update", textDatum(d))
	}
	counts := func(key string) (n []string) {
		t.Helper()
		for _, s := range g.servers {
			n = append(n, fmt.Sprint(s.client(t, g.name).status().Get(key)))
		}
		return n
	}
	before := counts("diff_document_count")
	t.Logf("before MIX they know %v articles", before)
	for _, n := range before {
		if n == fmt.Sprint(len(c.documents)) {
			t.Error("one server got all articles")
		}
	}
	g.servers[0].mix(t)
	for i, n := range counts("master_document_count") {
		if n != fmt.Sprint(len(c.documents)) {
			t.Errorf("server %d knows %s articles, want %d", i, n, len(c.documents))
		}
	}
	for i := range weighedAsked {
		d := c.documents[11*i]
		want := c.weights(d, len(c.documents))
		for j, s := range append([]*server{g.proxy}, g.servers...) {
			sameWeights(t, fmt.Sprintf("question %d at %d", i, j), want, s.client(t, g.name).do("calc_weight", textDatum(d)))
		}
	}
	// What comes after is on top of that, where it comes.
	d := c.documents[0] + " neverseenbefore"
	c.learn(d)
	sameWeights(t, "one more article", c.weights(d, len(c.documents)+1), g.servers[1].client(t, g.name).do("update", textDatum(d)))
	proxy.do("clear")
	for i, n := range counts("master_document_count") {
		if n != "0" {
			t.Errorf("server %d knows %s articles after clear", i, n)
		}
	}
}
