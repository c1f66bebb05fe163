package member

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

const (
	defaultPort   = 2379
	maxSlots      = 9 // each further one only makes the ensemble slower
	maxListLength = 4096
)

// Slot is one place in the ensemble: the address of an etcd member.
type Slot struct {
	Host     string // as in the list: a name or an IP address
	Port     int    // for clients
	PeerPort int    // for the other members
}

// Addr returns the address for clients, host:port.
func (s Slot) Addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

func (s Slot) peerAddr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.PeerPort)) }

// String returns the slot as a list has it.
func (s Slot) String() string {
	if s.PeerPort == s.Port+1 {
		return s.Addr()
	}
	return s.Addr() + "/" + strconv.Itoa(s.PeerPort)
}

// name is the slot's name as an etcd member and as a folder.
func (s Slot) name() string {
	return strings.ReplaceAll(s.Host, ":", "-") + "_" + strconv.Itoa(s.Port)
}

// ParseSlots reads a list of slots: host[:port[/peerport]] with commas between.
// A missing port is 2379, a missing peer port the port + 1. An IPv6 address
// with a port has brackets. The slots are returned in the order of the list,
// which means nothing: lists that name the same slots are the same.
//
// An odd number is best. An even one is allowed, but survives the loss of no
// more slots than the odd number below it; see Advice.
func ParseSlots(list string) ([]Slot, error) {
	slots, err := parseSlots(list)
	if err != nil {
		return nil, fmt.Errorf("cluster list %.200q: %w", list, err)
	}
	return slots, nil
}

func parseSlots(list string) ([]Slot, error) {
	if len(list) > maxListLength {
		return nil, fmt.Errorf("longer than %d bytes", maxListLength)
	}
	var slots []Slot
	for item := range strings.SplitSeq(list, ",") {
		s, err := parseSlot(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		slots = append(slots, s)
	}
	if len(slots) > maxSlots {
		return nil, fmt.Errorf("%d slots, at most %d make sense; all other machines are plain clients", len(slots), maxSlots)
	}
	if err := checkPorts(slots); err != nil {
		return nil, fmt.Errorf("%w; this list works: %s", err, String(spread(slots)))
	}
	local := 0
	for _, s := range slots {
		if isLoopback(s.Host) {
			local++
		}
	}
	if local > 0 && local < len(slots) {
		return nil, errors.New("loopback addresses beside others, which their machines cannot reach; use the address that this machine has for the others")
	}
	return slots, nil
}

func parseSlot(item string) (Slot, error) {
	if item == "" {
		return Slot{}, errors.New("an address is empty; this list works: localhost:2379")
	}
	addr, peer, hasPeer := strings.Cut(item, "/")
	host, port, err := splitHostPort(addr)
	if err != nil {
		return Slot{}, fmt.Errorf("address %q: %w", item, err)
	}
	s := Slot{Host: host, Port: port, PeerPort: port + 1}
	if hasPeer {
		if s.PeerPort, err = parsePort(peer); err != nil {
			return Slot{}, fmt.Errorf("address %q: %w", item, err)
		}
	}
	if s.PeerPort > 65535 {
		return Slot{}, fmt.Errorf("address %q: no port above %d is left for the other members; name one, as in %s/%d",
			item, s.Port, s.Addr(), s.Port-1)
	}
	return s, nil
}

func splitHostPort(addr string) (host string, port int, err error) {
	port = defaultPort
	host = addr
	_, err = netip.ParseAddr(addr)
	bare := err == nil // an IPv6 address without brackets has colons too
	if !bare && strings.LastIndexByte(addr, ':') > strings.LastIndexByte(addr, ']') {
		var text string
		if host, text, err = net.SplitHostPort(addr); err != nil {
			return "", 0, errors.New("not host:port")
		}
		if port, err = parsePort(text); err != nil {
			return "", 0, err
		}
	} else if strings.HasPrefix(addr, "[") && strings.HasSuffix(addr, "]") {
		host = addr[1 : len(addr)-1]
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "" {
			return "", 0, errors.New("no address that others can connect to")
		}
		return ip.String(), port, nil
	}
	if !isName(host) {
		return "", 0, errors.New("neither a host name nor an IP address")
	}
	return strings.ToLower(host), port, nil
}

func isName(host string) bool {
	if host == "" || len(host) > 253 || strings.HasPrefix(host, "-") || strings.HasPrefix(host, ".") {
		return false
	}
	for _, c := range []byte(host) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return true
}

func parsePort(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("port %q is not in 1 to 65535", text)
	}
	return int(n), nil
}

// checkPorts refuses two uses of one port on one host.
func checkPorts(slots []Slot) error {
	type place struct {
		host string
		port int
	}
	taken := make(map[place]Slot)
	for _, s := range slots {
		for _, port := range []int{s.Port, s.PeerPort} {
			p := place{canonicalHost(s.Host), port}
			other, clash := taken[p]
			switch {
			case clash && other == s:
				return fmt.Errorf("%s is named twice or has one port for two purposes", s)
			case clash:
				return fmt.Errorf("%s and %s both need port %d of %s (each slot takes its port and the next one)",
					other, s, port, s.Host)
			}
			taken[p] = s
		}
	}
	return nil
}

// spread returns a list for the same hosts whose ports do not overlap.
func spread(slots []Slot) []Slot {
	next := make(map[string]int)
	var out []Slot
	for _, s := range slots {
		host := canonicalHost(s.Host)
		if next[host] == 0 {
			next[host] = min(s.Port, 65535-2*maxSlots)
		}
		out = append(out, Slot{Host: s.Host, Port: next[host], PeerPort: next[host] + 1})
		next[host] += 2
	}
	return out
}

// canonicalHost maps the names of the loopback address to one.
func canonicalHost(host string) string {
	if host == "localhost" || host == "::1" {
		return "127.0.0.1"
	}
	return host
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// String returns a list of slots as ParseSlots reads it.
func String(slots []Slot) string {
	texts := make([]string, len(slots))
	for i, s := range slots {
		texts[i] = s.String()
	}
	return strings.Join(texts, ",")
}

// Addrs returns the addresses for clients.
func Addrs(slots []Slot) []string {
	addrs := make([]string, len(slots))
	for i, s := range slots {
		addrs[i] = s.Addr()
	}
	return addrs
}

// Advice returns a remark on a list that works but not well, or "".
func Advice(slots []Slot) string {
	if n := len(slots); n%2 == 0 {
		return fmt.Sprintf("a cluster list of %d slots survives the loss of %d, no more than one of %d: prefer an odd number",
			n, n/2-1, n-1)
	}
	return ""
}

// canonical is what is recorded of a list: the slots in one order.
func canonical(slots []Slot) string {
	sorted := slices.SortedFunc(slices.Values(slots), func(a, b Slot) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port), cmp.Compare(a.PeerPort, b.PeerPort))
	})
	return String(sorted)
}
