package member

import (
	"fmt"
	"net/netip"
	"strings"
)

// This file holds the decisions about slots, as functions of what is known.

// SlotNone as Config.SlotFlag means that no slot is hosted.
const SlotNone = "none"

// assignment is a slot that this machine may host, and where it listens then.
type assignment struct {
	Slot
	listen netip.Addr
}

// machine is what is known of addresses.
type machine struct {
	own   []netip.Addr            // of the interfaces
	names map[string][]netip.Addr // of the hosts in the list; none if unknown
}

func (m machine) has(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	for _, own := range m.own {
		if own == a {
			return true
		}
	}
	return false
}

// assign returns the slots that belong to this machine: those whose address it
// has, or the one that the flag names, or none.
//
// A slot listens on its address; on loopback if that is a loopback address;
// and on all addresses if the flag says that a slot is this machine's whose
// address it does not have, which is then translated on the way.
func assign(slots []Slot, m machine, flag string) ([]assignment, error) {
	switch flag {
	case "":
	case SlotNone:
		return nil, nil
	default:
		return assignFlag(slots, m, flag)
	}
	var mine []assignment
	for _, s := range slots {
		listen, ok := m.listen(s)
		if !ok {
			continue
		}
		if listen.IsLoopback() && !isLoopback(s.Host) && len(m.elsewhere(slots)) > 0 {
			return nil, fmt.Errorf("%s is the loopback address %s on this machine, where %s cannot reach it: "+
				"put this machine's address in the list, or correct its name's entry in /etc/hosts",
				s.Host, listen, strings.Join(m.elsewhere(slots), ", "))
		}
		mine = append(mine, assignment{s, listen})
	}
	return mine, nil
}

func assignFlag(slots []Slot, m machine, flag string) ([]assignment, error) {
	host, port, err := splitHostPort(flag)
	if err != nil {
		return nil, fmt.Errorf("slot %q: %w", flag, err)
	}
	for _, s := range slots {
		if s.Host != host || s.Port != port {
			continue
		}
		listen, ok := m.listen(s)
		if !ok || listen.IsLoopback() && !isLoopback(s.Host) {
			listen = netip.IPv4Unspecified()
		}
		return []assignment{{s, listen}}, nil
	}
	return nil, fmt.Errorf("slot %q is not in the cluster list %s", flag, String(slots))
}

// listen returns the address of this machine that a slot names: an outer one
// before loopback, IPv4 before IPv6.
func (m machine) listen(s Slot) (netip.Addr, bool) {
	var best netip.Addr
	rank := 0
	for _, a := range m.names[s.Host] {
		r := 1
		if a.Is4() {
			r++
		}
		if !a.IsLoopback() {
			r += 2
		}
		if m.has(a) && r > rank {
			best, rank = a, r
		}
	}
	return best, rank > 0
}

// elsewhere returns the hosts of the list that are not known to be this
// machine.
func (m machine) elsewhere(slots []Slot) []string {
	var hosts []string
	for _, s := range slots {
		if _, ok := m.listen(s); !ok {
			hosts = append(hosts, s.Host)
		}
	}
	return hosts
}

// step is what a process does next about a slot.
type step int

const (
	standBy step = iota // wait for the lock
	found               // start a member that was never started
	resume              // start the member from its folder
	refuse              // the list is not the recorded one
)

func (s step) String() string { return [...]string{"stand by", "found", "resume", "refuse"}[s] }

// decide returns the next step from whether this process holds the slot's
// lock, the list recorded in the slot's folder (empty if none) and its own.
func decide(locked bool, recorded, given string) step {
	switch {
	case recorded != "" && recorded != given:
		return refuse
	case !locked:
		return standBy
	case recorded == "":
		return found
	}
	return resume
}

// DisagreementError says that a list differs from the one that the ensemble
// was founded with.
type DisagreementError struct {
	Recorded string // the list that holds
	Given    string // this process's
	Where    string // the file or member that has the recorded list
}

func (e *DisagreementError) Error() string {
	return fmt.Sprintf("the cluster list disagrees with the one recorded in %s\n"+
		"  recorded: %s\n"+
		"  given:    %s\n"+
		"use the recorded list on every machine; or, to found a new cluster and forget all of the old one's nodes and "+
		"configurations, stop every node and remove the slots' folders on every machine",
		e.Where, e.Recorded, e.Given)
}

// differ compares what a member answers about the ensemble's peer addresses
// with the list.
func differ(members []string, slots []Slot) bool {
	want := make(map[string]bool, len(slots))
	for _, s := range slots {
		want["http://"+s.peerAddr()] = true
	}
	for _, m := range members {
		if !want[m] {
			return true
		}
	}
	return len(members) != len(want)
}

// describe turns peer addresses into a list of slots, as far as they tell: a
// member's port for clients is taken to be the one below.
func describe(members []string) string {
	var slots []Slot
	for _, m := range members {
		s, err := parseSlot(strings.TrimPrefix(m, "http://"))
		if err != nil {
			return strings.Join(members, ",")
		}
		slots = append(slots, Slot{Host: s.Host, Port: s.Port - 1, PeerPort: s.Port})
	}
	return canonical(slots)
}
