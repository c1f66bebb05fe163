package coord

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Identity names one process of a cluster by the address it serves at: the
// IPv4 address others reach it by and its RPC port.
type Identity struct {
	Host string
	Port int
}

// String is the identity as the tree, get_status and model file names spell
// it: ip_port.
func (i Identity) String() string { return i.Host + "_" + strconv.Itoa(i.Port) }

// Addr is the identity as the network spells it: ip:port.
func (i Identity) Addr() string { return net.JoinHostPort(i.Host, strconv.Itoa(i.Port)) }

// ParseIdentity reads what String writes. The host is what stands before the
// first underscore, the port the digits right behind it; what follows the
// digits is ignored, as every node of a cluster always did. A name without a
// host, or without a port from 1 to 65535, is an error.
func ParseIdentity(s string) (Identity, error) {
	host, rest, found := strings.Cut(s, "_")
	if !found || host == "" {
		return Identity{}, fmt.Errorf("%q is no ip_port", s)
	}
	port, digits := 0, 0
	for ; digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9'; digits++ {
		port = port*10 + int(rest[digits]-'0')
		if port > 65535 {
			return Identity{}, fmt.Errorf("%q has a port beyond 65535", s)
		}
	}
	if port == 0 {
		return Identity{}, fmt.Errorf("%q has no port", s)
	}
	return Identity{Host: host, Port: port}, nil
}
