package clustering

import (
	"bytes"
	"fmt"
	"math"
	"testing"
)

// Features that no point has any more are forgotten, whatever comes and goes,
// and that changes nothing else.
func TestKeysAreForgotten(t *testing.T) {
	cfg := compressiveConfig(kmeans2, 50, 2, 5, 1, 3, 1)
	e, hoarder := build(t, cfg, false), build(t, cfg, false)
	hoarder.model.roomy = math.MaxInt
	n, m := newBare(e), newBare(hoarder)
	for i := range 300 {
		var points []any
		for j := range 10 {
			d := nums("x", float64(j%2*50))
			for f := range 5 {
				d.AddNum(fmt.Sprint("f", i, "-", j, "-", f), 1)
			}
			points = append(points, fmt.Sprint(i, "-", j), d)
		}
		n.push(t, points...)
		m.push(t, points...)
	}
	if have, all := e.model.keys.Len(), hoarder.model.keys.Len(); have > 2*fewKeys || all < 15000 {
		t.Errorf("%d of %d features are known", have, all)
	}
	if !bytes.Equal(e.Pack(nil), hoarder.Pack(nil)) {
		t.Error("the models differ")
	}
	for _, method := range []string{"get_k_center", "get_core_members"} {
		if !bytes.Equal(n.must(t, method, nil, 0), m.must(t, method, nil, 0)) {
			t.Errorf("the answers of %s differ", method)
		}
	}
}

// Centres that a run leaves as they are outlive that features are numbered
// anew.
func TestRekeyKeepsCenters(t *testing.T) {
	e := build(t, simpleConfig(`"method":"kmeans","parameter":{"k":3,"seed":0}`, 4), false)
	n := newBare(e)
	n.push(t, "a", nums("x", 1.0), "b", nums("y", 1.0), "c", nums("z", 1.0), "d", nums("w", 1.0))
	centers := n.must(t, "get_k_center", nil, 0)
	e.model.store.take(e.model.store.own(nil)[2:])
	e.model.roomy = 0
	e.model.recluster() // of two points no three centres can be made
	if again := n.must(t, "get_k_center", nil, 0); !bytes.Equal(again, centers) {
		t.Errorf("centres % x, before % x", again, centers)
	}
	near := n.must(t, "get_nearest_center", nums("z", 2.0).Append(nil), 1)
	if want := nums("z", 1.0).Append(nil); !bytes.Equal(near, want) {
		t.Errorf("nearest centre % x, want % x", near, want)
	}
}
