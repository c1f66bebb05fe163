package learner

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// getStatus is the method get_status.
func (n *Node) getStatus(c *engine.Call) error {
	status := map[string]string{}
	set := func(key, value string) { status[key] = value }
	c.Acquire()
	n.engine.Status(set)
	c.Unlock()
	n.status(set)
	if n.opts.Cluster != nil {
		n.opts.Cluster.Status(set)
	}

	c.Out = mpack.AppendMapHeader(c.Out, 1)
	c.Out = mpack.AppendRaw(c.Out, n.opts.id())
	c.Out = mpack.AppendMapHeader(c.Out, len(status))
	for _, key := range slices.Sorted(maps.Keys(status)) {
		c.Out = mpack.AppendRaw(c.Out, key)
		c.Out = mpack.AppendRaw(c.Out, status[key])
	}
	return nil
}

// status reports what all servers do, and what only those in a cluster do and
// the node knows itself.
func (n *Node) status(set func(key, value string)) {
	o := &n.opts
	number := func(key string, v int64) { set(key, strconv.FormatInt(v, 10)) }
	flag := func(key string, v bool) {
		if v {
			set(key, "1")
		} else {
			set(key, "0")
		}
	}
	now, start := o.Now().Unix(), n.started.Unix()

	set("PROGNAME", o.Program)
	set("VERSION", o.Version)
	set("type", o.Type)
	number("pid", int64(os.Getpid()))
	set("user", userName())
	virt, rss, shr := memory()
	number("VIRT", virt)
	number("RSS", rss)
	number("SHR", shr)
	number("clock_time", now)
	number("start_time", start)
	number("uptime", now-start)
	set("timeout", n.timeout())
	number("threadnum", int64(o.Threads))
	set("datadir", o.DataDir)
	set("logdir", o.LogDir)
	set("log_config", o.LogConfig)
	set("configpath", n.configPath)
	flag("is_standalone", o.Cluster == nil)
	set("update_count", strconv.FormatUint(n.updates.Load(), 10))
	at, path := n.saved.get()
	number("last_saved", at)
	set("last_saved_path", path)
	at, path = n.loaded.get()
	number("last_loaded", at)
	set("last_loaded_path", path)

	if o.Cluster == nil {
		return
	}
	set("zk", o.Coordinator)
	set("name", o.Name)
	set("mixer", o.Mixer)
	number("interval_sec", int64(o.IntervalSec))
	number("interval_count", int64(o.IntervalCount))
	number("zookeeper_timeout", int64(o.ZooKeeperTimeout))
	number("interconnect_timeout", int64(o.InterconnectTimeout))
	flag("use_cht", n.service.Ring)
}

// memory is the process's virtual, resident and shared memory in KiB; zeros
// where the system does not tell.
func memory() (virt, rss, shr int64) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0, 0
	}
	return parseStatm(b, int64(os.Getpagesize()))
}

// parseStatm reads sizes in pages.
func parseStatm(b []byte, page int64) (virt, rss, shr int64) {
	fields := bytes.Fields(b)
	if len(fields) < 3 {
		return 0, 0, 0
	}
	var kib [3]int64
	for i := range kib {
		pages, err := strconv.ParseInt(string(fields[i]), 10, 64)
		if err != nil {
			return 0, 0, 0
		}
		kib[i] = pages * page / 1024
	}
	return kib[0], kib[1], kib[2]
}
