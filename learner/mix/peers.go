package mix

import "github.com/jubatus/jubatus-go/learner/mt19937"

// strategy chooses, among the sorted members, those that a node exchanges
// with in one round of a push mixer. self may be missing among the members.
type strategy func(members []string, self string) []string

// broadcast chooses all others.
func broadcast(members []string, self string) []string {
	var peers []string
	for _, m := range members {
		if m != self {
			peers = append(peers, m)
		}
	}
	return peers
}

// skip chooses the members at half, a quarter, an eighth… of the way round
// from the node itself, so that news reaches all of n in log n rounds.
func skip(members []string, self string) []string {
	n := len(members)
	at := n // of a node that is not among them
	for i, m := range members {
		if m == self {
			at = i
		}
	}
	var peers []string
	for stride := n / 2; stride > 0; stride /= 2 {
		if m := members[(at+stride)%n]; m != self {
			peers = append(peers, m)
		}
	}
	return peers
}

// random returns a strategy that chooses one other, each equally likely.
func random(seed uint32) strategy {
	generator := mt19937.New(seed)
	return func(members []string, self string) []string {
		others := len(broadcast(members, self))
		if others == 0 {
			return nil
		}
		for {
			i := int(generator.Float64() * float64(len(members)))
			if members[i] != self {
				return members[i : i+1 : i+1]
			}
		}
	}
}
