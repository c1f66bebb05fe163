package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
	"github.com/jubatus/jubatus-go/learner"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func TestTree(t *testing.T) {
	service := newService(t, perceptron)
	a := start(t, service)
	own := "[" + a.id.String() + "]"
	for path, want := range map[string]string{
		"/jubatus":                        "[actors config jubaproxies supervisors]",
		"/jubatus/actors/classifier/test": "[actives config_lock master_lock nodes]",
		nodesDir:                          own,
		activesDir:                        own,
		"/jubatus/actors/classifier/test/config_lock": "[rlock_0000000001]", // 0 was the writer's
		"/jubatus/actors/classifier/test/master_lock": "[]",
	} {
		if got := children(t, service, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	s := a.status(t)
	for key, want := range map[string]string{
		"connected_zookeeper": a.coordinator.Endpoint(), "configpath": configPath, "is_standalone": "0", "use_cht": "0",
		"linear_mixer.count": "0", "linear_mixer.is_obsolete": "0", "linear_mixer.is_running": "1",
		"storage": "local_storage_mixture", "model_version": "1", "weight_manager_version": "1",
	} {
		if s[key] != want {
			t.Errorf("%s = %q, want %q", key, s[key], want)
		}
	}
	if len(s) != 52 {
		t.Errorf("%d keys: %v", len(s), s)
	}
	a.stop(t)
	for _, path := range []string{nodesDir, activesDir, "/jubatus/actors/classifier/test/config_lock"} {
		if got := children(t, service, path); got != "[]" {
			t.Errorf("%s after the end: %s", path, got)
		}
	}
	a.log.inOrder(t, "joining to the cluster test", "load config from zookeeper: fake", "get config from zookeeper: "+configPath,
		"config loaded: ", "start listening", "actor created: "+nodesDir, "watch start: ", "registered group membership",
		"RPC server startup", "active created: "+activesDir, "stopping mixer thread", "leaving from the cluster test", "stopping RPC server")
}

// A service with a ring has its nodes there, and those that draw ids can.
func TestRing(t *testing.T) {
	for typ, generator := range map[string]bool{"anomaly": true, "graph": true, "stat": false} {
		service := coordtest.NewFake()
		c, err := New(Options{
			Type: typ, Name: "r", Self: coord.Identity{Host: "192.168.0.1", Port: 9199}, Mixer: "linear_mixer",
			Open: func(context.Context) (coord.Coordinator, error) { return service.Open(), nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Join(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := c.Register(t.Context()); err != nil {
			t.Fatal(err)
		}
		look := service.Open()
		ring, err := coord.FetchRing(t.Context(), look, coord.RingPath(typ, "r"))
		if err != nil {
			t.Fatal(err)
		}
		if got := ring.Successors(nil, []byte("user1"), 2); fmt.Sprint(got) != "[192.168.0.1_9199]" {
			t.Errorf("%s: successors %v", typ, got)
		}
		if got := children(t, service, coord.RingPath(typ, "r")); !strings.HasPrefix(got, "[1e9817de45bf7ba36ca352b97b1b1af5 4f5fd9988ebbc4b2a00576b094a1d171 ") ||
			strings.Count(got, " ") != 7 {
			t.Errorf("%s: ring %s", typ, got)
		}
		if _, err := look.Get(t.Context(), coord.IDGeneratorPath(typ, "r")); (err == nil) != generator {
			t.Errorf("%s: id generator: %v", typ, err)
		}
		look.Close()
		c.Leave()
		if got := children(t, service, coord.RingPath(typ, "r")); got != "[]" {
			t.Errorf("%s: ring after the end: %s", typ, got)
		}
	}
}

func TestStartFailures(t *testing.T) {
	tests := []struct {
		name, stored string
		change       func(*setup)
		log          string
	}{
		{"no service", perceptron, func(s *setup) {
			s.cluster.Open = func(context.Context) (coord.Coordinator, error) { return nil, errors.New("the cause") }
		}, "exception in main thread: jubatus::core::common::exception::runtime_error: cannot connect zk in 10 sec: fake\\n    (#0) Message: the cause"},
		{"bad name", perceptron, func(s *setup) { s.cluster.Name = "a/b" }, "runtime_error: Failed to prepare lock_service"},
		{"unknown mixer", perceptron, func(s *setup) { s.cluster.Mixer = "mix" }, "runtime_error: unsupported mix type (mix)"},
		{"a mixer that cannot", perceptron, func(s *setup) { s.cluster.Mixer = "skip_mixer" },
			"runtime_error: skip_mixer does not support this configuration"},
		{"no config", "", nil, "exception when loading config file: jubatus::core::common::exception::runtime_error: config does not exist: " + configPath},
		{"bad config", "{,}", nil, "syntax error in configuration: <zookeeper>:1:2"},
		{"another config", perceptron, configFile(t, `{"method":"PA","converter":{}}`), "config file differs from the cluster's config"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			service := newService(t, tt.stored)
			m := prepare(t, service, func(s *setup) {
				if tt.change != nil {
					tt.change(s)
				}
			})
			var exit *learner.ExitError
			if err := m.Node.Run(t.Context()); !errors.As(err, &exit) || exit.Code != 1 {
				t.Errorf("Run = %v", err)
			}
			m.log.inOrder(t, tt.log)
			if got := children(t, service, nodesDir); got != "[]" {
				t.Errorf("nodes %s", got)
			}
		})
	}
}

func TestConfigIsBeingWritten(t *testing.T) {
	t.Parallel()
	service := newService(t, perceptron)
	writer := service.Open()
	defer writer.Close()
	lock := coord.NewLock(writer, coord.ConfigLockPath("classifier", "test"))
	if ok, err := lock.TryLock(t.Context()); !ok || err != nil {
		t.Fatal(ok, err)
	}
	m := prepare(t, service)
	if err := m.Node.Run(t.Context()); err == nil {
		t.Error("it started")
	}
	m.log.inOrder(t, "runtime_error: any user is writing config?")
}

// Nodes that bring the same configuration need nobody to store it first.
func TestNodesBringTheConfig(t *testing.T) {
	service := newService(t, "")
	a := start(t, service, configFile(t, perceptron))
	b := start(t, service, configFile(t, strings.ReplaceAll(perceptron, ":", " :\n")))
	for _, m := range []*member{a, b} {
		if v := m.must(t, "get_config", ""); v != perceptron {
			t.Errorf("get_config = %v", v)
		}
	}
	// It is locked as long as they live.
	c := service.Open()
	defer c.Close()
	if ok, err := coord.NewLock(c, coord.ConfigLockPath("classifier", "test")).TryLock(t.Context()); ok || err != nil {
		t.Errorf("somebody can write the config: %v, %v", ok, err)
	}
}

func TestConfigTest(t *testing.T) {
	service := newService(t, perceptron)
	m := prepare(t, service)
	var out bytes.Buffer
	if err := m.Test(t.Context(), &out); err != nil || out.String() != "Configuration OK\n" {
		t.Errorf("Test = %v, %q", err, out.String())
	}
	if got := children(t, service, "/jubatus/actors/classifier/test"); got != "[config_lock]" {
		t.Errorf("the tree has %s", got)
	}
	if got := children(t, service, "/jubatus/actors/classifier/test/config_lock"); got != "[]" {
		t.Errorf("locks are left: %s", got)
	}
}

// Somebody who deletes a server's node shuts the server down; other nodes of
// it do not matter.
func TestDeletedNode(t *testing.T) {
	service := newService(t, perceptron)
	a := start(t, service)
	c := service.Open()
	defer c.Close()
	if err := c.Delete(t.Context(), activesDir+"/"+a.id.String()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "word of it", func() bool { return a.log.count("somebody deleted a node of this server") > 0 })
	a.must(t, "get_labels", "")
	if err := c.Delete(t.Context(), nodesDir+"/"+a.id.String()); err != nil {
		t.Fatal(err)
	}
	a.wait(t)
	a.log.inOrder(t, "My actor ["+nodesDir+"/"+a.id.String()+"] was deleted, preparing for finish", "stopping mixer thread",
		"leaving from the cluster test", "stopping RPC server")
}

// registered reports whether a node is where it should be.
func registered(t *testing.T, service *coordtest.Fake, members ...*member) bool {
	for _, m := range members {
		for _, dir := range []string{nodesDir, activesDir} {
			if !strings.Contains(children(t, service, dir), m.id.String()) {
				return false
			}
		}
	}
	locks := children(t, service, "/jubatus/actors/classifier/test/config_lock")
	return strings.Count(locks, "rlock_") == len(members)
}

// Without the service calls are answered, but nobody mixes; when it is back
// everybody is where he was, also if all sessions are lost.
func TestServiceIsAway(t *testing.T) {
	for _, expire := range []bool{false, true} {
		t.Run(fmt.Sprintf("sessions lost: %v", expire), func(t *testing.T) {
			service := newService(t, perceptron)
			a, b := start(t, service), start(t, service)
			a.train(t, "yes", "x", 1)
			service.Stop()
			if expire {
				a.coordinator.Expire()
				b.coordinator.Expire()
			}
			waitFor(t, "doubt", func() bool { return !a.coordinator.Session().Valid })
			b.train(t, "no", "x", -1)
			if got, want := a.labels(t)+b.labels(t), "[{yes 1}][{no 1}]"; got != want {
				t.Errorf("labels %s, want %s", got, want)
			}
			if v := a.must(t, "do_mix"); v != false {
				t.Errorf("do_mix = %v", v)
			}
			a.status(t)
			service.Start()
			waitFor(t, "everybody to be back", func() bool { return registered(t, service, a, b) })
			b.mix(t)
			for _, m := range []*member{a, b} {
				if got, want := m.labels(t), "[{no 1} {yes 1}]"; got != want {
					t.Errorf("labels %s, want %s", got, want)
				}
				if m.status(t)["linear_mixer.is_obsolete"] != "0" {
					t.Errorf("a node is obsolete:\n%s", m.log)
				}
			}
		})
	}
}

// A node that was cut off, and missed MIXes, gets the others' model by itself
// when it is back, and is not active before.
func TestHealedNodeCatchesUp(t *testing.T) {
	service := newService(t, perceptron)
	a, b := start(t, service), start(t, service)
	b.coordinator.Cut()
	b.coordinator.Expire()
	waitFor(t, "b to be gone", func() bool { return !strings.Contains(children(t, service, nodesDir), b.id.String()) })
	a.train(t, "yes", "x", 1)
	a.mix(t)
	if got, want := a.labels(t)+b.labels(t), "[{yes 1}][]"; got != want {
		t.Errorf("labels %s, want %s", got, want)
	}
	b.coordinator.Heal()
	waitFor(t, "b to catch up", func() bool { return b.labels(t) == "[{yes 1}]" && registered(t, service, a, b) })
	log := a.log.String() + b.log.String() // either may have been the master
	for _, line := range []string{"I'm obsolete. I become inactive.", "active removed: ", "got model(serialized data)",
		"I got latest model. So I become active."} {
		if !strings.Contains(log, line) {
			t.Errorf("the logs lack %q:\n%s\n%s", line, a.log, b.log)
		}
	}
}

// A node that joins gets the model of an active one, and what that one has not
// mixed yet is not counted twice.
func TestJoinerGetsTheModel(t *testing.T) {
	service := newService(t, perceptron)
	a := start(t, service)
	a.train(t, "yes", "x", 1)
	a.mix(t)
	a.train(t, "no", "x", -1)
	// One that is not active is asked last, and so not at all.
	join(t, service, map[string]answer{"get_model": raw("garbage")})
	b := start(t, service)
	for _, m := range []*member{a, b} {
		if got, want := m.labels(t), "[{no 1} {yes 1}]"; got != want {
			t.Errorf("labels %s, want %s", got, want)
		}
	}
	// Without an active one all others are tried.
	bad := newService(t, perceptron)
	ids := map[string]answer{"get_model": raw("garbage")}
	for range 3 {
		join(t, bad, ids)
	}
	c := prepare(t, bad)
	c.run(t)
	waitFor(t, "three attempts", func() bool { return c.log.count("get_model failed (std::bad_cast") >= 3 })
	c.log.inOrder(t, "error in mix thread: no server has a model to give")
	if c.status(t)["linear_mixer.is_obsolete"] != "1" || children(t, bad, activesDir) != "[]" {
		t.Error("it is active without a model")
	}
}

// A cluster that speaks another protocol is none to be in.
func TestOtherProtocol(t *testing.T) {
	service := newService(t, perceptron)
	b := mpack.AppendUint(mpack.AppendArrayHeader(nil, 2), 2)
	join(t, service, map[string]answer{"get_model": says(mpack.AppendRaw(b, "x"))})
	m := prepare(t, service)
	if err := m.Node.Run(t.Context()); err != nil {
		t.Errorf("Run = %v", err)
	}
	m.log.inOrder(t, "level=ERROR msg=\"MIX protocol version mismatch detected, going down; expected 1, got 2\"",
		"stopping mixer thread", "leaving from the cluster test")
}

// Old nodes send and understand one argument of put_diff.
func TestOldMaster(t *testing.T) {
	service := newService(t, perceptron)
	a := start(t, service)
	a.train(t, "yes", "x", 1)
	diff := a.must(t, "get_diff", 0)
	a.train(t, "yes", "x", 1)
	if v := a.must(t, "put_diff", diff); v != int64(0) {
		t.Errorf("put_diff = %v", v)
	}
	if got, want := a.labels(t), "[{yes 2}]"; got != want {
		t.Errorf("labels %s, want %s", got, want)
	}
	// What we send as a master has the diff first.
	var params goldentest.Value
	join(t, service, map[string]answer{
		"get_diff": raw("\xc1"),
		"put_diff": func(_ context.Context, req *rpc.Request, out []byte) ([]byte, error) {
			var err error
			params, err = goldentest.Decode(req.Params)
			return mpack.AppendUint(out, 0), err
		},
	})
	a.mix(t)
	got, ok := params.(goldentest.List)
	if !ok || len(got) != 2 {
		t.Fatalf("params %s", goldentest.Show(params))
	}
	if _, ok := got[0].(string); !ok || goldentest.Show(got[1]) != "["+a.id.String()+"]" {
		t.Errorf("params %s", goldentest.Show(params))
	}
}

func TestUnknownService(t *testing.T) {
	if _, err := New(Options{Type: "nosuch"}); err == nil {
		t.Error("New accepts a service that does not exist")
	}
}
