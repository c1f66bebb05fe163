package member

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/coord"
)

// TestDiskFull fills the disk under a member, upon which etcd means to end its
// process. The process lives on, and when it does end, what was written before
// is there for who takes over.
func TestDiskFull(t *testing.T) {
	list, dir := freeList(t, 1), t.TempDir()
	slot := parse(t, list)[0].Addr()
	p := spawn(t, list, dir, slot)
	p.expect(t, "hosting", 20*time.Second)
	c := connect(t, list)
	create(t, c, "/p", coord.Persistent)

	fmt.Fprintln(p.stdin, "full")
	within(t, 20*time.Second, "a write that fails", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Set(ctx, "/p", []byte("y"))
		return err != nil
	})
	standby := start(t, list, dir, "")
	fmt.Fprintln(p.stdin, "echo")
	p.expect(t, "echo", 5*time.Second)

	p.kill()
	within(t, 10*time.Second, "an answer", func() bool {
		n, err := c.Get(soon(t), "/p")
		return err == nil && len(n.Data) == 1
	})
	if _, err := c.Set(soon(t), "/p", []byte("z")); err != nil || !standby.Hosting(slot) {
		t.Errorf("set: %v, hosting %v", err, standby.Hosting(slot))
	}
}
