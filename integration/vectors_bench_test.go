package integration

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// BenchmarkVectorEngines measures the processor time that a server needs to
// take rows in and to answer questions about them, calls being sent ahead.
func BenchmarkVectorEngines(b *testing.B) {
	const converter = `, "converter": {"string_rules": [{"key": "*", "type": "str", "sample_weight": "bin", "global_weight": "bin"}], "num_rules": [{"key": "*", "type": "num"}]}}`
	type args = func(b []byte, id int, d *datum.Datum) []byte
	row := func(b []byte, id int, d *datum.Datum) []byte {
		return d.Append(mpack.AppendRaw(append(b, 0x93, 0xa0), fmt.Sprint("r", id)))
	}
	byDatum := func(b []byte, _ int, d *datum.Datum) []byte {
		return mpack.AppendInt(d.Append(append(b, 0x93, 0xa0)), 10)
	}
	byID := func(b []byte, id int, _ *datum.Datum) []byte {
		return mpack.AppendInt(mpack.AppendRaw(append(b, 0x93, 0xa0), fmt.Sprint("r", id)), 10)
	}
	alone := func(b []byte, _ int, d *datum.Datum) []byte { return d.Append(append(b, 0x92, 0xa0)) }
	type question struct {
		method string
		args   args
	}
	similar := []question{{"similar_row_from_datum", byDatum}, {"similar_row_from_id", byID}}
	for _, w := range []struct {
		program, name, config string
		shape                 func(*rand.Rand, *datum.Datum)
		rows                  int
		set                   question
		questions             []question
	}{
		{"jubanearest_neighbor", "lsh", `"lsh", "parameter": {"hash_num": 64}`, numbers64, 20000, question{"set_row", row}, similar},
		{"jubanearest_neighbor", "euclid_lsh", `"euclid_lsh", "parameter": {"hash_num": 128}`, numbers64, 20000, question{"set_row", row}, similar},
		{"jubarecommender", "inverted_index", `"inverted_index"`, strings30, 10000, question{"update_row", row}, similar},
		{"jubarecommender", "lsh", `"lsh", "parameter": {"hash_num": 64}`, numbers64, 10000, question{"update_row", row}, similar},
		{"jubaanomaly", "light_lof", `"light_lof", "parameter": {"nearest_neighbor_num": 10, "reverse_nearest_neighbor_num": 30,
			"method": "euclid_lsh", "parameter": {"hash_num": 64}}`, numbers64, 2000, question{"add", alone}, []question{{"calc_score", alone}}},
		{"jubaanomaly", "lof", `"lof", "parameter": {"nearest_neighbor_num": 10, "reverse_nearest_neighbor_num": 30,
			"method": "inverted_index_euclid", "parameter": {}}`, numbers64, 1000, question{"add", alone}, []question{{"calc_score", alone}}},
	} {
		b.Run(strings.TrimPrefix(w.program, "juba")+"/"+w.name, func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			requests := func(q question, n int) [][]byte {
				list := make([][]byte, n)
				for i := range list {
					var d datum.Datum
					w.shape(random, &d)
					list[i] = q.args(mpack.AppendRaw([]byte{0x94, 0, 1}, q.method), i%w.rows, &d)
				}
				return list
			}
			for b.Loop() {
				s := serve(b, w.program, `{"method": `+w.config+converter, "-t", "0")
				for i, q := range append([]question{w.set}, w.questions...) {
					n := w.rows
					if i > 0 {
						n = 5000
					}
					list := requests(q, n)
					conn, err := net.Dial("tcp", s.addr)
					if err != nil {
						b.Fatal(err)
					}
					before := cpu(b, s.Process.Pid)
					if err := sendAhead(conn, list); err != nil {
						b.Fatal(err)
					}
					used := cpu(b, s.Process.Pid).since(before)
					b.ReportMetric(float64(used.total().Microseconds())/float64(n), "µs-cpu/"+q.method)
					conn.Close()
				}
				s.stop(b)
			}
			b.ReportMetric(0, "ns/op") // is the client's
		})
	}
}

// BenchmarkRegression measures the processor time that a server needs for a
// datum of a hundred in a call.
func BenchmarkRegression(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	const calls, each = 500, 100
	train, estimate := make([][]byte, calls), make([][]byte, calls)
	for i := range train {
		t := mpack.AppendArrayHeader(append(mpack.AppendRaw([]byte{0x94, 0, 1}, "train"), 0x92, 0xa0), each)
		e := mpack.AppendArrayHeader(append(mpack.AppendRaw([]byte{0x94, 0, 1}, "estimate"), 0x92, 0xa0), each)
		for range each {
			var d datum.Datum
			numbers64(random, &d)
			t = d.Append(mpack.AppendFloat64(append(t, 0x92), random.NormFloat64()))
			e = d.Append(e)
		}
		train[i], estimate[i] = t, e
	}
	for b.Loop() {
		s := serve(b, "jubaregression", `{"method": "PA1", "parameter": {"sensitivity": 0.1, "regularization_weight": 1.0},
			"converter": {"num_rules": [{"key": "*", "type": "num"}]}}`, "-t", "0")
		w := workload{perCall: each, calls: calls}
		w.measure(b, s, "train", train)
		w.measure(b, s, "estimate", estimate)
		s.stop(b)
	}
	b.ReportMetric(0, "ns/op") // is the client's
}
