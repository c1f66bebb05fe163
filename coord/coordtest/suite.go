package coordtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/coord"
)

// Backend is a running coordination service under test.
type Backend interface {
	// Open returns a new client with a session of its own. Whoever calls it
	// closes the client.
	Open(t testing.TB) coord.Coordinator
	// Expire makes the service end the session that a client has now. It may
	// return before the client knows, but not before the nodes are gone.
	Expire(t testing.TB, c coord.Coordinator)
}

// Interruptible is a Backend whose service can go away and come back with all
// it knew.
type Interruptible interface {
	Backend
	// Interrupt makes the service answer nobody.
	Interrupt(t testing.TB)
	// Resume brings it back.
	Resume(t testing.TB)
}

// patient is how long the suite waits for what should happen soon. Sessions
// of the backends under test should be a few seconds at most.
const patient = 30 * time.Second

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// Run runs the conformance suite. It calls open once for each of its tests,
// which run one after another; every test keeps to directories of its own, so
// that all may use the same service.
func Run(t *testing.T, open func(t *testing.T) Backend) {
	tests := []struct {
		name string
		run  func(t *testing.T, e *env)
	}{
		{"Nodes", testNodes},
		{"Versions", testVersions},
		{"Delete", testDelete},
		{"Children", testChildren},
		{"ThousandChildren", testThousandChildren},
		{"LargeValue", testLargeValue},
		{"Ephemeral", testEphemeral},
		{"EphemeralRace", testEphemeralRace},
		{"Sequential", testSequential},
		{"Order", testOrder},
		{"Context", testContext},
		{"Close", testClose},
		{"WatchNode", testWatchNode},
		{"WatchChildren", testWatchChildren},
		{"WatchMany", testWatchMany},
		{"WatchEnds", testWatchEnds},
		{"WriteLock", testWriteLock},
		{"ReadLock", testReadLock},
		{"LockContention", testLockContention},
		{"LockDiesWithSession", testLockDiesWithSession},
		{"Expiry", testExpiry},
		{"RegistrationAfterExpiry", testRegistrationAfterExpiry},
		{"DeletionOfOwnNode", testDeletionOfOwnNode},
		{"TakeOver", testTakeOver},
		{"Membership", testMembership},
		{"ConfigStore", testConfigStore},
		{"IDs", testIDs},
		{"Interruption", testInterruption},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, newEnv(t, open(t)))
		})
	}
}

// env is what a test of the suite works with.
type env struct {
	Backend
	t    *testing.T
	root string // a directory of this test's own
	name string // a cluster name of this test's own
}

var unique atomic.Int64

func newEnv(t *testing.T, b Backend) *env {
	name := fmt.Sprintf("suite%d_%d", time.Now().UnixNano(), unique.Add(1))
	return &env{Backend: b, t: t, name: name, root: "/" + name}
}

// client returns a client that is closed when the test ends, after making the
// test's directory.
func (e *env) client() coord.Coordinator {
	e.t.Helper()
	c := e.Open(e.t)
	e.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			e.t.Errorf("Close: %v", err)
		}
	})
	e.mkdir(c, e.root)
	return c
}

// ctx is a context that ends a test which waits for an answer in vain.
func (e *env) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	e.t.Cleanup(cancel)
	return ctx
}

func (e *env) path(name string) string { return e.root + "/" + name }

func (e *env) mkdir(c coord.Coordinator, paths ...string) {
	e.t.Helper()
	e.check(coord.CreateDirs(e.ctx(), c, paths...))
}

func (e *env) check(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) is(err, target error, what string) {
	e.t.Helper()
	if !errors.Is(err, target) {
		e.t.Errorf("%s: error %v, want %v", what, err, target)
	}
}

// create makes a node that must be new, at the path given.
func (e *env) create(c coord.Coordinator, path, data string, kind coord.Kind) string {
	e.t.Helper()
	made, err := c.Create(e.ctx(), path, []byte(data), kind)
	e.check(err)
	if kind != coord.Sequential && made != path {
		e.t.Fatalf("Create(%s) made %s", path, made)
	}
	if kind == coord.Sequential && (!strings.HasPrefix(made, path) || len(made) != len(path)+10) {
		e.t.Fatalf("Create(%s) made %s, want ten digits more", path, made)
	}
	return made
}

// children lists a directory.
func (e *env) children(c coord.Coordinator, path string) []string {
	e.t.Helper()
	names, err := c.Children(e.ctx(), path)
	e.check(err)
	return names
}

// there says whether a node exists.
func (e *env) there(c coord.Coordinator, path string) bool {
	e.t.Helper()
	_, err := c.Get(e.ctx(), path)
	if err != nil && !errors.Is(err, coord.ErrNoNode) {
		e.t.Fatal(err)
	}
	return err == nil
}

// eventually waits until ok is true.
func (e *env) eventually(what string, ok func() bool) {
	e.t.Helper()
	deadline := time.Now().Add(patient)
	for !ok() {
		if time.Now().After(deadline) {
			e.t.Fatalf("not after %v: %s", patient, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// told waits for watch to tell of something until ok is true, asking only
// when told.
func (e *env) told(watch <-chan struct{}, what string, ok func() bool) {
	e.t.Helper()
	deadline := time.After(patient)
	for {
		select {
		case _, open := <-watch:
			if !open {
				e.t.Fatalf("the watch ended before: %s", what)
			}
			if ok() {
				return
			}
		case <-deadline:
			e.t.Fatalf("not told in %v: %s", patient, what)
		}
	}
}
