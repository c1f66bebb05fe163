package coordination

import (
	"errors"
	"strings"
	"testing"
)

func TestLocate(t *testing.T) {
	fallback := Location{ZooKeeper: DefaultZooKeeper}
	tests := []struct {
		name     string
		given    Location
		env      Environment
		fallback Location
		want     Location
		err      error
	}{
		{name: "nothing"},
		{name: "the fallback", fallback: fallback, want: fallback},
		{name: "ZooKeeper", given: Location{ZooKeeper: "z:1"}, fallback: fallback, want: Location{ZooKeeper: "z:1"}},
		{name: "a cluster", given: Location{Cluster: "c:1"}, fallback: fallback, want: Location{Cluster: "c:1"}},
		{name: "both", given: Location{ZooKeeper: "z:1", Cluster: "c:1"}, err: ErrBoth},
		{name: "ZK", env: Environment{ZooKeeper: "e:1"}, fallback: fallback, want: Location{ZooKeeper: "e:1"}},
		{name: "JUBATUS_CLUSTER", env: Environment{Cluster: "e:1"}, fallback: fallback, want: Location{Cluster: "e:1"}},
		{name: "both variables", env: Environment{Cluster: "e:1", ZooKeeper: "e:2"}, err: errBothVariables},
		{
			name: "an option over the other's variable", given: Location{Cluster: "c:1"},
			env: Environment{ZooKeeper: "e:2"}, want: Location{Cluster: "c:1"},
		},
		{
			name: "an option over both variables", given: Location{ZooKeeper: "z:1"},
			env: Environment{Cluster: "e:1", ZooKeeper: "e:2"}, want: Location{ZooKeeper: "z:1"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Locate(test.given, test.env, test.fallback)
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %+v, %v; want %+v, %v", got, err, test.want, test.err)
			}
		})
	}
}

func TestLocateBadList(t *testing.T) {
	_, err := Locate(Location{Cluster: "localhost:2379,localhost:2380"}, Environment{}, Location{})
	if err == nil || !strings.Contains(err.Error(), "this list works: localhost:2379,localhost:2381") {
		t.Errorf("error %v", err)
	}
}

func TestServerEnvironment(t *testing.T) {
	env := Environment{Cluster: "c:1", ZooKeeper: "z:1"}
	tests := []struct {
		name     string
		ownModel bool
		want     Environment
	}{
		{"", true, Environment{}},
		{"", false, Environment{}},
		{"tutorial", true, Environment{Cluster: "c:1"}},
		{"tutorial", false, env},
	}
	for _, test := range tests {
		if got := ServerEnvironment(env, test.name, test.ownModel); got != test.want {
			t.Errorf("name %q, own model %v: %+v, want %+v", test.name, test.ownModel, got, test.want)
		}
	}
}
