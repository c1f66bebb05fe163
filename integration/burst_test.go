package integration

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc"
)

const streamConfig = `{"method": "burst", "parameter": {"window_batch_size": 5, "batch_interval": 10,
  "max_reuse_batch_num": 5, "costcut_threshold": -1, "result_window_rotate_size": 20}}`

// stream is a client of a burst server or proxy.
type stream struct {
	t    testing.TB
	c    *rpc.Client
	name string // of the cluster
}

func (s stream) call(method string, args ...goldentest.Value) goldentest.Value {
	s.t.Helper()
	answer, err := s.c.Call(s.t.Context(), method, goldentest.Append(nil, append(goldentest.List{s.name}, args...)))
	if err != nil {
		s.t.Fatalf("%s: %v", method, err)
	}
	v, err := goldentest.Decode(answer)
	if err != nil {
		s.t.Fatalf("%s: %v", method, err)
	}
	return v
}

// watch adds keywords.
func (s stream) watch(keywords ...string) {
	s.t.Helper()
	for _, k := range keywords {
		if added := s.call("add_keyword", goldentest.List{k, 2.0, 1.0}); added != true {
			s.t.Errorf("adding %s: %v", k, added)
		}
	}
}

// batch is a batch of a window as servers answer it.
type batch struct {
	all, relevant int64
	weight        float64
}

// window is the window that a server has of a keyword at a position.
func (s stream) window(keyword string, pos float64) (start float64, batches []batch) {
	s.t.Helper()
	w := s.call("get_result_at", keyword, pos).(goldentest.List)
	for _, b := range w[1].(goldentest.List) {
		b := b.(goldentest.List)
		batches = append(batches, batch{b[0].(int64), b[1].(int64), b[2].(float64)})
	}
	return w[0].(float64), batches
}

// bursts are the keywords that are in a burst at a position.
func (s stream) bursts(pos float64) (keywords []string) {
	s.t.Helper()
	for _, e := range s.call("get_all_bursted_results_at", pos).(goldentest.Map) {
		keywords = append(keywords, e.Key.(string))
	}
	slices.Sort(keywords)
	return keywords
}

// tell adds 50 documents of a batch of 10 seconds. Every keyword is in one of
// 20 of them; those that are in a burst are in eight of 20.
func (s stream) tell(number int, keywords []string, bursting ...string) {
	s.t.Helper()
	const documents = 50
	var docs goldentest.List
	for i := range documents {
		text := "nothing new"
		for j, k := range keywords {
			often := slices.Contains(bursting, k)
			if n := (i + 3*j) % 20; n == 0 || often && n < 8 {
				text += " and " + k
			}
		}
		docs = append(docs, goldentest.List{float64(number)*10 + float64(i)/6, text})
	}
	if n := s.call("add_documents", docs); n != int64(documents) {
		s.t.Errorf("%v of %d documents were counted", n, documents)
	}
}

// has checks that the windows of a keyword have bursts in those batches alone.
func (s stream) has(keyword string, from, to int, burst ...int) {
	s.t.Helper()
	for number := from; number < to; number++ {
		start, batches := s.window(keyword, float64(number)*10+5)
		at := number - int(math.Round(start/10))
		if at < 0 || at >= len(batches) {
			s.t.Errorf("%s: batch %d is not in the window at %v", keyword, number, start)
			continue
		}
		if b := batches[at]; b.all != 50 || (b.weight > 0) != slices.Contains(burst, number) {
			s.t.Errorf("%s: batch %d is %+v", keyword, number, b)
		}
	}
}

// A burst is planted in a stream of documents. It is found when it comes and
// where it was, also by a server that has loaded what another one saved.
func TestBurst(t *testing.T) {
	keywords := []string{"quake", "flood", "storm"}
	server := serve(t, "jubaburst", streamConfig)
	s := stream{t, server.dial(t), ""}
	s.watch(keywords...)
	for number := range 12 {
		if number == 7 || number == 8 {
			s.tell(number, keywords, "quake")
			if number == 8 {
				s.call("save", "eighth")
			}
		} else {
			s.tell(number, keywords)
		}
	}
	for _, k := range keywords {
		if k == "quake" {
			s.has(k, 0, 12, 7, 8)
		} else {
			s.has(k, 0, 12)
		}
	}
	if got := s.bursts(75); !slices.Equal(got, []string{"quake"}) {
		t.Errorf("in a burst at 75: %v", got)
	}
	if got := s.call("get_all_bursted_results"); !diff.Equal(got, goldentest.Value(goldentest.Map{})) {
		t.Errorf("in a burst at the end: %v", got)
	}
	s.call("load", "eighth")
	if _, w := s.window("quake", 115); w != nil {
		t.Errorf("it still knows what came after it saved: %v", w)
	}
	s.has("quake", 0, 9, 7, 8)
	for number := 9; number < 12; number++ {
		s.tell(number, keywords)
	}
	s.has("quake", 0, 12, 7, 8)
	server.stop(t)
}

// The articles of the news groups, one group after the other: its words come in
// a burst when a group begins.
func TestBurstNews(t *testing.T) {
	t.Parallel()
	files, err := untar(data(t, "20news-bydate.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	type article struct {
		group string
		text  []byte
	}
	var articles []article
	for group, text := range documents(t, files, "train.dat", newsTrained) {
		articles = append(articles, article{group, text})
	}
	slices.SortStableFunc(articles, func(a, b article) int { return cmp.Compare(a.group, b.group) })

	words := map[string]string{
		"hockey": "rec.sport.hockey", "encryption": "sci.crypt", "motorcycle": "rec.motorcycles", "orbit": "sci.space",
	}
	server := serve(t, "jubaburst", strings.NewReplacer(`"batch_interval": 10`, `"batch_interval": 200`, `: 20}`, `: 40}`).Replace(streamConfig))
	s := stream{t, server.dial(t), ""}
	for w := range words {
		s.watch(w)
	}
	began, before := time.Now(), cpu(t, server.Process.Pid)
	first := map[string]int{}
	size := 0
	for i, a := range articles {
		if _, ok := first[a.group]; !ok {
			first[a.group] = i
		}
		size += len(a.text)
		s.call("add_documents", goldentest.List{goldentest.List{float64(i), string(a.text)}})
	}
	t.Logf("%d articles, %d MB, in %v, server CPU %v", len(articles), size>>20,
		time.Since(began).Round(time.Millisecond), cpu(t, server.Process.Pid).since(before).total())
	for word, group := range words {
		if got := s.bursts(float64(first[group] + 300)); !slices.Contains(got, word) {
			t.Errorf("among the articles of %s these are in a burst: %v", group, got)
		}
		for other, begin := range first {
			if strings.HasPrefix(other, "comp.") && slices.Contains(s.bursts(float64(begin+300)), word) && word != "encryption" {
				t.Errorf("%s is in a burst in %s", word, other)
			}
		}
	}
	server.stop(t)
}

// startStream starts n burst servers and a proxy that mix only when told.
func startStream(t *testing.T, location []string, n int) (g *group, join func() *server) {
	t.Helper()
	g = &group{name: "news", location: location}
	config := writeFile(t, "config.json", streamConfig)
	join = func() *server {
		t.Helper()
		s := g.start(t, "jubaburst", freeAddr(t), "-n", g.name, "-d", t.TempDir(),
			"-f", config, "-s", "0", "-i", "0", "-Z", seconds(sessionTimeout))
		g.servers = append(g.servers, s)
		return s
	}
	for range n {
		join()
	}
	g.proxy = g.start(t, "jubaburst_proxy", freeAddr(t), "-Z", seconds(sessionTimeout))
	for _, s := range g.servers {
		s.active(t)
	}
	return g, join
}

// streams are clients of all servers of the group.
func (g *group) streams(t testing.TB) (all []stream) {
	t.Helper()
	for _, s := range g.servers {
		all = append(all, stream{t, s.dial(t), g.name})
	}
	return all
}

// processed is how many of the servers process each keyword, by what they
// report.
func processed(servers []stream) map[string]int {
	n := map[string]int{}
	for _, s := range servers {
		s.bursts(0) // a server notices changes of the ring when it is called
		status := s.call("get_status").(goldentest.Map)[0].Value.(goldentest.Map)
		for _, k := range strings.Split(status.Get("processed_keywords").(string), ",") {
			if k != "" {
				n[k]++
			}
		}
	}
	return n
}

// Three servers share the work of twelve keywords, two for each; everybody
// gets all documents, and every answer to everybody's question is the same
// after a MIX. One dies, and its keywords are counted on as if it had not; then
// another one joins.
func TestBurstCluster(t *testing.T) {
	t.Parallel()
	var keywords []string
	for i := range 12 {
		keywords = append(keywords, fmt.Sprintf("word-%c", 'a'+i))
	}
	service := embedded(t)
	tree := service.tree(t)
	g, join := startStream(t, service.location, 3)
	proxy := stream{t, g.proxy.dial(t), g.name}
	proxy.watch(keywords...)
	everyone := func(n int) {
		t.Helper()
		for i, s := range g.streams(t) {
			if got := len(s.call("get_all_keywords").(goldentest.List)); got != len(keywords) {
				t.Errorf("server %d knows %d keywords", i, got)
			}
		}
		counts := map[string]int{}
		for _, k := range keywords {
			counts[k] = n
		}
		if d := diff.Diff(counts, processed(g.streams(t))); d != "" {
			t.Errorf("how many servers process a keyword (-want +got):\n%s", d)
		}
	}
	everyone(2)
	tell := func(from, to int, bursting map[int]string) {
		t.Helper()
		for number := from; number < to; number++ {
			proxy.tell(number, keywords, bursting[number])
		}
	}
	planted := map[int]string{4: "word-c", 5: "word-c", 8: "word-h", 12: "word-a", 13: "word-a", 17: "word-l"}
	check := func(s stream, from, to int) {
		t.Helper()
		for _, k := range keywords {
			var burst []int
			for number, in := range planted {
				if in == k && from <= number && number < to {
					burst = append(burst, number)
				}
			}
			s.has(k, from, to, burst...)
		}
	}
	tell(0, 9, planted)
	check(proxy, 0, 9)
	if got := proxy.bursts(85); !slices.Equal(got, []string{"word-h"}) {
		t.Errorf("in a burst at 85: %v", got)
	}
	g.servers[0].mix(t)
	// Who knew nothing of a keyword has its newest window now.
	const newest = 4
	for _, s := range g.streams(t) {
		check(s, newest, 9)
	}

	kill(t, g.servers[1].process)
	g.servers = slices.Delete(g.servers, 1, 2)
	onRing := func(n int) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d servers are on the ring, and active", n), func() bool {
			ring, ringErr := tree.Children(t.Context(), coord.RingPath("burst", g.name))
			actives, err := tree.Children(t.Context(), coord.ActivesPath("burst", g.name))
			return ringErr == nil && err == nil && len(ring) == 8*n && len(actives) == n
		})
		streams := g.streams(t)
		eventually(t, "every keyword is processed by two servers at least", func() bool {
			n := processed(streams)
			return !slices.ContainsFunc(keywords, func(k string) bool { return n[k] < 2 })
		})
	}
	onRing(2)
	everyone(2)
	tell(9, 14, planted)
	// Each has taken over the dead one's keywords, with what was counted.
	for _, s := range g.streams(t) {
		check(s, newest, 14)
	}
	if got := proxy.bursts(125); !slices.Equal(got, []string{"word-a"}) {
		t.Errorf("in a burst at 125: %v", got)
	}

	g.servers[0].mix(t)
	join().active(t)
	onRing(3)
	tell(14, 18, planted)
	check(proxy, newest, 18)
	g.servers[0].mix(t)
	for _, s := range g.streams(t) {
		check(s, newest, 18)
	}
	if got := proxy.bursts(175); !slices.Equal(got, []string{"word-l"}) {
		t.Errorf("in a burst at 175: %v", got)
	}
	if proxy.call("remove_keyword", "word-b") != true || proxy.call("clear") != true {
		t.Error("keywords could not be removed")
	}
	for _, s := range g.streams(t) {
		if got := len(s.call("get_all_keywords").(goldentest.List)); got != 0 {
			t.Errorf("%d keywords are left", got)
		}
	}
}
