package clustering

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func build(t testing.TB, cfg string, cluster bool) *Clustering {
	t.Helper()
	return goldentest.Build(t, New, cfg, goldentest.Env(cluster)).(*Clustering)
}

// named builds a node of a cluster.
func named(t testing.TB, cfg, id string) *Clustering {
	t.Helper()
	env := goldentest.Env(true)
	env.ID = id
	return goldentest.Build(t, New, cfg, env).(*Clustering)
}

const (
	numConverter = `{"string_rules":[{"key":"*","type":"str","sample_weight":"bin","global_weight":"bin"}],"num_rules":[{"key":"*","type":"num"}]}`
	kmeans2      = `"method":"kmeans","parameter":{"k":2,"seed":0}`
)

// simpleConfig is a configuration that keeps all points.
func simpleConfig(method string, bucket int) string {
	return fmt.Sprintf(`{%s,"compressor_method":"simple","compressor_parameter":{"bucket_size":%d},"converter":%s}`,
		method, bucket, numConverter)
}

// compressiveConfig is a configuration that keeps few.
func compressiveConfig(method string, bucket, length, compressed, base int, factor, threshold float64) string {
	return fmt.Sprintf(`{%s,"compressor_method":"compressive","compressor_parameter":{"bucket_size":%d,"bucket_length":%d,`+
		`"compressed_bucket_size":%d,"bicriteria_base_size":%d,"forgetting_factor":%v,"forgetting_threshold":%v,"seed":0},"converter":%s}`,
		method, bucket, length, compressed, base, factor, threshold, numConverter)
}

// bare calls handlers as the node does.
type bare struct {
	handlers map[string]engine.Handler
	model    sync.RWMutex
	call     engine.Call
}

func newBare(e engine.Engine) *bare { return &bare{handlers: e.Handlers()} }

// do calls a method with arguments that are already encoded.
func (b *bare) do(method string, lock service.Lock, args []byte, n int) ([]byte, error) {
	b.call = engine.Call{Context: context.Background(), Args: mpack.NewReader(args), N: n, Out: b.call.Out[:0]}
	b.call.Begin(&b.model, lock)
	err := b.handlers[method](&b.call)
	b.call.Unlock()
	return b.call.Out, err
}

func (b *bare) must(t testing.TB, method string, args []byte, n int) []byte {
	t.Helper()
	out, err := b.do(method, service.Update, args, n)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return out
}

func (b *bare) fails(t testing.TB, method string, args []byte, n int, want string) {
	t.Helper()
	if _, err := b.do(method, service.Update, args, n); err == nil || err.Error() != want {
		t.Errorf("%s: error %v, want %q", method, err, want)
	}
}

// push pushes points in one call: id, datum, …
func (b *bare) push(t testing.TB, points ...any) {
	t.Helper()
	b.must(t, "push", encodePoints(points...), 1)
}

func encodePoints(points ...any) []byte {
	args := mpack.AppendArrayHeader(nil, len(points)/2)
	for i := 0; i < len(points); i += 2 {
		args = mpack.AppendArrayHeader(args, 2)
		args = mpack.AppendRaw(args, points[i].(string))
		args = points[i+1].(*datum.Datum).Append(args)
	}
	return args
}

// xs pushes numbers x under the names prefix0, prefix1, … in one call.
func (b *bare) xs(t testing.TB, prefix string, xs ...float64) {
	t.Helper()
	var points []any
	for i, x := range xs {
		points = append(points, fmt.Sprint(prefix, i), nums("x", x))
	}
	b.push(t, points...)
}

// nums makes a datum of numbers: name, value, …
func nums(entries ...any) *datum.Datum {
	d := &datum.Datum{}
	for i := 0; i < len(entries); i += 2 {
		d.AddNum(entries[i].(string), entries[i+1].(float64))
	}
	return d
}

func (b *bare) revision(t testing.TB) uint64 {
	t.Helper()
	r := mpack.NewReader(b.must(t, "get_revision", nil, 0))
	n, err := r.Uint64()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// member is an entry of a cluster as the light methods answer it.
type member struct {
	weight float64
	id     string
}

type members []member

func (m members) ids() []string {
	ids := []string{}
	for _, x := range m {
		ids = append(ids, x.id)
	}
	return ids
}

// line is the ids of all clusters: "a b, c".
func line(clusters []members) string {
	var parts []string
	for _, c := range clusters {
		parts = append(parts, strings.Join(c.ids(), " "))
	}
	return strings.Join(parts, ", ")
}

func (b *bare) members(t testing.TB) []members {
	t.Helper()
	return decodeMembers(t, b.must(t, "get_core_members_light", nil, 0))
}

func decodeMembers(t testing.TB, answer []byte) []members {
	t.Helper()
	v, err := goldentest.Decode(answer)
	if err != nil {
		t.Fatal(err)
	}
	var clusters []members
	for _, c := range v.(goldentest.List) {
		list := members{}
		for _, x := range c.(goldentest.List) {
			pair := x.(goldentest.List)
			list = append(list, member{pair[0].(float64), pair[1].(string)})
		}
		clusters = append(clusters, list)
	}
	return clusters
}

// centers are the centres, as data.
func (b *bare) centers(t testing.TB) []datum.Datum {
	t.Helper()
	r := mpack.NewReader(b.must(t, "get_k_center", nil, 0))
	n, err := r.ArrayHeader()
	if err != nil {
		t.Fatal(err)
	}
	list := make([]datum.Datum, n)
	for i := range list {
		if err := list[i].Decode(&r); err != nil {
			t.Fatal(err)
		}
		list[i] = list[i].Clone()
	}
	return list
}

// value is the number of that name.
func value(t testing.TB, d *datum.Datum, name string) float64 {
	t.Helper()
	for _, n := range d.Nums {
		if string(n.Key) == name {
			return n.Value
		}
	}
	t.Fatalf("%s has no %s", fmt.Sprint(d.Nums), name)
	return math.NaN()
}

func mix(t testing.TB, engines ...engine.Engine) {
	t.Helper()
	if ok, err := goldentest.Mix(engines...); err != nil || !ok {
		t.Fatalf("mixed: %v, %v", ok, err)
	}
}

// unpack loads a model, or fails.
func unpack(e engine.Engine, model []byte, from engine.Source) error {
	r := mpack.NewReader(model)
	commit, err := e.Unpack(&r, from)
	if err != nil {
		return err
	}
	if r.Len() > 0 {
		return errors.New("bytes are left")
	}
	commit()
	return nil
}
