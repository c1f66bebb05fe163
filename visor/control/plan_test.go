package control

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/coord"
)

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		total, agents int
		want          string
	}{
		{0, 0, "[]"},
		{5, 0, "[]"},
		{0, 3, "[1 1 1]"},
		{3, 3, "[1 1 1]"},
		{4, 3, "[2 1 1]"},
		{5, 3, "[2 2 1]"},
		{1, 3, "[1 0 0]"},
		{7, 2, "[4 3]"},
	} {
		if got := fmt.Sprint(Spread(test.total, test.agents)); got != test.want {
			t.Errorf("Spread(%d, %d) = %s, want %s", test.total, test.agents, got, test.want)
		}
	}
}

func TestSpreadIsEvenAndWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(1, 1000).Draw(t, "total")
		agents := rapid.IntRange(1, 50).Draw(t, "agents")
		shares := Spread(total, agents)
		sum := 0
		for i, share := range shares {
			sum += share
			if i > 0 && (share > shares[i-1] || shares[0]-share > 1) {
				t.Fatalf("shares %v", shares)
			}
		}
		if len(shares) != agents || sum != total {
			t.Fatalf("%d shares of %d together, want %d of %d", len(shares), sum, agents, total)
		}
	})
}

func id(t *testing.T, text string) coord.Identity {
	t.Helper()
	id, err := coord.ParseIdentity(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func ids(t *testing.T, text string) (all []coord.Identity) {
	t.Helper()
	for _, s := range strings.Fields(text) {
		all = append(all, id(t, s))
	}
	return all
}

func TestRoll(t *testing.T) {
	owners := map[coord.Identity]coord.Identity{
		id(t, "10.0.0.1_9199"): id(t, "10.0.0.1_9198"),
		id(t, "10.0.0.1_9200"): id(t, "10.0.0.1_9198"),
		id(t, "10.0.0.2_9199"): id(t, "10.0.0.2_9198"),
	}
	tests := []struct {
		name, servers, actives string
		want, err              string
	}{
		{"nobody", "", "", "[]", ""},
		{"in order", "10.0.0.1_9199 10.0.0.2_9199", "10.0.0.1_9199 10.0.0.2_9199",
			"[{10.0.0.1_9199 10.0.0.1_9198} {10.0.0.2_9199 10.0.0.2_9198}]", ""},
		{"a stranger", "10.0.0.1_9199 10.0.0.3_9199", "10.0.0.1_9199 10.0.0.3_9199", "[]", "no agent runs 10.0.0.3_9199"},
		{"the last of its kind", "10.0.0.1_9199", "10.0.0.1_9199", "[]", "only active server"},
		{"nobody knows anything", "10.0.0.1_9199 10.0.0.1_9200", "",
			"[{10.0.0.1_9199 10.0.0.1_9198} {10.0.0.1_9200 10.0.0.1_9198}]", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			plan, err := Roll(ids(t, test.servers), ids(t, test.actives), owners)
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			if got := fmt.Sprint(plan); got != test.want {
				t.Errorf("plan %s, want %s", got, test.want)
			}
		})
	}
}
