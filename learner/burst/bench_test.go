package burst

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// texts makes documents of 40 words out of 5,000, and n of the words as
// keywords.
func texts(n int) (keywords []string, texts []string) {
	r := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 5000)
	for i := range words {
		var b strings.Builder
		for range 4 + r.IntN(7) {
			b.WriteByte('a' + byte(r.IntN(26)))
		}
		words[i] = b.String()
	}
	for range 200 {
		var b strings.Builder
		for range 40 {
			b.WriteString(words[r.IntN(len(words))])
			b.WriteByte(' ')
		}
		texts = append(texts, b.String())
	}
	return words[:n], texts
}

// benchmarkAdd adds one document a call, a hundred to a batch.
func benchmarkAdd(b *testing.B, n int) {
	keywords, texts := texts(n)
	c, e := alone(b, configText(5, 100, 5, 5, -1))
	for _, k := range keywords {
		c.ask("add_keyword", kw(k, 2, 1))
	}
	var model sync.RWMutex
	var call engine.Call
	var args []byte
	add := e.Handlers()["add_documents"]
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		args = append(args[:0], 0x91, 0x92)
		args = mpack.AppendFloat64(args, float64(i))
		args = mpack.AppendRaw(args, texts[i%len(texts)])
		call = engine.Call{Context: context.Background(), Args: mpack.NewReader(args), N: 1, Out: call.Out[:0]}
		call.Begin(&model, service.Update)
		if err := add(&call); err != nil {
			b.Fatal(err)
		}
		call.Unlock()
		i++
	}
}

func BenchmarkAddDocument10(b *testing.B)   { benchmarkAdd(b, 10) }
func BenchmarkAddDocument1000(b *testing.B) { benchmarkAdd(b, 1000) }

func benchmarkScan(b *testing.B, n int) {
	keywords, texts := texts(n)
	s := scannerOf(rowBudget, keywords...)
	set := make([]uint64, s.words())
	text := []byte(texts[0])
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		clear(set)
		s.scan(text, set)
	}
}

func BenchmarkScan10(b *testing.B)   { benchmarkScan(b, 10) }
func BenchmarkScan1000(b *testing.B) { benchmarkScan(b, 1000) }

// benchmarkContains is what Scan is to beat.
func benchmarkContains(b *testing.B, n int) {
	keywords, texts := texts(n)
	text := []byte(texts[0])
	b.SetBytes(int64(len(text)))
	found := 0
	for b.Loop() {
		for _, k := range keywords {
			if bytes.Contains(text, []byte(k)) {
				found++
			}
		}
	}
	_ = found
}

func BenchmarkContains10(b *testing.B)   { benchmarkContains(b, 10) }
func BenchmarkContains1000(b *testing.B) { benchmarkContains(b, 1000) }

// BenchmarkSettle computes a keyword's results from a full input.
func BenchmarkSettle(b *testing.B) {
	c, e := alone(b, configText(5, 10, 5, 5, -1))
	c.ask("add_keyword", kw("k", 1.5, 1))
	for i := range 1000 {
		c.ask("add_documents", list{doc(float64(i)/25, strings.Repeat("k", i%3/2))})
	}
	if r := c.ask("get_result", "k").(list)[1].(list)[0].(list); r[0] == r[1] || r[1] == int64(0) {
		b.Fatal(r)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.keywords[0].settle(&e.options, e.automaton)
	}
}

func BenchmarkGetResult(b *testing.B) {
	c, e := alone(b, configText(5, 10, 5, 5, -1))
	c.ask("add_keyword", kw("k", 1.5, 1))
	c.ask("add_documents", list{doc(1, "k"), doc(1, "x")})
	args := goldentest.Append(nil, "k")
	var model sync.RWMutex
	var call engine.Call
	get := e.Handlers()["get_result"]
	b.ReportAllocs()
	for b.Loop() {
		call = engine.Call{Context: context.Background(), Args: mpack.NewReader(args), N: 1, Out: call.Out[:0]}
		call.Begin(&model, service.Analysis)
		if err := get(&call); err != nil {
			b.Fatal(err)
		}
		call.Unlock()
	}
}
