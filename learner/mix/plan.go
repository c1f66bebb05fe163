package mix

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// trigger says when a MIX is due by itself. Zero switches a condition off.
type trigger struct {
	count    uint64
	interval time.Duration
	idle     bool // time is reason enough even without updates
}

// full reports whether there are enough updates for a MIX right away.
func (t trigger) full(updates uint64) bool { return t.count > 0 && updates >= t.count }

// due reports whether a MIX is due after that many updates since the last one,
// which was so long ago.
func (t trigger) due(updates uint64, since time.Duration) bool {
	return t.full(updates) || (updates > 0 || t.idle) && t.interval > 0 && since > t.interval
}

// standing is where a node's model stands in the cluster.
type standing struct {
	// joined: the node once had the cluster's model, or found that there was
	// none to have. Until then it cannot be current, whatever is put: parts
	// of a model that have no version accept every diff.
	joined bool
	// current: the model is the cluster's latest. If not it has to be
	// transferred from another node.
	current bool
}

// put is the standing after a diff has been put; accepted is false if it was
// of another version than the model.
func (s standing) put(accepted bool) standing {
	s.current = accepted && s.joined
	return s
}

// transferred is the standing after a model has come from another node, or
// none was to be had.
func (s standing) transferred(found bool) standing {
	// Only the MIX that follows shows whether the other's model was current.
	return standing{joined: true, current: s.current || !found}
}

// verdict words what a put diff has made of the standing.
func verdict(before, after standing) string {
	switch {
	case !before.current && after.current:
		return "I got latest model. So I become active."
	case before.current && after.current:
		return "my model is still up to date."
	case before.current:
		return "I'm obsolete. I become inactive."
	default:
		return "my model is still obsolete."
	}
}

// donors orders those from whom a node can get a model: the active members
// first, which have the latest, then the others; both in random order. It does
// not change its arguments.
func donors(members, actives []string, self string, random *rand.Rand) []string {
	var first, rest []string
	for _, m := range members {
		switch {
		case m == self:
		case slices.Contains(actives, m):
			first = append(first, m)
		default:
			rest = append(rest, m)
		}
	}
	shuffle := func(s []string) {
		random.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
	}
	shuffle(first)
	shuffle(rest)
	return append(first, rest...)
}

// versions lists versions as logs have them: [0th, 1st, 2nd].
func versions(vs []uint64) string {
	var b strings.Builder
	for i, v := range vs {
		if i > 0 {
			b.WriteString(", ")
		}
		suffix := "th"
		if tens := v / 10 % 10; tens != 1 {
			switch v % 10 {
			case 1:
				suffix = "st"
			case 2:
				suffix = "nd"
			case 3:
				suffix = "rd"
			}
		}
		fmt.Fprintf(&b, "%d%s", v, suffix)
	}
	return "[" + b.String() + "]"
}

// addresses lists members as logs have them: [ip:port, ip:port].
func addresses(members []string) string {
	return "[" + strings.Join(members, ", ") + "]"
}
