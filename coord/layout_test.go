package coord_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
)

func TestPaths(t *testing.T) {
	id := coord.Identity{Host: "10.0.0.1", Port: 9199}
	for got, want := range map[string]string{
		coord.SupervisorPath(id):           "/jubatus/supervisors/10.0.0.1_9199",
		coord.ProxyPath("stat", id):        "/jubatus/jubaproxies/stat/10.0.0.1_9199",
		coord.ConfigPath("stat", "c"):      "/jubatus/config/stat/c",
		coord.NodePath("stat", "c", id):    "/jubatus/actors/stat/c/nodes/10.0.0.1_9199",
		coord.ActivePath("stat", "c", id):  "/jubatus/actors/stat/c/actives/10.0.0.1_9199",
		coord.RingPath("stat", "c"):        "/jubatus/actors/stat/c/cht",
		coord.MasterLockPath("stat", "c"):  "/jubatus/actors/stat/c/master_lock",
		coord.ConfigLockPath("stat", "c"):  "/jubatus/actors/stat/c/config_lock",
		coord.IDGeneratorPath("stat", "c"): "/jubatus/actors/stat/c/id_generator",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// created records the order in which nodes are made.
type created struct {
	coord.Coordinator
	paths []string
}

func (c *created) Create(ctx context.Context, path string, data []byte, kind coord.Kind) (string, error) {
	c.paths = append(c.paths, path)
	return c.Coordinator.Create(ctx, path, data, kind)
}

func TestPrepare(t *testing.T) {
	common := []string{
		"/jubatus", "/jubatus/supervisors", "/jubatus/jubaproxies", "/jubatus/actors", "/jubatus/config",
		"/jubatus/actors/burst", "/jubatus/config/burst",
	}
	f := coordtest.NewFake()
	c := &created{Coordinator: open(t, f)}
	for range 2 { // again is fine
		c.paths = nil
		if err := coord.Prepare(t.Context(), c, "burst", ""); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(common, c.paths); diff != "" {
			t.Error(diff)
		}
	}
	c.paths = nil
	if err := coord.Prepare(t.Context(), c, "burst", "n"); err != nil {
		t.Fatal(err)
	}
	want := append(common, "/jubatus/actors/burst/n", "/jubatus/actors/burst/n/config_lock")
	if diff := cmp.Diff(want, c.paths); diff != "" {
		t.Error(diff)
	}
}

func TestPrepareFails(t *testing.T) {
	const words = "Failed to prepare lock_service"
	f := coordtest.NewFake()
	c := open(t, f)
	for _, name := range []string{"a/b", "/", ".", "..", "a\x00", "\n", "\xff", strings.Repeat("x", 2000)} {
		if err := coord.Prepare(t.Context(), c, "stat", name); err == nil || !strings.HasPrefix(err.Error(), words) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	for _, name := range []string{"tutorial", "a.b", "...", "日本語", "with blank", "-"} {
		if err := coord.Prepare(t.Context(), c, "stat", name); err != nil {
			t.Errorf("name %q: %v", name, err)
		}
	}
	f.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := coord.Prepare(ctx, c, "stat", "n")
	if err == nil || !strings.HasPrefix(err.Error(), words) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a service: %v", err)
	}
}
