package integration

import (
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// wine is a white wine: what was measured, and what it was found worth.
type wine struct {
	datum   datum.Datum
	quality float64
}

// wines reads the white wines in random order, each measurement brought to
// mean 0 and deviation 1, with a constant beside them.
func wines(t testing.TB) []wine {
	t.Helper()
	f, err := os.Open(data(t, "winequality-white.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = ';'
	lines, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	names, lines := lines[0], lines[1:]
	numbers := make([][]float64, len(lines))
	for i, line := range lines {
		for _, field := range line {
			x, err := strconv.ParseFloat(field, 64)
			if err != nil {
				t.Fatal(err)
			}
			numbers[i] = append(numbers[i], x)
		}
	}
	last := len(names) - 1
	list := make([]wine, len(lines))
	for j, name := range names[:last] {
		var sum, squares float64
		for _, x := range numbers {
			sum += x[j]
			squares += x[j] * x[j]
		}
		n := float64(len(numbers))
		mean := sum / n
		deviation := math.Sqrt(squares/n - mean*mean)
		for i, x := range numbers {
			list[i].datum.AddNum(name, (x[j]-mean)/deviation)
		}
	}
	for i := range list {
		list[i].datum.AddNum("constant", 1)
		list[i].quality = numbers[i][last]
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

const (
	winesTrained = 4000
	winesAtOnce  = 50
)

// taster is a client of a regression server or proxy.
type taster struct {
	t    testing.TB
	c    *rpc.Client
	name string
}

func (c *taster) call(method string, list []wine, element func(b []byte, w *wine) []byte) mpack.Reader {
	c.t.Helper()
	params := mpack.AppendArrayHeader(nil, 2)
	params = mpack.AppendRaw(params, c.name)
	params = mpack.AppendArrayHeader(params, len(list))
	for i := range list {
		params = element(params, &list[i])
	}
	result, err := c.c.Call(c.t.Context(), method, params)
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	return mpack.NewReader(slices.Clone(result))
}

func (c *taster) train(list []wine) {
	c.t.Helper()
	for some := range slices.Chunk(list, winesAtOnce) {
		r := c.call("train", some, func(b []byte, w *wine) []byte {
			b = mpack.AppendFloat64(mpack.AppendArrayHeader(b, 2), w.quality)
			return w.datum.Append(b)
		})
		if n, err := r.Int64(); err != nil || n != int64(len(some)) {
			c.t.Fatalf("train: %d, %v", n, err)
		}
	}
}

func (c *taster) estimate(list []wine) (estimates []float64) {
	c.t.Helper()
	for some := range slices.Chunk(list, winesAtOnce) {
		r := c.call("estimate", some, func(b []byte, w *wine) []byte { return w.datum.Append(b) })
		if err := r.Tuple(len(some)); err != nil {
			c.t.Fatal(err)
		}
		for range some {
			x, err := r.Float64()
			if err != nil {
				c.t.Fatal(err)
			}
			estimates = append(estimates, x)
		}
	}
	return estimates
}

// deviation is the root of the mean squared error.
func deviation(list []wine, estimates []float64) float64 {
	sum := 0.0
	for i, w := range list {
		sum += (estimates[i] - w.quality) * (estimates[i] - w.quality)
	}
	return math.Sqrt(sum / float64(len(list)))
}

// regressionConfig is the documentation's example of a method.
func regressionConfig(t testing.TB, method string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/examples/regression/" + method + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Always to say the mean is off by 0.886, linear regression by least squares
// by 0.75, and neighbours do better. What is saved answers the same when it is
// loaded.
func TestWines(t *testing.T) {
	t.Parallel()
	list := wines(t)
	tested := list[winesTrained:]
	for _, test := range []struct {
		method string
		limit  float64
	}{
		{"pa1", 0.85}, {"arow", 0.85}, {"nn_euclid_lsh", 0.75}, {"euclidean", 0.72}, {"cosine", 0.72},
	} {
		t.Run(test.method, func(t *testing.T) {
			config := regressionConfig(t, test.method)
			if test.method == "pa1" {
				// Qualities are noisy: no wine must change much.
				config = strings.Replace(config, `"regularization_weight": 1.0`, `"regularization_weight": 0.01`, 1)
			}
			s := serve(t, "jubaregression", config)
			c := &taster{t: t, c: s.dial(t)}
			if got := c.estimate(tested[:1]); got[0] != 0 {
				t.Errorf("%v before all learning", got[0])
			}
			before := cpu(t, s.Process.Pid)
			c.train(list[:winesTrained])
			trained := cpu(t, s.Process.Pid)
			estimates := c.estimate(tested)
			asked := cpu(t, s.Process.Pid)
			off := deviation(tested, estimates)
			t.Logf("off by %.4f; server CPU %v for %d to learn, %v for %d to estimate", off,
				trained.since(before).total(), winesTrained, asked.since(trained).total(), len(tested))
			if off > test.limit {
				t.Errorf("off by %.4f, want at most %.2f", off, test.limit)
			}
			if _, err := c.c.CallArgs(t.Context(), "save", "", "wines"); err != nil {
				t.Fatal(err)
			}
			if _, err := c.c.CallArgs(t.Context(), "clear", ""); err != nil {
				t.Fatal(err)
			}
			if _, err := c.c.CallArgs(t.Context(), "load", "", "wines"); err != nil {
				t.Fatal(err)
			}
			if again := c.estimate(tested); !slices.Equal(again, estimates) {
				t.Error("the loaded model estimates otherwise")
			}
			s.stop(t)
		})
	}
}

// Two servers behind a proxy each learn about half of the wines. After one MIX
// both answer alike, as does the proxy, and well.
func TestWinesCluster(t *testing.T) {
	t.Parallel()
	list := wines(t)
	tested := list[winesTrained:]
	for _, test := range []struct {
		method string
		limit  float64
		alike  float64 // share of the estimates
	}{
		// Wines that are equally near count for one server and not for the
		// other, depending on who came first.
		{"arow", 0.85, 1}, {"nn_euclid_lsh", 0.75, 0.97},
	} {
		t.Run(test.method, func(t *testing.T) {
			g := &group{name: "wines", location: embedded(t).location}
			config := writeFile(t, "config.json", regressionConfig(t, test.method))
			var clients []*taster
			for range 2 {
				s := g.start(t, "jubaregression", freeAddr(t), "-n", g.name, "-d", t.TempDir(), "-f", config, "-s", "0", "-i", "0")
				g.servers = append(g.servers, s)
				clients = append(clients, &taster{t: t, c: s.dial(t), name: g.name})
			}
			for _, s := range g.servers {
				s.active(t)
			}
			proxy := g.start(t, "jubaregression_proxy", freeAddr(t))
			through := &taster{t: t, c: proxy.dial(t), name: g.name}
			through.train(list[:winesTrained])
			if a, b := clients[0].estimate(tested), clients[1].estimate(tested); slices.Equal(a, b) {
				t.Error("both know the same before a MIX")
			}
			g.servers[0].mix(t)
			first := clients[0].estimate(tested)
			off := deviation(tested, first)
			t.Logf("off by %.4f", off)
			if off > test.limit {
				t.Errorf("off by %.4f, want at most %.2f", off, test.limit)
			}
			for name, c := range map[string]*taster{"the second server": clients[1], "the proxy": through} {
				same := 0
				for i, x := range c.estimate(tested) {
					if math.Abs(x-first[i]) <= 1e-9 {
						same++
					}
				}
				if share := float64(same) / float64(len(tested)); share < test.alike {
					t.Errorf("%s estimates %.3f of the wines as the first server does", name, share)
				}
			}
		})
	}
}

// Every documented configuration is one, to the program itself.
func TestRegressionExamples(t *testing.T) {
	t.Parallel()
	examplesAccepted(t, "regression", 12)
}

func examplesAccepted(t *testing.T, engine string, least int) {
	t.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("../docs/examples/%s/*.json", engine))
	if err != nil || len(paths) < least {
		t.Fatalf("%d examples, %v", len(paths), err)
	}
	for _, path := range paths {
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := result(t, "", "juba"+engine, "-f", path, "-T")
		if code != 0 || !strings.Contains(stdout+stderr, "Configuration OK") {
			t.Errorf("%s: code %d, %s%s", path, code, stdout, stderr)
		}
	}
}
