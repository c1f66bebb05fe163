package integration

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/goldentest"
)

// designs are pages of a shop, with the share of visitors who buy.
var designs = map[string]float64{"plain": 0.05, "photos": 0.1, "video": 0.15, "reviews": 0.5}

const (
	bestDesign = "reviews"
	visitors   = 1500
)

// campaign shows designs to visitors and tells what came of it. The visitors
// are made up, the same ones in every test.
type campaign struct {
	engineClient
	random *rand.Rand
}

func newCampaign(c engineClient) campaign { return campaign{c, rand.New(rand.NewPCG(1, 2))} }

// show shows n visitors of a country what the server chooses, and returns how
// many of them got the best design.
func (c campaign) show(country string, n int) (best int) {
	c.t.Helper()
	for range n {
		design := c.do("select_arm", country).(string)
		reward := 0.0
		if c.random.Float64() < designs[design] {
			reward = 1
		}
		if ok := c.do("register_reward", country, design, reward); ok != true {
			c.t.Fatalf("the reward for %s was answered %v", design, ok)
		}
		if design == bestDesign {
			best++
		}
	}
	return best
}

// tried is how often each design was shown in a country, and bought.
func (c engineClient) tried(country string) (shown map[string]int64, all int64, bought float64) {
	c.t.Helper()
	shown = map[string]int64{}
	for _, e := range c.do("get_arm_info", country).(goldentest.Map) {
		info := e.Value.(goldentest.List)
		shown[e.Key.(string)] = info[0].(int64)
		all += info[0].(int64)
		bought += info[1].(float64)
	}
	return shown, all, bought
}

// seeded is a documented configuration with a seed, where there can be one.
func seeded(t testing.TB, method string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/examples/bandit/" + method + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if method == "ucb1" {
		return string(text)
	}
	return strings.Replace(string(text), `"assume_unrewarded"`, `"seed": 1, "assume_unrewarded"`, 1)
}

// Every method finds the design that sells, and goes on with it after a
// restart from the saved model.
func TestShop(t *testing.T) {
	for _, method := range []string{"epsilon_greedy", "epsilon_decreasing", "ucb1", "ts", "softmax", "exp3"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			s := serve(t, "jubabandit", seeded(t, method))
			c := newCampaign(s.client(t, ""))
			if _, err := c.try("select_arm", "jp"); err == nil || !strings.Contains(err.Error(), "arm is not registered") {
				t.Errorf("select_arm without arms: %v", err)
			}
			for _, design := range slices.Sorted(maps.Keys(designs)) {
				c.do("register_arm", design)
			}
			c.show("jp", visitors)
			before, all, _ := c.tried("jp")
			if all != visitors {
				t.Errorf("%d trials, want %d", all, visitors)
			}
			c.do("save", "shop")
			c.do("clear")
			c.do("load", "shop")
			if after, _, _ := c.tried("jp"); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("after load %v, want %v", after, before)
			}
			share := float64(c.show("jp", 300)) / 300
			t.Logf("%v shown, of the last 300 visitors %.2f got %s", before, share, bestDesign)
			if share < 0.6 {
				t.Errorf("%.2f of the last visitors got the best design", share)
			}
			s.stop(t)
		})
	}
}

// Three servers share the countries. After a MIX each knows what any of them
// has found out, and nothing that came in meanwhile is lost; when one is
// killed another one goes on from there.
func TestShopCluster(t *testing.T) {
	t.Parallel()
	g := startEngines(t, embedded(t), "bandit", seeded(t, "ts"), 3, true)
	c := newCampaign(g.proxy.client(t, g.name))
	for _, design := range slices.Sorted(maps.Keys(designs)) {
		if ok := c.do("register_arm", design); ok != true {
			t.Fatalf("register_arm(%s) is %v", design, ok)
		}
	}
	var countries []string
	for i := range 9 {
		countries = append(countries, fmt.Sprintf("country%d", i))
	}
	const each = 200
	for _, country := range countries {
		c.show(country, each)
	}
	homes := map[string]int{} // which server has a country
	for i, s := range g.servers {
		for _, country := range countries {
			if _, all, _ := s.client(t, g.name).tried(country); all > 0 {
				if _, twice := homes[country]; twice || all != each {
					t.Errorf("%s: %d trials at %d", country, all, i)
				}
				homes[country] = i
			}
		}
	}
	t.Logf("the countries are at %v", homes)

	// While they mix, again and again, the shop is open.
	mixed := make(chan error, 1)
	go func() {
		client := g.servers[0].dial(t)
		var err error
		for range 20 {
			if _, err = client.CallArgs(t.Context(), "do_mix"); err != nil {
				break
			}
		}
		mixed <- err
	}()
	for _, country := range countries {
		c.show(country, each)
	}
	if err := <-mixed; err != nil {
		t.Fatal(err)
	}
	g.servers[0].mix(t)
	for _, country := range countries {
		_, _, bought := c.tried(country)
		for i, s := range g.servers {
			if _, all, b := s.client(t, g.name).tried(country); all != 2*each || b != bought {
				t.Errorf("%s at %d: %d trials and %v bought, want %d and %v", country, i, all, b, 2*each, bought)
			}
		}
	}

	const victim = "country0"
	kill(t, g.servers[homes[victim]].process)
	best := 0
	eventually(t, "another server goes on", func() bool {
		_, err := c.try("select_arm", victim)
		return err == nil
	})
	for range 3 {
		best += c.show(victim, 20)
	}
	if best < 45 {
		t.Errorf("the other server showed the best design to %d of 60", best)
	}
}
