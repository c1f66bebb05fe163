package integration

import (
	"syscall"
	"testing"
	"time"
)

// All machines are shut down at once, and with them the coordination: nothing
// waits long for what does not come any more.
func TestEverythingStopsAtOnce(t *testing.T) {
	t.Parallel()
	if !ownNetwork(t) {
		return
	}
	x := install(t, coordinations["cluster"])
	x.configure(t)
	x.ctl(t, "-c", "start", "-N", "6")
	x.await(t, 6)
	clients := startTraffic(t, x.proxies()[0], "tutorial", 2)
	clients.more(t, 50) // there is something to share
	clients.end()
	begin := time.Now()
	for _, m := range x.machines {
		for _, pid := range m.processes(t) {
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
	}
	for _, m := range x.machines {
		eventually(t, "nobody runs at "+m.ip, func() bool { return len(m.processes(t)) == 0 })
	}
	took := time.Since(begin)
	t.Logf("after %v", took)
	if took > 10*time.Second {
		t.Errorf("everything has stopped after %v", took)
	}
}
