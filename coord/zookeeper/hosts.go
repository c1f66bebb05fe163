package zookeeper

import (
	"fmt"
	"strings"
	"sync"

	"github.com/go-zookeeper/zk"
)

// parseHosts splits a connect string into its hosts and its path, if any.
func parseHosts(text string) (hosts []string, root string, err error) {
	list, root := text, ""
	if slash := strings.IndexByte(text, '/'); slash >= 0 {
		list, root = text[:slash], strings.TrimRight(text[slash:], "/")
	}
	for host := range strings.SplitSeq(list, ",") {
		if host == "" || strings.ContainsAny(host, " \t") {
			return nil, "", fmt.Errorf("%q is no list of ZooKeeper hosts: write host:port,host:port,… without blanks", text)
		}
		hosts = append(hosts, host)
	}
	return zk.FormatServers(hosts), root, nil
}

// hostProvider says which server the library tries next. Unlike the library's own it
// leaves names to be looked up for each connection, so that they may change
// or come late, and it allows two rounds without a pause: one to learn that a
// session expired, and one to get another.
type hostProvider struct {
	mu      sync.Mutex
	servers []string
	next    int
	tries   int // since the last success
}

// Init implements zk.HostProvider.
func (h *hostProvider) Init(servers []string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.servers = servers
	return nil
}

// Len implements zk.HostProvider.
func (h *hostProvider) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.servers)
}

// Next implements zk.HostProvider. The library pauses before it goes on where
// pause is true.
func (h *hostProvider) Next() (server string, pause bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.servers)
	server = h.servers[h.next%n]
	h.next = (h.next + 1) % n
	pause = h.tries >= 2*n && h.tries%n == 0
	h.tries++
	return server, pause
}

// Connected implements zk.HostProvider: the last server given works.
func (h *hostProvider) Connected() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tries = 0
}
