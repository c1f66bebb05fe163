package clustering

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/integration/race"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/service"
)

// blob is point i of a set around ten centres, with 16 numbers.
func blob(random *rand.Rand, i int) *datum.Datum {
	d := &datum.Datum{}
	for j := range 16 {
		d.AddNum(fmt.Sprintf("num%02d", j), random.NormFloat64()+float64(i%10*(j%3)))
	}
	return d
}

const ten = `"method":"kmeans","parameter":{"k":10,"seed":0}`

var largeBuckets = compressiveConfig(ten, 1000, 2, 100, 10, 0, 0.5)

func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano())
}

// A hundred thousand points go through k-means with compression within 20
// seconds of CPU, and memory does not grow with them.
func TestHundredThousandPoints(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	const each = 100
	calls := 1000
	if race.Enabled {
		calls = 100
	}
	random := rand.New(rand.NewPCG(1, 2))
	var encoded [][]byte
	for c := range calls {
		var points []any
		for i := range each {
			points = append(points, fmt.Sprint("p", c*each+i), blob(random, i))
		}
		encoded = append(encoded, encodePoints(points...))
	}
	e := build(t, largeBuckets, false)
	b := newBare(e)
	before := cpu(t)
	for _, args := range encoded {
		b.must(t, "push", args, 1)
	}
	took := cpu(t) - before
	t.Logf("user CPU %v", took.Round(time.Millisecond))
	if took > 20*time.Second && !race.Enabled {
		t.Errorf("took %v of CPU, at most 20 s are allowed", took)
	}
	if want := uint64(calls / 10); b.revision(t) != want {
		t.Errorf("revision %d, want %d", b.revision(t), want)
	}
	if n := len(e.model.all()); n > 20000 {
		t.Errorf("%d points are kept", n)
	}
	clusters := b.members(t)
	if len(clusters) != 10 {
		t.Fatalf("%d clusters", len(clusters))
	}
}

func benchmark(b *testing.B, cfg string, each int) {
	random := rand.New(rand.NewPCG(1, 2))
	var encoded [][]byte
	for c := range 100 {
		var points []any
		for i := range each {
			points = append(points, fmt.Sprint("p", i), blob(random, c+i))
		}
		encoded = append(encoded, encodePoints(points...))
	}
	n := newBare(build(b, cfg, false))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		n.must(b, "push", encoded[i%100], 1)
		i++
	}
}

// A push costs decoding, converting and storing, and now and then a run.
func BenchmarkPush16(b *testing.B)            { benchmark(b, simpleConfig(ten, 1<<30), 1) }
func BenchmarkPush16Compressive(b *testing.B) { benchmark(b, largeBuckets, 1) }
func BenchmarkPush100x16(b *testing.B)        { benchmark(b, simpleConfig(ten, 1<<30), 100) }
func BenchmarkNearestCenter16(b *testing.B)   { benchmarkQuery(b, "get_nearest_center") }
func BenchmarkNearestMembers16(b *testing.B)  { benchmarkQuery(b, "get_nearest_members_light") }

func benchmarkQuery(b *testing.B, method string) {
	random := rand.New(rand.NewPCG(1, 2))
	n := newBare(build(b, largeBuckets, false))
	for i := range 5000 {
		n.push(b, fmt.Sprint("p", i), blob(random, i))
	}
	arg := blob(random, 0).Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := n.do(method, service.Analysis, arg, 1); err != nil {
			b.Fatal(err)
		}
	}
}
