package coord_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
)

// TestConfigInUse: who may not write a config, why, and how long he waits.
func TestConfigInUse(t *testing.T) {
	const busy = "any user is using config?"
	tests := []struct {
		name   string
		hold   func(t *testing.T, l *coord.Lock)
		want   string
		waited time.Duration
	}{
		{"a server reads", func(t *testing.T, l *coord.Lock) { hold(t, l.TryRLock) }, busy, 3 * time.Second},
		{"another writes", func(t *testing.T, l *coord.Lock) { hold(t, l.TryLock) }, busy, 3 * time.Second},
		{"a server reads until soon", func(t *testing.T, l *coord.Lock) {
			hold(t, l.TryRLock)
			time.AfterFunc(1500*time.Millisecond, func() { l.Unlock(t.Context()) })
		}, "", 2 * time.Second},
		{"nobody", func(*testing.T, *coord.Lock) {}, "", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, c := cluster(t)
				test.hold(t, coord.NewLock(open(t, f), coord.ConfigLockPath("classifier", "c")))
				began := time.Now()
				err := coord.WriteConfig(t.Context(), c, "classifier", "c", []byte("{}"))
				if got := message(err); got != test.want {
					t.Errorf("error %q, want %q", got, test.want)
				}
				if waited := time.Since(began); waited != test.waited {
					t.Errorf("waited %v, want %v", waited, test.waited)
				}
			})
		})
	}
}

func hold(t *testing.T, try func(context.Context) (bool, error)) {
	t.Helper()
	if ok, err := try(t.Context()); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestConfigOfUnknownCluster(t *testing.T) {
	c := open(t, coordtest.NewFake())
	const want = "ZooKeeper node does not exist: /jubatus/actors/stat/no/config_lock"
	if err := coord.DeleteConfig(t.Context(), c, "stat", "no"); message(err) != want || !errors.Is(err, coord.ErrNoNode) {
		t.Errorf("error %v, want %s", err, want)
	}
	if _, err := coord.ReadConfig(t.Context(), c, "stat", "no"); message(err) != "config does not exist: /jubatus/config/stat/no" {
		t.Errorf("error %v", err)
	}
	if all, err := coord.ListConfigs(t.Context(), c); err != nil || len(all) != 0 {
		t.Errorf("configs %v, %v", all, err)
	}
}
