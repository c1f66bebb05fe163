package coord_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jubatus/jubatus-go/coord"
)

// TestLockOrder: who may go ahead beside the nodes of others.
func TestLockOrder(t *testing.T) {
	tests := []struct {
		name   string
		others []string
		write  bool
		read   bool
	}{
		{"nobody", nil, true, true},
		{"a reader before", []string{"rlock_0000000000"}, false, true},
		{"a writer before", []string{"wlock_0000000000"}, false, false},
		{"both behind", []string{"rlock_9000000000", "wlock_9000000001"}, true, true},
		{"both before", []string{"rlock_0000000000", "wlock_0000000000"}, false, false},
		{"other nodes", []string{"0000000000", "lock", "xlock_0000000000"}, true, true},
	}
	for _, test := range tests {
		_, c := cluster(t)
		dir := coord.MasterLockPath("classifier", "c")
		if err := coord.CreateDirs(t.Context(), c, dir); err != nil {
			t.Fatal(err)
		}
		// Use up the first numbers, so that others can be before.
		for range 3 {
			path, err := c.Create(t.Context(), dir+"/used_", nil, coord.Sequential)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Delete(t.Context(), path); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range test.others {
			if _, err := c.Create(t.Context(), dir+"/"+name, nil, coord.Ephemeral); err != nil {
				t.Fatal(err)
			}
		}
		lock := coord.NewLock(c, dir)
		for _, attempt := range []struct {
			kind string
			try  func(context.Context) (bool, error)
			want bool
		}{{"writing", lock.TryLock, test.write}, {"reading", lock.TryRLock, test.read}} {
			got, err := attempt.try(t.Context())
			if err != nil || got != attempt.want || lock.Held() != attempt.want {
				t.Errorf("%s with %s: %v, %v, held %v; want %v", attempt.kind, test.name, got, err, lock.Held(), attempt.want)
			}
			if err := lock.Unlock(t.Context()); err != nil {
				t.Fatal(err)
			}
			if names, _ := c.Children(t.Context(), dir); len(names) != len(test.others) {
				t.Errorf("%s with %s left %q", attempt.kind, test.name, names)
			}
		}
	}
}

// lossy is a coordinator whose answers get lost while it is broken, although
// what was asked for is done, or is not, as told.
type lossy struct {
	coord.Coordinator
	broken, done bool
}

var errLost = errors.New("the answer got lost")

func (l *lossy) Create(ctx context.Context, path string, data []byte, kind coord.Kind) (string, error) {
	if l.broken && !l.done {
		return "", errLost
	}
	made, err := l.Coordinator.Create(ctx, path, data, kind)
	if l.broken {
		return "", errLost
	}
	return made, err
}

func (l *lossy) Delete(ctx context.Context, path string) error {
	if l.broken && !l.done {
		return errLost
	}
	err := l.Coordinator.Delete(ctx, path)
	if l.broken {
		return errLost
	}
	return err
}

// TestLockAfterLostAnswers: an attempt or unlocking that nobody knows the
// outcome of must not lock everybody out.
func TestLockAfterLostAnswers(t *testing.T) {
	for _, done := range []bool{false, true} {
		f, other := cluster(t)
		dir := coord.ConfigLockPath("classifier", "c")
		c := &lossy{Coordinator: open(t, f), done: done}
		mine, theirs := coord.NewLock(c, dir), coord.NewLock(other, dir)

		c.broken = true
		if ok, err := mine.TryLock(t.Context()); ok || !errors.Is(err, errLost) || mine.Held() {
			t.Errorf("done %v: locked %v, %v", done, ok, err)
		}
		c.broken = false
		if ok, err := mine.TryLock(t.Context()); !ok || err != nil {
			t.Errorf("done %v: a lock that only we may have left a node in: %v, %v", done, ok, err)
		}
		c.broken = true
		if err := mine.Unlock(t.Context()); !errors.Is(err, errLost) || mine.Held() {
			t.Errorf("done %v: unlocking: %v, held %v", done, err, mine.Held())
		}
		c.broken = false
		if ok, err := mine.TryRLock(t.Context()); !ok || err != nil {
			t.Errorf("done %v: locking again: %v, %v", done, ok, err)
		}
		if err := mine.Unlock(t.Context()); err != nil {
			t.Error(err)
		}
		if ok, err := theirs.TryLock(t.Context()); !ok || err != nil {
			t.Errorf("done %v: another is locked out: %v, %v", done, ok, err)
		}
	}
}

func TestLockInDoubt(t *testing.T) {
	f, other := cluster(t)
	dir := coord.ConfigLockPath("classifier", "c")
	c := open(t, f)
	lock := coord.NewLock(c, dir)
	if ok, err := lock.TryLock(t.Context()); !ok || err != nil {
		t.Fatal(ok, err)
	}
	c.Cut()
	if lock.Held() {
		t.Error("held while the session is in doubt")
	}
	if ok, err := lock.TryLock(t.Context()); ok || !errors.Is(err, coord.ErrNoSession) {
		t.Errorf("locked in doubt: %v, %v", ok, err)
	}
	c.Heal()
	if !lock.Held() {
		t.Error("not held although the session lives")
	}
	c.Expire()
	if lock.Held() {
		t.Error("held in a new session")
	}
	if ok, err := coord.NewLock(other, dir).TryLock(t.Context()); !ok || err != nil {
		t.Errorf("another: %v, %v", ok, err)
	}
	if ok, err := coord.NewLock(other, "/missing").TryLock(t.Context()); ok || !errors.Is(err, coord.ErrNoNode) {
		t.Errorf("a lock without a directory: %v, %v", ok, err)
	}
}
