package clustering

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// xValues are the centres' x.
func xValues(t *testing.T, b *bare) []float64 {
	t.Helper()
	var xs []float64
	for _, c := range b.centers(t) {
		xs = append(xs, value(t, &c, "x"))
	}
	return xs
}

func check(t *testing.T, b *bare, revision uint64, lines string, xs ...float64) {
	t.Helper()
	if got := b.revision(t); got != revision {
		t.Errorf("revision %d, want %d", got, revision)
	}
	if got := line(b.members(t)); got != lines {
		t.Errorf("members %s, want %s", got, lines)
	}
	if got := xValues(t, b); !slices.Equal(got, xs) {
		t.Errorf("centres %v, want %v", got, xs)
	}
}

// The point that ends a bucket is not clustered with it, but has its place.
func TestKMeans(t *testing.T) {
	b := newBare(build(t, simpleConfig(kmeans2, 5), false))
	b.fails(t, "get_core_members", nil, 0, "clustering is not performed yet")
	b.fails(t, "get_k_center", nil, 0, "clustering is not performed yet")
	b.fails(t, "get_nearest_center", nums("x", 1.0).Append(nil), 1, "clustering is not performed yet")
	b.fails(t, "get_nearest_members_light", nums("x", 1.0).Append(nil), 1, "clustering is not performed yet")
	b.xs(t, "p", 1, 2, 10, 11, 12)
	check(t, b, 1, "p0 p1, p2 p3 p4", 1.5, 10.5)

	near := b.must(t, "get_nearest_members_light", nums("x", 7.0, "y", 0.5).Append(nil), 1)
	if got := decodeMembers(t, append([]byte{0x91}, near...)); line(got) != "p2 p3 p4" {
		t.Errorf("nearest members %s", line(got))
	}
	center := b.must(t, "get_nearest_center", nums("x", 5.9).Append(nil), 1)
	goldentest.SameObject(t, "nearest centre", nums("x", 1.5).Append(nil), center, goldentest.AsIs, 0)

	// Points pushed later are put to the present clusters, and ids say nothing.
	b.xs(t, "p", 0.5, 12)
	check(t, b, 1, "p0 p1 p0, p2 p3 p4 p1", 1.5, 10.5)
}

func TestFewerPointsThanClusters(t *testing.T) {
	b := newBare(build(t, simpleConfig(`"method":"kmeans","parameter":{"k":3,"seed":0}`, 3), false))
	b.xs(t, "p", 1, 2, 3)
	if b.revision(t) != 1 {
		t.Errorf("revision %d, want 1", b.revision(t))
	}
	b.fails(t, "get_core_members_light", nil, 0, "clustering is not performed yet")
	b.xs(t, "q", 10, 20, 30)
	if n := len(b.members(t)); n != 3 {
		t.Errorf("%d clusters, want 3", n)
	}
}

// With fewer different points than clusters some stay empty; the first one
// takes all.
func TestEmptyClusters(t *testing.T) {
	b := newBare(build(t, simpleConfig(`"method":"kmeans","parameter":{"k":3,"seed":0}`, 5), false))
	b.xs(t, "p", 7, 7, 7, 7, 7)
	check(t, b, 1, "p0 p1 p2 p3 p4, , ", 7, 7, 7)
}

// The count that ends buckets goes on after clear; the revision does not.
func TestClear(t *testing.T) {
	b := newBare(build(t, simpleConfig(kmeans2, 5), false))
	b.xs(t, "p", 1, 2, 10, 11, 12, 13)
	b.must(t, "clear", nil, 0)
	if b.revision(t) != 0 {
		t.Errorf("revision %d after clear, want 0", b.revision(t))
	}
	b.fails(t, "get_core_members_light", nil, 0, "clustering is not performed yet")
	b.xs(t, "q", 1, 2, 10)
	b.fails(t, "get_core_members_light", nil, 0, "clustering is not performed yet")
	b.xs(t, "r", 20) // the tenth point ever
	if got := b.revision(t); got != 1 {
		t.Errorf("revision %d, want 1", got)
	}
	if got := line(b.members(t)); got != "q0 q1, q2 r0" {
		t.Errorf("members %s", got)
	}
}

func TestCompressive(t *testing.T) {
	b := newBare(build(t, compressiveConfig(kmeans2, 4, 2, 2, 1, 1, 0), false))
	push := func(xs ...float64) {
		for _, x := range xs {
			b.push(t, fmt.Sprint("v", x), nums("x", x))
		}
	}
	push(1, 2, 10, 11)
	check(t, b, 1, "v2, v11", 2, 11)
	want := []members{{{1.2262648039048079, "v2"}}, {{0.2452529607809615, "v11"}}}
	if got := b.members(t); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("members %v, want %v", got, want)
	}
	push(3, 4, 12, 13)
	check(t, b, 2, ", v11 v11", 10.999999999999998, 11)
	want = []members{{}, {{0.812011699419676, "v11"}, {0.27067056647322557, "v11"}}}
	if got := b.members(t); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("members %v, want %v", got, want)
	}
}

// A mixture knows of a point only what comes after the last feature that is
// new with it.
func TestMixtureOfOne(t *testing.T) {
	b := newBare(build(t, simpleConfig(`"method":"gmm","parameter":{"k":1,"seed":4}`, 2), false))
	b.push(t, "p", nums("a", 1.02, "b", -0.19), "q", nums("a", 2.0))
	var got datum.Datum
	got = b.centers(t)[0]
	if len(got.Nums) != 1 || value(t, &got, "b") != -0.19 {
		t.Errorf("centre %v", got.Nums)
	}
	b.push(t, "r", nums("c", 1.0), "s", nums("a", 1.0))
	got = b.centers(t)[0]
	if len(got.Nums) != 3 || string(got.Nums[0].Key) != "a" || string(got.Nums[2].Key) != "c" {
		t.Errorf("centre %v, want a, b, c", got.Nums)
	}
	if x := value(t, &got, "a"); math.Abs(x-2.0/3) > 1e-12 {
		t.Errorf("a is %v, want 2/3", x)
	}
}

const scan = `"method":"dbscan","parameter":{"eps":%v,"min_core_point":2},"distance":%q`

func TestDBSCAN(t *testing.T) {
	for _, c := range []struct {
		eps      float64
		distance string
	}{{4, "euclidean"}, {0.2, "cosine"}} {
		b := newBare(build(t, simpleConfig(fmt.Sprintf(scan, c.eps, c.distance), 8), false))
		var points []any
		for i, p := range [][2]float64{{1, 1}, {2, 2}, {4, 4}, {5, 5}, {50, 0}, {51, 0}, {-100, -100}, {1, 1}} {
			points = append(points, fmt.Sprint("p", i), nums("x", p[0], "y", p[1]))
		}
		b.push(t, points...)
		if got := line(b.members(t)); got != "p0 p1 p2 p3, p4 p5" {
			t.Errorf("%s: members %s", c.distance, got)
		}
		d := nums("x", 1.0).Append(nil)
		b.fails(t, "get_k_center", nil, 0, "unsupported method (get_k_center)")
		b.fails(t, "get_nearest_center", d, 1, "unsupported method (get_nearest_center)")
		b.fails(t, "get_nearest_members", d, 1, "unsupported method (get_nearest_center_index)")
		b.fails(t, "get_nearest_members_light", d, 1, "unsupported method (get_nearest_center_index)")
		b.must(t, "clear", nil, 0)
		b.fails(t, "get_core_members", nil, 0, "clustering is not performed yet")
	}
}

// The data are answered as they were pushed, also what makes no feature.
func TestDataAreKept(t *testing.T) {
	b := newBare(build(t, simpleConfig(kmeans2, 3), false))
	d := nums("x", 1.0)
	d.AddString("s", "text")
	d.AddBinary("b", []byte{0xff})
	b.push(t, "p", d, "q", nums("x", 5.0), "r", nums("x", 6.0))
	want := mpack.AppendFloat64(mpack.AppendArrayHeader(mpack.AppendArrayHeader(nil, 1), 2), 1)
	got := b.must(t, "get_nearest_members", d.Append(nil), 1)
	goldentest.SameObject(t, "members", d.Append(want), got, goldentest.AsIs, 0)
	// Texts come back from centres without their weights.
	center := b.centers(t)[0]
	if len(center.Strings) != 1 || string(center.Strings[0].Value) != "text" || len(center.Binaries) != 0 {
		t.Errorf("centre %v", center)
	}
}

func TestBadCalls(t *testing.T) {
	e := build(t, simpleConfig(kmeans2, 3), false)
	b := newBare(e)
	good := encodePoints("p", nums("x", 1.0))
	for _, args := range [][]byte{
		{}, {0xc0}, {0x91, 0x01}, {0x91, 0x92, 0x01, 0x90}, {0x91, 0x92, 0xa1, 'p', 0x92},
		append([]byte{0x92}, append(good[1:], 0xc0)...),
	} {
		if _, err := b.do("push", 0, args, 1); err == nil {
			t.Errorf("% x: no error", args)
		}
	}
	// One that cannot be converted leaves the others out, too.
	bad := encodePoints("p", nums("x", 1.0), "q", nums("a$b", 1.0))
	if _, err := b.do("push", 0, bad, 1); err == nil {
		t.Error("a key with a dollar sign is no error")
	}
	if n := len(e.model.all()); n != 0 {
		t.Errorf("%d points are stored", n)
	}
	b.must(t, "push", []byte{0x91, 0x90}, 1) // no id, no datum: both empty
	b.must(t, "push", []byte{0x90}, 1)
	if p := e.model.all(); len(p) != 1 || p[0].id != "" || string(p[0].datum) != string(emptyDatum) {
		t.Errorf("%d points are stored", len(p))
	}
}

// Numbers that are none must not hang or break anything.
func TestNotANumber(t *testing.T) {
	for _, method := range []string{kmeans2, `"method":"gmm","parameter":{"k":2,"seed":0}`, fmt.Sprintf(scan, 1, "euclidean"),
		kmeans2 + `,"distance":"cosine"`} {
		b := newBare(build(t, simpleConfig(method, 4), false))
		b.xs(t, "p", math.NaN(), 1, math.Inf(1), 2, math.MaxFloat64, -math.MaxFloat64, 3, 4)
		if b.revision(t) != 2 {
			t.Errorf("revision %d, want 2", b.revision(t))
		}
	}
	for _, method := range []string{kmeans2, `"method":"gmm","parameter":{"k":2,"seed":0}`} {
		b := newBare(build(t, compressiveConfig(method, 8, 2, 4, 2, 0.1, 0.5), false))
		b.xs(t, "p", math.NaN(), 1, math.Inf(1), 2, math.MaxFloat64, -math.MaxFloat64, 3, 4)
		if b.revision(t) != 1 {
			t.Errorf("revision %d, want 1", b.revision(t))
		}
	}
}
