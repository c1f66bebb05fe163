package proxy

// pick chooses the server for a random call: any one that is healthy, or else
// any one; tried are those that it must not be. random is a number from 0 to
// n-1. The result is the index of a server, -1 if none is left.
func pick(states []condition, tried []bool, random func(n int) int) int {
	for _, bar := range []condition{healthy, unreachable} {
		n := 0
		for i, c := range states {
			if c <= bar && !tried[i] {
				n++
			}
		}
		if n == 0 {
			continue
		}
		for i, k := 0, random(n); ; i++ {
			if states[i] > bar || tried[i] {
				continue
			}
			if k == 0 {
				return i
			}
			k--
		}
	}
	return -1
}

// place chooses the servers for a hashed call with n copies among the key's
// successors, which are in ring order and distinct. It appends their indices
// to dst.
//
// A server that cannot be reached counts as gone from the ring, as it will be
// when its session ends: an update goes to those that then hold the key. What
// only reads goes to those of the n that are well, and further on only if
// none of them can be reached, since the servers there may never have heard of
// the key. If nobody can be reached, all n are tried nevertheless.
func place(dst []int, successors []condition, n int, reads bool) []int {
	n = min(n, len(successors))
	first := len(dst)
	if reads {
		for bar := healthy; bar < unreachable; bar++ {
			for i, c := range successors[:n] {
				if c <= bar {
					dst = append(dst, i)
				}
			}
			if len(dst) > first {
				return dst
			}
		}
		for i, c := range successors[n:] {
			if c < unreachable {
				return append(dst, n+i)
			}
		}
	} else {
		for i, c := range successors {
			if c < unreachable && len(dst)-first < n {
				dst = append(dst, i)
			}
		}
		if len(dst) > first {
			return dst
		}
	}
	for i := range n {
		dst = append(dst, i)
	}
	return dst
}

// remedy is what to do about a call that a server has not answered.
type remedy uint8

const (
	giveUp remedy = iota
	again         // the same server, on a new connection
	another
)

// cure decides about a call that a server has not answered: whether it was
// only to read, whether it was certainly not sent, whether connecting failed
// or the connection was lost, whether another server can do it instead, and
// whether this one has been called twice already.
func cure(reads, notSent, refused, replaceable, twice bool) remedy {
	switch {
	case !reads && !notSent:
		return giveUp
	case refused:
		// It has been tried often enough.
	case !twice && (notSent || !replaceable):
		// Servers close idle connections: most likely it is fine.
		return again
	}
	if replaceable {
		return another
	}
	return giveUp
}
