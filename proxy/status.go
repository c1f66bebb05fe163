package proxy

import (
	"bytes"
	"context"
	"maps"
	"os"
	"os/user"
	"slices"
	"strconv"
	"time"

	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// status is the method get_proxy_status. It looks at no params.
func (p *Proxy) status(_ context.Context, _ *rpc.Request, out []byte) ([]byte, error) {
	p.requests.Add(1)
	status := p.statusMap()
	out = mpack.AppendMapHeader(out, 1)
	out = mpack.AppendRaw(out, p.id.Load().String())
	out = mpack.AppendMapHeader(out, len(status))
	for _, key := range slices.Sorted(maps.Keys(status)) {
		out = mpack.AppendRaw(out, key)
		out = mpack.AppendRaw(out, status[key])
	}
	return out, nil
}

func (p *Proxy) statusMap() map[string]string {
	o := &p.opt
	now, start := time.Now().Unix(), p.started.Load()
	virt, rss, shr := memory()
	connected := ""
	if o.Coordinator != nil {
		connected = o.Coordinator.Endpoint()
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	seconds := func(d time.Duration) string { return number(int64(d / time.Second)) }
	return map[string]string{
		"clock_time":           number(now),
		"start_time":           number(start),
		"uptime":               number(now - start),
		"VIRT":                 number(virt),
		"RSS":                  number(rss),
		"SHR":                  number(shr),
		"VERSION":              o.Version,
		"PROGNAME":             o.Program,
		"pid":                  number(int64(os.Getpid())),
		"user":                 userName(),
		"threadnum":            number(int64(o.Threads)),
		"timeout":              seconds(o.Timeout),
		"logdir":               o.LogDir,
		"log_config":           o.LogConfig,
		"zookeeper":            o.ZooKeeper,
		"connected_zookeeper":  connected,
		"zookeeper_timeout":    number(int64(o.ZooKeeperTimeout)),
		"interconnect_timeout": seconds(o.InterconnectTimeout),
		"session_pool_expire":  seconds(o.PoolExpire),
		"session_pool_size":    number(int64(o.PoolSize)),
		"request_count":        strconv.FormatUint(p.requests.Load(), 10),
		"forward_count":        strconv.FormatUint(p.forwarded.Load(), 10),
	}
}

// userName is the user's login name, or number if it has none.
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}

// memory is the process's virtual, resident and shared memory in KiB; zeros
// where the system does not tell.
func memory() (virt, rss, shr int64) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0, 0
	}
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
		kib[i] = pages * int64(os.Getpagesize()) / 1024
	}
	return kib[0], kib[1], kib[2]
}
