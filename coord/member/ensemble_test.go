package member

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/jubatus/jubatus-go/coord"
)

// TestThreeSlots lives through what happens to an ensemble of three: founding
// with pauses and lists in different orders, the loss of one member and of
// two, a leader's death with a standby, a leader's clean stop.
func TestThreeSlots(t *testing.T) {
	list := freeList(t, 3)
	items := strings.Split(list, ",")
	slots := parse(t, list)
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	process := make([]*process, 3)

	// Any order of start, and of the list.
	process[2] = spawn(t, strings.Join([]string{items[2], items[0], items[1]}, ","), dirs[2], slots[2].Addr())
	process[2].expect(t, "hosting", 20*time.Second)
	process[0] = spawn(t, list, dirs[0], slots[0].Addr())
	c := connect(t, list) // two are enough
	create(t, c, "/e", coord.Ephemeral)
	session := c.Session().ID
	process[1] = spawn(t, list, dirs[1], slots[1].Addr())
	process[1].expect(t, "hosting", 20*time.Second)
	process[0].expect(t, "hosting", 20*time.Second)
	waitMembers(t, slots, 3)

	alive := func(what string, limit time.Duration) {
		t.Helper()
		took := within(t, limit, what, func() bool {
			n, err := c.Get(soon(t), "/e")
			return err == nil && n.Owner == session
		})
		t.Logf("%s: answered after %v", what, took)
	}

	// A standby on the leader's machine, and the leader is killed.
	leader := leaderOf(t, slots)
	standby := spawn(t, list, dirs[leader], slots[leader].Addr())
	process[leader].kill()
	alive("leader killed, with a standby", 10*time.Second)
	standby.expect(t, "hosting", 10*time.Second)
	process[leader] = standby
	waitMembers(t, slots, 3)

	// The leader stops cleanly and nobody stands by.
	leader = leaderOf(t, slots)
	done := make(chan struct{})
	go func() { defer close(done); process[leader].stop() }()
	alive("leader stopped", 10*time.Second)
	if _, err := c.Set(soon(t), "/e", []byte("y")); err != nil {
		t.Error(err)
	}
	<-done

	// Without a majority nothing is answered, and the session is doubted.
	second := (leader + 1) % 3
	process[second].kill()
	within(t, 15*time.Second, "doubt", func() bool { return !c.Session().Valid })
	process[leader] = spawn(t, list, dirs[leader], slots[leader].Addr())
	alive("majority again", 20*time.Second)
	within(t, 5*time.Second, "trust", func() bool { return c.Session().Valid })
	if c.Session().ID != session {
		t.Errorf("session %s became %s", session, c.Session().ID)
	}
	process[second] = spawn(t, list, dirs[second], slots[second].Addr())
	waitMembers(t, slots, 3)
}

// status returns which of the slots answer, and which one leads.
func status(t *testing.T, slots []Slot) (answering, leader int) {
	t.Helper()
	leader = -1
	for i, s := range slots {
		c, err := clientv3.New(clientv3.Config{Endpoints: []string{s.Addr()}, Logger: zap.NewNop()})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Status(soon(t), s.Addr())
		if err == nil && resp.Leader != 0 {
			answering++
			if resp.Leader == resp.Header.MemberId {
				leader = i
			}
		}
		c.Close()
	}
	return answering, leader
}

func waitMembers(t *testing.T, slots []Slot, n int) {
	t.Helper()
	within(t, 20*time.Second, fmt.Sprintf("%d members", n), func() bool {
		answering, leader := status(t, slots)
		return answering == n && leader >= 0
	})
}

func leaderOf(t *testing.T, slots []Slot) int {
	t.Helper()
	leader := -1
	within(t, 10*time.Second, "a leader", func() bool {
		_, leader = status(t, slots)
		return leader >= 0
	})
	return leader
}

// TestOneProcessHostsAll runs a list of three slots of one machine, which any
// single process makes work.
func TestOneProcessHostsAll(t *testing.T) {
	list, dir := freeList(t, 3), t.TempDir()
	h := start(t, list, dir, "")
	c := connect(t, list)
	create(t, c, "/p", coord.Persistent)
	within(t, 10*time.Second, "all hosted", func() bool {
		for _, s := range parse(t, list) {
			if !h.Hosting(s.Addr()) {
				return false
			}
		}
		return true
	})
	c.Close()
	began := time.Now()
	if err := h.Stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stop took %v", took)
	}
}

// TestDisagreementAmongMachines starts a member whose list the others do not
// share: it must not found an ensemble of its own.
func TestDisagreementAmongMachines(t *testing.T) {
	list := freeList(t, 1)
	start(t, list, t.TempDir(), "")
	connect(t, list)
	extra := freeList(t, 1)
	both := list + "," + extra
	_, err := Start(t.Context(), Config{
		Slots: parse(t, both), Dir: t.TempDir(), SlotFlag: parse(t, extra)[0].Addr(), Logger: quiet(),
	})
	var d *DisagreementError
	if !errors.As(err, &d) || d.Given != canonical(parse(t, both)) || !strings.Contains(d.Where, parse(t, list)[0].Addr()) {
		t.Errorf("start: %v", err)
	}

	// The same when the other one comes up later.
	list = freeList(t, 1)
	both = list + "," + extra
	h := start(t, both, t.TempDir(), parse(t, extra)[0].Addr())
	start(t, list, t.TempDir(), "")
	select {
	case err := <-h.Failed():
		if !errors.As(err, &d) {
			t.Errorf("failed: %v", err)
		}
	case <-time.After(15 * time.Second):
		t.Error("disagreement not noticed")
	}
}

// TestNotHosting covers machines and processes that are plain clients.
func TestNotHosting(t *testing.T) {
	for name, config := range map[string]Config{
		"flag":          {Slots: parse(t, "127.0.0.1:2379"), Dir: t.TempDir(), SlotFlag: SlotNone},
		"other machine": {Slots: parse(t, "192.0.2.1:2379"), Dir: t.TempDir()},
		"no permission": {Slots: parse(t, freeList(t, 1)), Dir: "/sys/jubatus"},
	} {
		config.Logger = quiet()
		h, err := Start(t.Context(), config)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if h.Local() != "" || h.Hosting("127.0.0.1:2379") {
			t.Errorf("%s: hosts", name)
		}
		if err := h.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// TestPortTaken starts a host where an etcd of somebody else's has the slot's
// port: the process is its client then, and hosts once the port is free.
func TestPortTaken(t *testing.T) {
	list := freeList(t, 1)
	slot := parse(t, list)[0].Addr()
	foreign := start(t, list, t.TempDir(), "")
	within(t, 10*time.Second, "hosting", func() bool { return foreign.Hosting(slot) })
	h := start(t, list, t.TempDir(), "")
	c := connect(t, list)
	create(t, c, "/p", coord.Persistent)
	if h.Hosting(slot) {
		t.Error("two hosts")
	}
	if err := foreign.Stop(); err != nil {
		t.Fatal(err)
	}
	within(t, 10*time.Second, "hosting", func() bool { return h.Hosting(slot) })
}

// TestClientsOfHandOver keeps calling while hosts come and go.
func TestClientsOfHandOver(t *testing.T) {
	list, dir := freeList(t, 1), t.TempDir()
	h := start(t, list, dir, "")
	c := connect(t, list)
	create(t, c, "/n", coord.Persistent)
	end := make(chan struct{})
	var wg sync.WaitGroup
	var calls int
	var slowest time.Duration
	wg.Go(func() {
		for {
			select {
			case <-end:
				return
			default:
			}
			began := time.Now()
			if _, err := c.Set(soon(t), "/n", []byte("x")); err != nil {
				t.Error(err)
				return
			}
			slowest = max(slowest, time.Since(began))
			calls++
		}
	})
	sequence := make(map[string]bool)
	for range 3 {
		next := start(t, list, dir, "")
		if err := h.Stop(); err != nil {
			t.Error(err)
		}
		h = next
		path, err := c.Create(soon(t), "/lock/wlock_", nil, coord.Sequential)
		if err != nil || sequence[path] {
			t.Errorf("create: %s, %v", path, err)
		}
		sequence[path] = true
	}
	close(end)
	wg.Wait()
	names, err := c.Children(soon(t), "/lock")
	if err != nil || len(names) != 3 {
		t.Errorf("nodes of three calls: %v, %v", names, err)
	}
	n, err := c.Get(soon(t), "/n")
	if err != nil || n.Version < int64(calls) {
		t.Errorf("%d calls set it %d times, %v", calls, n.Version, err)
	}
	t.Logf("%d calls, slowest %v", calls, slowest)
}
