package visor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var (
	noon   = time.Date(2020, 1, 1, 12, 0, 0, 0, time.UTC)
	after  = func(d time.Duration) time.Time { return noon.Add(d) }
	always = func(int) bool { return true }
	crash  = exit{text: "signal: killed"}
	end    = exit{clean: true, text: "exit status 0"}
)

// testPlan is a plan whose actions are carried out by the test.
type testPlan struct {
	plan
	pid int
}

func newTestPlan() *testPlan {
	return &testPlan{plan: plan{ports: newPool(9198), grace: 10 * time.Second, backoff: defaultBackoff}, pid: 100}
}

func (p *testPlan) startN(program, name string, n int, at time.Time) error {
	actions, err := p.start(program, name, n, always, func(port int) server {
		return server{Program: program, Type: program[4:], Name: name, Host: "10.0.0.1", Port: port, Args: []string{program}}
	})
	p.spawnAll(actions, at)
	return err
}

func (p *testPlan) spawnAll(actions []action, at time.Time) {
	for _, a := range actions {
		if a.verb == spawn {
			p.pid++
			p.spawned(a.child, p.pid, uint64(p.pid), at)
		}
	}
}

// fall lets a child's process die and its traces go.
func (p *testPlan) fall(c *child, how exit, at time.Time) {
	for _, a := range p.died(c, how, at) {
		if a.verb == clean {
			p.cleaned(c, at)
		}
	}
}

// states lists port, state and process of every child.
func (p *testPlan) states() []string {
	list := []string{}
	for _, c := range p.children {
		list = append(list, fmt.Sprintf("%d %s %d", c.Port, c.State, c.PID))
	}
	return list
}

func (p *testPlan) expect(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, p.states(), cmp.Transformer("", func(s []string) string { return strings.Join(s, "\n") })); diff != "" {
		t.Fatal(diff)
	}
}

func verbs(actions []action) []verb {
	var all []verb
	for _, a := range actions {
		all = append(all, a.verb)
	}
	return all
}

func TestStartIsATarget(t *testing.T) {
	p := newTestPlan()
	for _, step := range []struct {
		n    int
		want []string
	}{
		{2, []string{"9199 running 101", "9200 running 102"}},
		{2, []string{"9199 running 101", "9200 running 102"}},
		{3, []string{"9199 running 101", "9200 running 102", "9201 running 103"}},
	} {
		if err := p.startN("jubastat", "a", step.n, noon); err != nil {
			t.Fatal(err)
		}
		p.expect(t, step.want...)
	}
	var refused *refusedError
	if err := p.startN("jubastat", "a", 2, noon); !errors.As(err, &refused) || refused.lines[0] != "3 a already running at this machine." {
		t.Errorf("fewer than there are: %v", err)
	}
	if err := p.startN("jubaweight", "a", 14, noon); !errors.As(err, &refused) || !slices.Equal(refused.lines, []string{
		"cannot spawn more than 16 processes.", "currently remaining 13 while 14 requested.",
	}) {
		t.Errorf("more than sixteen: %v", err)
	}
	p.expect(t, "9199 running 101", "9200 running 102", "9201 running 103")
	if err := p.startN("jubaweight", "a", 13, noon); err != nil { // another program is another cluster
		t.Error(err)
	}
	if len(p.children) != maxChildren || p.children[15].Port != 9214 {
		t.Errorf("%q", p.states())
	}
}

func TestPortsTakeTurns(t *testing.T) {
	p := newTestPlan()
	for i := range 40 {
		if err := p.startN("jubastat", "a", 1, noon); err != nil {
			t.Fatal(err)
		}
		c := p.children[0]
		if want := 9199 + i%maxChildren; c.Port != want {
			t.Fatalf("start %d: port %d, want %d", i, c.Port, want)
		}
		p.stop(func(*child) bool { return true }, noon)
		p.fall(c, end, noon)
	}
}

func TestPool(t *testing.T) {
	p := newPool(9198)
	taken := map[int]bool{9199: true, 9201: true}
	free := func(port int) bool { return !taken[port] }
	var got []int
	for range maxChildren {
		port, ok := p.take(free)
		if !ok {
			t.Fatal("no port although there are some to spare")
		}
		got = append(got, port)
	}
	want := []int{9200, 9202, 9203, 9204, 9205, 9206, 9207, 9208, 9209, 9210, 9211, 9212, 9213, 9214, 9215, 9216}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	for _, port := range got {
		p.give(port)
	}
	clear(taken)
	if port, _ := p.take(free); port > 9214 {
		t.Errorf("%d was taken before the first sixteen", port)
	}
	if _, ok := p.take(func(int) bool { return false }); ok {
		t.Error("a port that is not usable")
	}
	if p := newPool(65530); len(p.free) != 5 || len(p.spare) != 0 {
		t.Errorf("at the end of all ports: %v %v", p.free, p.spare)
	}
}

func TestBackoff(t *testing.T) {
	p := newTestPlan()
	if err := p.startN("jubastat", "a", 1, noon); err != nil {
		t.Fatal(err)
	}
	c, now := p.children[0], noon
	for i, wait := range defaultBackoff {
		p.fall(c, crash, now)
		if c.State != Backoff || !p.next().Equal(now.Add(wait)) {
			t.Fatalf("death %d: %s until %v", i+1, c.State, p.next().Sub(now))
		}
		if early := p.tick(now.Add(wait - 1)); early != nil {
			t.Fatalf("death %d: started too early", i+1)
		}
		now = now.Add(wait)
		p.spawnAll(p.tick(now), now)
		if c.State != Running || c.Restarts != i+1 || c.Error != crash.text {
			t.Fatalf("death %d: %+v", i+1, c)
		}
	}
	p.fall(c, crash, now)
	if c.State != Failed || c.PID != 0 || !p.next().IsZero() {
		t.Fatalf("the sixth: %+v", c)
	}
	if list := p.list(); list[0].State != Failed || list[0].Error != crash.text || list[0].Restarts != 5 {
		t.Errorf("%+v", list)
	}
	// Starting it again begins from the beginning.
	if err := p.startN("jubastat", "a", 1, now); err != nil {
		t.Fatal(err)
	}
	p.expect(t, "9200 running 107")
}

func TestDeathsAreForgotten(t *testing.T) {
	p := newTestPlan()
	if err := p.startN("jubastat", "a", 1, noon); err != nil {
		t.Fatal(err)
	}
	c, now := p.children[0], noon
	for i := range 50 {
		now = now.Add(13 * time.Second)
		p.fall(c, crash, now)
		p.spawnAll(p.tick(c.Due), c.Due)
		if c.State != Running {
			t.Fatalf("death %d of one in 13 seconds: %s", i, c.State)
		}
	}
}

func TestEndsThatAreNotMended(t *testing.T) {
	for name, do := range map[string]func(p *testPlan, c *child){
		"by itself, in order":           func(p *testPlan, c *child) { p.fall(c, end, noon) },
		"asked, in order":               func(p *testPlan, c *child) { p.stop(everything, noon); p.fall(c, end, noon) },
		"asked, with an error":          func(p *testPlan, c *child) { p.stop(everything, noon); p.fall(c, crash, noon) },
		"asked while it was down":       func(p *testPlan, c *child) { p.fall(c, crash, noon); p.stop(everything, noon) },
		"asked while it was cleaned up": func(p *testPlan, c *child) { p.died(c, crash, noon); p.stop(everything, noon); p.cleaned(c, noon) },
		"asked twice":                   func(p *testPlan, c *child) { p.stop(everything, noon); p.stop(everything, noon); p.fall(c, end, noon) },
		"asked during a restart":        func(p *testPlan, c *child) { p.restart(c, noon); p.stop(everything, noon); p.fall(c, end, noon) },
	} {
		p := newTestPlan()
		if err := p.startN("jubastat", "a", 1, noon); err != nil {
			t.Fatal(err)
		}
		do(p, p.children[0])
		if len(p.children) != 0 || len(p.tick(after(time.Hour))) != 0 {
			t.Errorf("%s: %q", name, p.states())
		}
	}
}

func everything(*child) bool { return true }

func TestStopKills(t *testing.T) {
	p := newTestPlan()
	if err := p.startN("jubastat", "a", 2, noon); err != nil {
		t.Fatal(err)
	}
	if got := verbs(p.stop(everything, noon)); !slices.Equal(got, []verb{terminate, terminate}) {
		t.Fatalf("stop: %v", got)
	}
	p.fall(p.children[0], end, after(time.Second))
	p.expect(t, "9200 stopping 102")
	if next := p.next(); !next.Equal(after(p.grace)) {
		t.Errorf("next at %v", next)
	}
	if got := p.tick(after(p.grace - 1)); got != nil {
		t.Errorf("too early: %v", got)
	}
	if got := verbs(p.tick(after(p.grace))); !slices.Equal(got, []verb{kill}) {
		t.Errorf("at the end of patience: %v", got)
	}
	if got := p.tick(after(2 * p.grace)); got != nil {
		t.Errorf("killed twice: %v", got)
	}
	p.fall(p.children[0], crash, after(p.grace))
	p.expect(t)
}

func TestRestart(t *testing.T) {
	p := newTestPlan()
	if err := p.startN("jubastat", "a", 2, noon); err != nil {
		t.Fatal(err)
	}
	c := p.find("10.0.0.1_9200")
	if got := verbs(p.restart(c, noon)); !slices.Equal(got, []verb{terminate}) {
		t.Fatalf("restart: %v", got)
	}
	if err := p.startN("jubastat", "a", 2, noon); err != nil || len(p.children) != 2 {
		t.Errorf("one that is being restarted counts: %v, %q", err, p.states())
	}
	for _, how := range []exit{end, crash} {
		p.restart(c, noon)
		p.fall(c, how, noon)
		p.spawnAll(p.tick(noon), noon)
		if c.State != Running || c.Restarts != 0 || c.Error != "" || len(c.Deaths) != 0 {
			t.Errorf("after %v: %+v", how, c)
		}
	}
	// One that was given up gets another chance.
	c.State, c.PID, c.Deaths = Failed, 0, []time.Time{noon}
	p.restart(c, noon)
	p.spawnAll(p.tick(noon), noon)
	if c.State != Running || c.Port != 9200 {
		t.Errorf("after it was given up: %+v", c)
	}
}

func TestUnspawned(t *testing.T) {
	p := newTestPlan()
	actions, err := p.start("jubastat", "a", 1, always, func(port int) server { return server{Program: "jubastat", Name: "a", Port: port} })
	if err != nil {
		t.Fatal(err)
	}
	if got := verbs(p.unspawned(actions[0].child, "no memory", noon)); !slices.Equal(got, []verb{release}) || len(p.children) != 0 {
		t.Errorf("the first time: %v, %q", got, p.states())
	}
	if err := p.startN("jubastat", "a", 1, noon); err != nil {
		t.Fatal(err)
	}
	c := p.children[0]
	p.fall(c, crash, noon)
	p.tick(c.Due)
	p.unspawned(c, "no memory", noon)
	if c.State != Backoff || c.Error != "no memory" || len(c.Deaths) != 2 {
		t.Errorf("later: %+v", c)
	}
}

func TestAdopt(t *testing.T) {
	for _, test := range []struct {
		state State
		again bool
		alive bool
		want  string // what becomes of it within a moment
		verbs []verb
	}{
		{Running, false, true, "9203 running 7", nil},
		{Running, false, false, "9203 running 101", []verb{clean}},
		{Backoff, false, false, "9203 running 101", []verb{clean}},
		{Backoff, false, true, "9203 running 7", nil}, // its id had not been noted
		{Failed, false, false, "9203 failed 0", nil},
		{Stopping, false, true, "9203 stopping 7", []verb{terminate}},
		{Stopping, false, false, "", []verb{clean}},
		{Stopping, true, false, "9203 running 101", []verb{clean}},
	} {
		p := newTestPlan()
		c := &child{server: server{Program: "jubastat", Name: "a", Port: 9203}, State: test.state, Again: test.again}
		if test.alive {
			c.PID = 7
		}
		actions := p.adopt(c, test.alive, noon)
		if got := verbs(actions); !slices.Equal(got, test.verbs) {
			t.Errorf("%s, alive %v: %v", test.state, test.alive, got)
		}
		if slices.Contains(test.verbs, clean) {
			p.cleaned(c, noon)
		}
		p.spawnAll(p.tick(after(time.Second)), after(time.Second))
		if got := strings.Join(p.states(), ";"); got != test.want {
			t.Errorf("%s, alive %v: %q, want %q", test.state, test.alive, got, test.want)
		}
		if slices.Contains(p.ports.free, 9203) != (test.want == "") {
			t.Errorf("%s, alive %v: the port is free and not", test.state, test.alive)
		}
	}
}

// TestPlanHolds does anything in any order.
func TestPlanHolds(t *testing.T) {
	names := []string{"a", "b", "c"}
	rapid.Check(t, func(t *rapid.T) {
		p, now := newTestPlan(), noon
		cleaning := map[*child]bool{}
		spawns := map[*child][]time.Time{}
		var carry func(actions []action)
		carry = func(actions []action) {
			for _, a := range actions {
				c := a.child
				switch a.verb {
				case spawn:
					if c.PID != 0 || cleaning[c] {
						t.Fatalf("a second process for %+v", c)
					}
					if rapid.IntRange(0, 9).Draw(t, "luck") == 0 {
						carry(p.unspawned(c, "bad luck", now))
						continue
					}
					p.pid++
					spawns[c] = append(spawns[c], now)
					p.spawned(c, p.pid, 1, now)
				case terminate, kill:
					if c.PID == 0 || c.State != Stopping {
						t.Fatalf("a signal to nobody: %+v", c)
					}
				case clean:
					if c.PID != 0 {
						t.Fatalf("cleaning up behind the living: %+v", c)
					}
					cleaning[c] = true
				case release:
					if c.PID != 0 || cleaning[c] || slices.Contains(p.children, c) {
						t.Fatalf("released too early: %+v", c)
					}
				}
			}
		}
		one := func(ok func(*child) bool) *child {
			var some []*child
			for _, c := range p.children {
				if ok(c) {
					some = append(some, c)
				}
			}
			if len(some) == 0 {
				t.Skip("nobody")
			}
			return rapid.SampledFrom(some).Draw(t, "child")
		}
		lives := func(c *child) bool { return c.PID != 0 }
		t.Repeat(map[string]func(*rapid.T){
			"start": func(t *rapid.T) {
				name := rapid.SampledFrom(names).Draw(t, "name")
				taken := rapid.IntRange(9190, 9220).Draw(t, "taken")
				actions, err := p.start("jubastat", name, rapid.IntRange(0, 18).Draw(t, "n"),
					func(port int) bool { return port != taken },
					func(port int) server {
						return server{Program: "jubastat", Name: name, Host: "h", Port: port}
					})
				if err != nil && actions != nil {
					t.Fatal("refused, and done")
				}
				carry(actions)
			},
			"stop": func(t *rapid.T) {
				name := rapid.SampledFrom(names).Draw(t, "name")
				carry(p.stop(func(c *child) bool { return c.Name == name }, now))
			},
			"restart": func(*rapid.T) {
				c := one(everything)
				delete(spawns, c)
				carry(p.restart(c, now))
			},
			"die": func(t *rapid.T) {
				how := rapid.SampledFrom([]exit{crash, end}).Draw(t, "how")
				c := one(lives)
				carry(p.died(c, how, now))
			},
			"cleaned": func(*rapid.T) {
				c := one(func(c *child) bool { return cleaning[c] })
				delete(cleaning, c)
				carry(p.cleaned(c, now))
			},
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 70_000).Draw(t, "ms")) * time.Millisecond)
				carry(p.tick(now))
			},
			"": func(t *rapid.T) {
				ports := map[int]int{}
				for _, port := range slices.Concat(p.ports.free, p.ports.spare) {
					ports[port]++
				}
				if len(p.children) > maxChildren {
					t.Fatalf("%d children", len(p.children))
				}
				for _, c := range p.children {
					ports[c.Port]++
					if lives(c) != (c.State == Running || c.State == Stopping && !c.Cleaning) || c.Cleaning != cleaning[c] {
						t.Fatalf("%+v", c)
					}
					if c.State == Backoff && !c.Cleaning && c.Due.IsZero() {
						t.Fatalf("never started again: %+v", c)
					}
					if n := len(recent(spawns[c], now)); n > 2*maxDeaths+2 {
						t.Fatalf("started %d times within a minute: %+v", n, c)
					}
				}
				if len(ports) != maxChildren+sparePorts {
					t.Fatalf("%d ports", len(ports))
				}
				for port, n := range ports {
					if n != 1 {
						t.Fatalf("port %d is %d times there", port, n)
					}
				}
			},
		})
	})
}
