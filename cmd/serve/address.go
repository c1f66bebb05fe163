package serve

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/jubatus/jubatus-go/learner/config"
)

// interfaceAddr is the IPv4 address of a network interface.
func interfaceAddr(name string) (string, error) {
	failed := config.RuntimeError("Failed to get IP address from interface")
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return "", failed
	}
	addrs, err := ipv4s(*ifi)
	if err != nil || len(addrs) == 0 {
		return "", failed
	}
	return addrs[0].String(), nil
}

// defaultAddr is the first IPv4 address of this machine that is not 127.0.0.1;
// that one if there is no other.
func defaultAddr() (string, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return "", fmt.Errorf("list network interfaces: %w", err)
	}
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	var last netip.Addr
	for _, ifi := range interfaces {
		addrs, err := ipv4s(ifi)
		if err != nil {
			return "", err
		}
		for _, a := range addrs {
			if a != loopback {
				return a.String(), nil
			}
			last = a
		}
	}
	if !last.IsValid() {
		return "", errors.New("this machine has no IPv4 address")
	}
	return last.String(), nil
}

func ipv4s(ifi net.Interface) ([]netip.Addr, error) {
	addrs, err := ifi.Addrs()
	if err != nil {
		return nil, fmt.Errorf("list addresses of %s: %w", ifi.Name, err)
	}
	var found []netip.Addr
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && prefix.Addr().Unmap().Is4() {
			found = append(found, prefix.Addr().Unmap())
		}
	}
	return found, nil
}
