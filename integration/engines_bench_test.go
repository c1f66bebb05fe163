package integration

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// BenchmarkSmallEngines measures the processor time that a server needs for a
// call of engines whose calls are small, sent ahead without waiting.
func BenchmarkSmallEngines(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	example := func(path string) string {
		text, err := os.ReadFile("../docs/examples/" + path)
		if err != nil {
			b.Fatal(err)
		}
		return string(text)
	}
	for _, w := range []struct {
		program, config string
		before          []goldentest.List // calls: method, arguments
		method          string
		calls           int
		params          func(b []byte, i int) []byte // the arguments after the name, and their number before
	}{
		{"jubastat", example("stat/stat.json"), nil, "push", 200000, func(b []byte, i int) []byte {
			b = mpack.AppendRaw(append(b, 0x93, 0xa0), fmt.Sprint("key", i%10))
			return mpack.AppendFloat64(b, random.NormFloat64())
		}},
		{"jubabandit", example("bandit/ts.json"), []goldentest.List{
			{"register_arm", "a"}, {"register_arm", "b"}, {"register_arm", "c"}, {"register_arm", "d"},
		}, "select_arm", 100000, func(b []byte, i int) []byte {
			return mpack.AppendRaw(append(b, 0x92, 0xa0), fmt.Sprint("player", i%1000))
		}},
		{"jubaweight", example("weight/tfidf.json"), nil, "update", 20000, func(b []byte, _ int) []byte {
			var d datum.Datum
			text80(random, &d)
			return d.Append(append(b, 0x92, 0xa0))
		}},
	} {
		b.Run(w.program+"/"+w.method, func(b *testing.B) {
			requests := make([][]byte, w.calls)
			for i := range requests {
				requests[i] = w.params(mpack.AppendRaw([]byte{0x94, 0, 1}, w.method), i)
			}
			for b.Loop() {
				s := serve(b, w.program, w.config, "-t", "0")
				client := s.client(b, "")
				for _, call := range w.before {
					client.do(call[0].(string), call[1:]...)
				}
				conn, err := net.Dial("tcp", s.addr)
				if err != nil {
					b.Fatal(err)
				}
				before, began := cpu(b, s.Process.Pid), time.Now()
				if err := sendAhead(conn, requests); err != nil {
					b.Fatal(err)
				}
				used := cpu(b, s.Process.Pid).since(before)
				b.ReportMetric(float64(used.total().Microseconds())/float64(w.calls), "µs-cpu/call")
				b.ReportMetric(float64(time.Since(began).Microseconds())/float64(w.calls), "µs-wall/call")
				conn.Close()
				s.stop(b)
			}
			b.ReportMetric(0, "ns/op") // is the client's
		})
	}
}
