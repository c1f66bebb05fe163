package cluster

import (
	"fmt"
	"testing"

	"github.com/jubatus/jubatus-go/learner/goldentest"
)

func TestTwoNodesMix(t *testing.T) {
	service := newService(t, perceptron)
	a := start(t, service)
	a.log.inOrder(t, "start listening", "actor created: "+nodesDir, "registered group membership", "RPC server startup",
		"start to get model from other server", "no other server available, I become active",
		"got ZooKeeper lock, starting mix", "success to get_diff from [", "success to put_diff to [",
		"mixed with 1 servers in ", ".... mix done. versions[1st, 1st, 1st]")
	b := start(t, service)
	b.log.inOrder(t, "got model(serialized data)", "mixed with 2 servers", "versions[2nd, 2nd, 2nd]")
	a.train(t, "yes", "x", 1)
	b.train(t, "no", "x", -1)
	a.mix(t)
	for _, m := range []*member{a, b} {
		if got, want := m.labels(t), "[{no 1} {yes 1}]"; got != want {
			t.Errorf("labels %s, want %s", got, want)
		}
		s := m.status(t)
		if s["linear_mixer.count"] != "0" || s["model_version"] != "3" || s["weight_manager_version"] != "3" {
			t.Errorf("status: %v", s)
		}
	}
	if got, want := children(t, service, nodesDir), children(t, service, activesDir); got != want {
		t.Errorf("nodes %s, actives %s", got, want)
	}
}

const golden = "../testdata/golden/mix"

// Two servers that are fed as the original's were have the same to tell each
// other, and answer the same afterwards.
func TestRecordedMixes(t *testing.T) {
	for _, name := range []string{"perceptron", "PA", "PA1", "PA2", "CW", "AROW", "AROW-idf", "NHERD"} {
		t.Run(name, func(t *testing.T) {
			x := goldentest.ReadMix(t, fmt.Sprintf("%s/classifier-%s.mix.json", golden, name))
			o := goldentest.Options{Tolerance: 1e-9, Skip: goldentest.ServerOnly}
			service := newService(t, string(x.Config))
			var members []*member
			for range x.Nodes {
				members = append(members, start(t, service))
			}
			for i, n := range x.Nodes {
				call := members[i].call(t)
				goldentest.Replay(t, n.Fed, call, o)
				goldentest.Replay(t, n.Before, call, o)
				diff := []byte(members[i].must(t, "get_diff", 0).(string))
				same(t, "diff", n.Diff, diff, goldentest.Set, o.Tolerance)
			}
			members[0].mix(t)
			for i, n := range x.Nodes {
				goldentest.Replay(t, n.After, members[i].call(t), o)
				answer := members[i].must(t, "get_model", 0).(goldentest.List)
				if answer[0] != int64(1) {
					t.Errorf("protocol version %v", answer[0])
				}
				if n.ModelAfter == nil {
					t.Fatal("no model recorded")
				}
				same(t, "model", n.ModelAfter, []byte(answer[1].(string)), goldentest.AsIs, o.Tolerance)
			}
		})
	}
}

func same(t *testing.T, what string, want, got []byte, order goldentest.Order, tolerance float64) {
	t.Helper()
	w, err := goldentest.Decode(want)
	if err != nil {
		t.Fatal(err)
	}
	g, err := goldentest.Decode(got)
	if err != nil {
		t.Fatal(err)
	}
	if err := goldentest.Compare(w, g, order, tolerance); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}
