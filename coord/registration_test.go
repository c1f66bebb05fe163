package coord_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
)

var self = coord.Identity{Host: "10.0.0.1", Port: 9199}

func TestRegistrationSurvivesLossOfSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, other := cluster(t)
		c := open(t, f)
		r := coord.NewRegistration(c, quiet)
		defer r.Close(t.Context())
		node, active := coord.NodePath("classifier", "c", self), coord.ActivePath("classifier", "c", self)
		for _, path := range []string{node, active} {
			if err := r.Add(t.Context(), path, nil); err != nil {
				t.Fatal(err)
			}
		}
		lock := coord.NewLock(c, coord.ConfigLockPath("classifier", "c"))
		if ok, err := lock.TryRLock(t.Context()); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := r.AddReadLock(t.Context(), lock); err != nil {
			t.Fatal(err)
		}
		first := c.Session().ID

		c.Cut()
		c.Expire()
		if _, ok := exists(t, other, node); ok {
			t.Fatal("the node outlived its session")
		}
		if lock.Held() {
			t.Error("a lock is held in a session that is in doubt")
		}
		time.Sleep(time.Minute)
		c.Heal()
		synctest.Wait()
		time.Sleep(time.Second)
		for _, path := range []string{node, active} {
			owner, ok := exists(t, other, path)
			if !ok || owner != c.Session().ID || owner == first {
				t.Errorf("%s: there %v, owner %q; want it in session %q", path, ok, owner, c.Session().ID)
			}
		}
		if !lock.Held() {
			t.Error("the read lock was not taken again")
		}
		select {
		case path := <-r.Deleted():
			t.Errorf("told that %s was deleted, but the session was lost", path)
		default:
		}
	})
}

func TestRegistrationTellsDeletion(t *testing.T) {
	f, other := cluster(t)
	c := open(t, f)
	r := coord.NewRegistration(c, quiet)
	defer r.Close(t.Context())
	node := coord.NodePath("classifier", "c", self)
	if err := r.Add(t.Context(), node, nil); err != nil {
		t.Fatal(err)
	}
	if err := other.Delete(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	select {
	case path := <-r.Deleted():
		if path != node {
			t.Errorf("told of %s", path)
		}
	case <-time.After(patient):
		t.Fatal("not told of the deletion")
	}
	if err := r.Add(t.Context(), node, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Remove(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	if _, ok := exists(t, other, node); ok {
		t.Error("Remove left the node")
	}
	select {
	case path := <-r.Deleted():
		t.Errorf("told of our own deletion of %s", path)
	default:
	}
}

func TestRegistrationTakesOverStaleNode(t *testing.T) {
	tests := []struct {
		name   string
		before func(old *coordtest.FakeClient)
		min    time.Duration
		max    time.Duration
	}{
		{"that goes by itself", func(old *coordtest.FakeClient) {
			time.AfterFunc(3*time.Second, old.Expire)
		}, 3 * time.Second, 4 * time.Second},
		{"that stays", func(*coordtest.FakeClient) {}, coordtest.FakeTimeout, coordtest.FakeTimeout + time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, _ := cluster(t)
				node := coord.NodePath("classifier", "c", self)
				old, c := open(t, f), open(t, f)
				if err := coord.CreateDirs(t.Context(), old, coord.NodesPath("classifier", "c")); err != nil {
					t.Fatal(err)
				}
				if _, err := old.Create(t.Context(), node, nil, coord.Ephemeral); err != nil {
					t.Fatal(err)
				}
				old.Cut()
				test.before(old)
				r := coord.NewRegistration(c, quiet)
				defer r.Close(t.Context())
				began := time.Now()
				if err := r.Add(t.Context(), node, nil); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took < test.min || took > test.max {
					t.Errorf("took the node over after %v, want %v to %v", took, test.min, test.max)
				}
				if owner, _ := exists(t, c, node); owner != c.Session().ID {
					t.Errorf("the node belongs to %q", owner)
				}
			})
		})
	}
}

func TestRegistrationRemovesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, other := cluster(t)
		c := open(t, f)
		r := coord.NewRegistration(c, quiet)
		defer r.Close(t.Context())
		active := coord.ActivePath("classifier", "c", self)
		if err := r.Add(t.Context(), active, nil); err != nil {
			t.Fatal(err)
		}
		c.Cut()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Remove(ctx, active); err == nil {
			t.Error("removed a node without a connection")
		}
		c.Heal()
		time.Sleep(time.Second)
		if _, ok := exists(t, other, active); ok {
			t.Error("the node is still there")
		}
	})
}

func TestRegistrationCloses(t *testing.T) {
	f, other := cluster(t)
	c := open(t, f)
	r := coord.NewRegistration(c, quiet)
	node := coord.NodePath("classifier", "c", self)
	if err := r.Add(t.Context(), node, nil); err != nil {
		t.Fatal(err)
	}
	r.Close(t.Context())
	if _, ok := exists(t, other, node); ok {
		t.Error("Close left the node")
	}
	if err := r.Add(t.Context(), node, nil); err == nil {
		t.Error("added a node after Close")
	}
}

// TestRegistrationOrder: what was added first is there first, also again.
func TestRegistrationOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := cluster(t)
		client := open(t, f)
		c := &created{Coordinator: client}
		r := coord.NewRegistration(c, quiet)
		defer r.Close(t.Context())
		var want []string
		for _, hash := range coord.VirtualNodes(self) {
			want = append(want, coord.RingPath("classifier", "c")+"/"+hash)
		}
		want = append(want, coord.NodePath("classifier", "c", self), coord.ActivePath("classifier", "c", self))
		for _, path := range want {
			if err := r.Add(t.Context(), path, []byte(self.String())); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Add(t.Context(), want[0], nil); err != nil { // again is fine
			t.Fatal(err)
		}
		synctest.Wait()
		c.paths = nil
		client.Expire()
		synctest.Wait()
		if diff := cmp.Diff(want, c.paths); diff != "" {
			t.Error(diff)
		}
		n, err := c.Get(t.Context(), want[1])
		if err != nil || string(n.Data) != self.String() {
			t.Errorf("data %q, %v", n.Data, err)
		}
	})
}

// TestRegistrationDuringOutage: what is added and removed while the service
// is away, or loses the session at that moment, comes out right.
func TestRegistrationDuringOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, other := cluster(t)
		c := open(t, f)
		r := coord.NewRegistration(c, quiet)
		defer r.Close(t.Context())
		kept, gone := coord.NodePath("classifier", "c", self), coord.ActivePath("classifier", "c", self)
		if err := r.Add(t.Context(), gone, nil); err != nil {
			t.Fatal(err)
		}
		c.Cut()
		c.Expire()
		added := make(chan error, 1)
		go func() { added <- r.Add(t.Context(), kept, nil) }()
		time.Sleep(time.Minute)
		c.Heal()
		if err := <-added; err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the other node is there again, too
		c.Cut()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Remove(ctx, gone); err == nil {
			t.Error("removed without a service")
		}
		c.Expire()
		c.Heal()
		time.Sleep(time.Second)
		if owner, ok := exists(t, other, kept); !ok || owner != c.Session().ID {
			t.Errorf("added: there %v, owner %q", ok, owner)
		}
		if _, ok := exists(t, other, gone); ok {
			t.Error("what was removed came back with the new session")
		}
	})
}

// TestRegistrationInEmptyTree: a service that lost everything gets the tree
// back from those who are in it.
func TestRegistrationInEmptyTree(t *testing.T) {
	f := coordtest.NewFake()
	c := open(t, f)
	r := coord.NewRegistration(c, quiet)
	defer r.Close(t.Context())
	node := coord.NodePath("classifier", "c", self)
	if err := r.Add(t.Context(), node, nil); err != nil {
		t.Fatal(err)
	}
	if owner, _ := exists(t, c, node); owner != c.Session().ID {
		t.Errorf("owner %q", owner)
	}
}
