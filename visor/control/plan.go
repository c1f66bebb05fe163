package control

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jubatus/jubatus-go/coord"
)

// Spread divides total processes among a number of agents: everyone gets the
// same, and the first of them one more until the rest is gone. A total of 0
// means one for each agent. The shares are targets, not additions.
func Spread(total, agents int) []int {
	if agents <= 0 {
		return nil
	}
	if total == 0 {
		total = agents
	}
	shares := make([]int, agents)
	for i := range shares {
		shares[i] = total / agents
		if i < total%agents {
			shares[i]++
		}
	}
	return shares
}

// Step is one part of a rolling restart: a server and the agent that runs it.
type Step struct {
	Server, Agent coord.Identity
}

// Roll plans a rolling restart of servers, which take their turns in the order
// of their names. owners says which agent runs which server. The plan is
// refused as a whole if somebody else runs one of the servers, or if there is
// nobody to keep what the only active server has learned.
func Roll(servers, actives []coord.Identity, owners map[coord.Identity]coord.Identity) ([]Step, error) {
	var plan []Step
	var strangers []string
	for _, id := range servers {
		agent, ok := owners[id]
		if !ok {
			strangers = append(strangers, id.String())
			continue
		}
		plan = append(plan, Step{Server: id, Agent: agent})
	}
	if len(strangers) > 0 {
		return nil, fmt.Errorf("no agent runs %s: whoever started it has to restart it", strings.Join(strangers, ", "))
	}
	if len(actives) == 1 && slices.Contains(servers, actives[0]) {
		return nil, fmt.Errorf("%s is the only active server: what it has learned would be lost; start another one first, or save it, stop it, start it and load it",
			actives[0])
	}
	return plan, nil
}
