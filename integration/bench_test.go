package integration

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// arow is the configuration of the benchmarks, with one string rule.
func arow(stringRule string) string {
	return `{
  "method": "AROW",
  "parameter": {"regularization_weight": 1.0},
  "converter": {
    "string_rules": [{"key": "*", ` + stringRule + `}],
    "num_rules": [{"key": "*", "type": "num"}]
  }
}
`
}

const (
	wholeString = `"type": "str", "sample_weight": "bin", "global_weight": "bin"`
	tfidf       = `"type": "space", "sample_weight": "tf", "global_weight": "idf"`
)

// workload is one way to use a server.
type workload struct {
	name      string
	rule      string
	shape     func(*rand.Rand, *datum.Datum)
	perCall   int
	calls     int // with and without pipelining
	pipelined bool
}

var workloads = []workload{
	{name: "strings30/bulk", rule: wholeString, shape: strings30, perCall: 100, calls: 1000},
	{name: "numbers64/bulk", rule: wholeString, shape: numbers64, perCall: 100, calls: 1000},
	{name: "mixed15/single", rule: wholeString, shape: mixed15, perCall: 1, calls: 50000},
	{name: "mixed15/pipelined", rule: wholeString, shape: mixed15, perCall: 1, calls: 100000, pipelined: true},
	{name: "text80/single", rule: tfidf, shape: text80, perCall: 1, calls: 50000},
}

const labelCount = 10

// strings30 is 30 categories with a thousand values each.
func strings30(r *rand.Rand, d *datum.Datum) {
	for i := range 30 {
		d.AddString(fmt.Sprintf("category%d", i), fmt.Sprintf("value%d", r.IntN(1000)))
	}
}

// numbers64 is a dense vector.
func numbers64(r *rand.Rand, d *datum.Datum) {
	for i := range 64 {
		d.AddNum(fmt.Sprintf("dimension%d", i), r.NormFloat64())
	}
}

// mixed15 is a row of a small table.
func mixed15(r *rand.Rand, d *datum.Datum) {
	for i := range 5 {
		d.AddString(fmt.Sprintf("text%d", i), fmt.Sprintf("value%d", r.IntN(1000)))
	}
	for i := range 10 {
		d.AddNum(fmt.Sprintf("number%d", i), r.NormFloat64())
	}
}

// text80 is 80 words of which few are frequent, as in a language.
func text80(r *rand.Rand, d *datum.Datum) {
	zipf := rand.NewZipf(r, 1.1, 4, 50000)
	var text []byte
	for range 80 {
		text = fmt.Appendf(text, "word%d ", zipf.Uint64())
	}
	d.AddString("text", string(text))
}

// BenchmarkServer measures the processor time that a server needs for a datum,
// everything included: reading, conversion, learning, answering. Wall times
// include the client.
func BenchmarkServer(b *testing.B) {
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			train, classify := w.requests(random)
			for b.Loop() {
				s := serve(b, "jubaclassifier", arow(w.rule), "-t", "0", "-c", "2")
				w.measure(b, s, "train", train)
				resident := memory(b, s.Process.Pid)
				w.measure(b, s, "classify", classify)
				b.ReportMetric(float64(resident)/1e6, "MB-resident")
				s.stop(b)
			}
			b.ReportMetric(0, "ns/op") // is the client's
		})
	}
}

// requests encodes all calls beforehand.
func (w *workload) requests(random *rand.Rand) (train, classify [][]byte) {
	for range w.calls {
		t := mpack.AppendRaw([]byte{0x94, 0, 1}, "train")
		c := mpack.AppendRaw([]byte{0x94, 0, 1}, "classify")
		t = mpack.AppendArrayHeader(append(t, 0x92, 0xa0), w.perCall)
		c = mpack.AppendArrayHeader(append(c, 0x92, 0xa0), w.perCall)
		for range w.perCall {
			var d datum.Datum
			w.shape(random, &d)
			t = mpack.AppendRaw(append(t, 0x92), fmt.Sprintf("label%d", random.IntN(labelCount)))
			t = d.Append(t)
			c = d.Append(c)
		}
		train, classify = append(train, t), append(classify, c)
	}
	return train, classify
}

func (w *workload) measure(b *testing.B, s *server, name string, requests [][]byte) {
	b.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	data := float64(w.perCall * len(requests))
	before, began := cpu(b, s.Process.Pid), time.Now()
	if w.pipelined {
		err = sendAhead(conn, requests)
	} else {
		err = oneByOne(conn, requests)
	}
	if err != nil {
		b.Fatal(err)
	}
	took, used := time.Since(began), cpu(b, s.Process.Pid).since(before)
	b.ReportMetric(float64(used.total().Microseconds())/data, "µs-cpu/"+name)
	b.ReportMetric(float64(used.system.Microseconds())/data, "µs-kernel/"+name)
	b.ReportMetric(float64(took.Microseconds())/data, "µs-wall/"+name)
}

func oneByOne(conn io.ReadWriter, requests [][]byte) error {
	answers := msgpack.NewDecoder(bufio.NewReader(conn))
	for _, r := range requests {
		if _, err := conn.Write(r); err != nil {
			return err
		}
		if err := succeeded(answers); err != nil {
			return err
		}
	}
	return nil
}

func sendAhead(conn io.ReadWriter, requests [][]byte) error {
	sent := make(chan error, 1)
	go func() {
		out := bufio.NewWriterSize(conn, 1<<16)
		for _, r := range requests {
			if _, err := out.Write(r); err != nil {
				sent <- err
				return
			}
		}
		sent <- out.Flush()
	}()
	answers := msgpack.NewDecoder(bufio.NewReaderSize(conn, 1<<16))
	for range requests {
		if err := succeeded(answers); err != nil {
			return err
		}
	}
	return <-sent
}

// succeeded reads one response.
func succeeded(answers *msgpack.Decoder) error {
	n, err := answers.DecodeArrayLen()
	if err != nil {
		return err
	}
	if n != 4 {
		return fmt.Errorf("a response of %d elements", n)
	}
	for range 2 {
		if err := answers.Skip(); err != nil {
			return err
		}
	}
	failure, err := answers.DecodeInterface()
	if err != nil {
		return err
	}
	if failure != nil {
		return errors.New(fmt.Sprint("the call failed: ", failure))
	}
	return answers.Skip()
}
