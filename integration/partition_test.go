package integration

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// recovery is how long calls may fail after a machine has vanished from the
// network: it neither answers nor refuses, so that only time tells.
const recovery = 8 * time.Second

// trio is three machines, each with a server, a proxy and a slot of the
// ensemble.
type trio struct {
	*switchboard
	location []string
	config   string
	servers  [][]*process // of each machine, the present one last
}

func startTrio(t *testing.T) *trio {
	t.Helper()
	x := &trio{switchboard: plug(t, 3), config: writeFile(t, "config.json", clusterConfig)}
	var slots []string
	for _, m := range x.machines {
		slots = append(slots, m.ip)
	}
	x.location = []string{"--cluster", strings.Join(slots, ",")}
	x.servers = make([][]*process, len(x.machines))
	for i := range x.machines {
		x.boot(t, i)
	}
	for i := range x.machines {
		x.active(t, i)
	}
	return x
}

// boot starts everything on a machine.
func (x *trio) boot(t *testing.T, i int) {
	t.Helper()
	m := x.machines[i]
	common := append([]string{"-Z", "3", "-I", "3", "--coord_dir", filepath.Join(m.dir, "coord")}, x.location...)
	server := append([]string{"-p", "9199", "-n", "tutorial", "-f", x.config, "-d", m.dir, "-s", "1"}, common...)
	x.servers[i] = append(x.servers[i], m.start(t, "jubaclassifier", server...))
	m.start(t, "jubaclassifier_proxy", append([]string{"-p", "9190"}, common...)...)
}

// start starts a program on the machine.
func (m *machine) start(t *testing.T, program string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: m.command(t.Context(), program, args...), done: make(chan struct{})}
	p.Stdout, p.Stderr = &p.out, &p.out
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.Wait() // machines are shut down as they are
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill() // it may have ended with its machine
		<-p.done
		if out := p.out.String(); t.Failed() || strings.Contains(out, "DATA RACE") {
			t.Errorf("%s: %s said:\n%s", m.ip, program, out)
		}
	})
	return p
}

// server is the server process of a machine.
func (x *trio) server(i int) *process { return x.servers[i][len(x.servers[i])-1] }

// active waits until a machine's server is active.
func (x *trio) active(t *testing.T, i int) {
	t.Helper()
	eventually(t, x.machines[i].ip+" is active", func() bool {
		return strings.Contains(x.server(i).out.String(), "active created: ")
	})
}

// leader is the machine whose slot leads the ensemble.
func (x *trio) leader(t *testing.T) (leader int) {
	t.Helper()
	eventually(t, "the ensemble has a leader", func() bool {
		var all []struct {
			Slot   string
			Leader bool
		}
		cmd := x.machines[0].command(t.Context(), "jubactl", append([]string{"-c", "members", "--format", "json"}, x.location...)...)
		out, err := cmd.Output()
		if err != nil || json.Unmarshal(out, &all) != nil {
			return false
		}
		for i, m := range x.machines {
			for _, one := range all {
				if one.Leader && strings.HasPrefix(one.Slot, m.ip+":") {
					leader = i
					return true
				}
			}
		}
		return false
	})
	return leader
}

// others are the machines besides one.
func (x *trio) others(i int) []int {
	return []int{(i + 1) % 3, (i + 2) % 3}
}

// works demands that train and classify succeed through the proxies of some
// machines, from now on, at the latest when the time for recovery is over.
func (x *trio) works(t *testing.T, machines []int) {
	t.Helper()
	began := time.Now()
	for _, i := range machines {
		addr := x.machines[i].ip + ":9190"
		for streak := 0; streak < 50; streak++ {
			if err := askOnce(t, addr); err != nil {
				if time.Since(began) > recovery {
					t.Fatalf("%v after the beginning of the fault, %s answers: %v", time.Since(began), addr, err)
				}
				streak = -1
			}
		}
	}
	t.Logf("all is well after %v", time.Since(began).Round(time.Millisecond))
}

// askOnce trains and classifies through a proxy.
func askOnce(t *testing.T, addr string) error {
	c, err := rpc.Dial(t.Context(), addr, patience)
	if err != nil {
		return err
	}
	defer c.Close()
	datum := []any{[]any{}, []any{[]any{"x", 1.0}}, []any{}}
	if _, err := c.CallArgs(t.Context(), "train", "tutorial", []any{[]any{"label", datum}}); err != nil {
		return err
	}
	_, err = c.CallArgs(t.Context(), "classify", "tutorial", []any{datum})
	return err
}

// mixes waits for a MIX of n servers that begins from now on.
func (x *trio) mixes(t *testing.T, n int, machines []int) {
	t.Helper()
	line := fmt.Sprintf("mixed with %d servers", n)
	count := func() (sum int) {
		for _, i := range machines {
			sum += strings.Count(x.server(i).out.String(), line)
		}
		return sum
	}
	before := count()
	eventually(t, line, func() bool {
		// There must be something to share.
		_ = askOnce(t, x.machines[machines[0]].ip+":9190")
		return count() > before
	})
}

// agree waits until all servers have learned the same, after a last MIX.
func (x *trio) agree(t *testing.T) {
	t.Helper()
	var versions, sums []string
	eventually(t, "all servers have one model", func() bool {
		versions, sums = nil, nil
		for i := range x.machines {
			v, sum := x.knows(t, i)
			versions, sums = append(versions, v), append(sums, sum)
		}
		return versions[0] != "" && versions[0] == versions[1] && versions[1] == versions[2] &&
			sums[0] == sums[1] && sums[1] == sums[2]
	})
	t.Logf("all have version %s and know of %s data", versions[0], sums[0])
}

// knows is the version of a machine's model and how many data it knows of.
func (x *trio) knows(t *testing.T, i int) (version, sum string) {
	t.Helper()
	c, err := rpc.Dial(t.Context(), x.machines[i].ip+":9199", patience)
	if err != nil {
		return "", ""
	}
	defer c.Close()
	n, err := labelSum(t.Context(), c, "tutorial")
	if err != nil {
		return "", ""
	}
	result, err := c.CallArgs(t.Context(), "get_status", "tutorial")
	if err != nil {
		return "", ""
	}
	return statusValue(t, result, "model_version"), fmt.Sprint(n)
}

// statusValue is one value of the only server in a get_status result.
func statusValue(t testing.TB, result []byte, key string) string {
	t.Helper()
	r := mpack.NewReader(result)
	n, err := r.MapHeader()
	if err != nil || n != 1 {
		t.Fatalf("%d servers: %v", n, err)
	}
	if err := r.Skip(); err != nil {
		t.Fatal(err)
	}
	pairs, err := r.MapHeader()
	if err != nil {
		t.Fatal(err)
	}
	for range pairs {
		k, err := r.String()
		if err != nil {
			t.Fatal(err)
		}
		v, err := r.String()
		if err != nil {
			t.Fatal(err)
		}
		if k == key {
			return v
		}
	}
	return ""
}

// The machine that leads the ensemble is cut off, and later dies with all its
// processes: the others go on with everything, it comes back by itself and
// catches up, and at no time do two servers lead a MIX.
func TestThreeMachines(t *testing.T) {
	if !ownNetwork(t) {
		return
	}
	x := startTrio(t)
	everybody := []int{0, 1, 2}
	x.works(t, everybody)
	x.mixes(t, 3, everybody)

	lost := x.leader(t)
	rest := x.others(lost)
	t.Logf("cutting off %s", x.machines[lost].ip)
	x.cut(t, lost)
	x.works(t, rest)
	x.mixes(t, 2, rest)
	cutOff := strings.Count(x.server(lost).out.String(), "mixed with")
	x.mixes(t, 2, rest)
	if n := strings.Count(x.server(lost).out.String(), "mixed with"); n != cutOff {
		t.Error("the machine that is cut off mixes")
	}
	x.mend(t, lost)
	x.mixes(t, 3, everybody)
	x.agree(t)
	x.works(t, everybody)

	lost = x.leader(t)
	rest = x.others(lost)
	t.Logf("killing %s", x.machines[lost].ip)
	for _, pid := range x.machines[lost].processes(t) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	x.works(t, rest)
	x.mixes(t, 2, rest)
	x.boot(t, lost)
	x.active(t, lost)
	x.mixes(t, 3, everybody)
	x.agree(t)
	x.works(t, everybody)
	x.oneMaster(t)
}

// logTime begins every log line.
var logTime = regexp.MustCompile(`(?m)^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) .*?(got ZooKeeper lock, starting mix|\.\.\.\. mix done)`)

// oneMaster demands of all logs that no two rounds of MIX have overlapped.
func (x *trio) oneMaster(t *testing.T) {
	t.Helper()
	type round struct {
		who        string
		begin, end time.Time
	}
	var rounds []round
	for i, processes := range x.servers {
		for _, p := range processes {
			open := false
			for _, line := range logTime.FindAllStringSubmatch(p.out.String(), -1) {
				at, err := time.Parse("2006-01-02 15:04:05.000", strings.Replace(line[1], ",", ".", 1))
				if err != nil {
					t.Fatal(err)
				}
				begins := strings.HasPrefix(line[2], "got")
				if begins == open {
					t.Fatalf("%s: %q out of order", x.machines[i].ip, line[0])
				}
				if open = begins; begins {
					rounds = append(rounds, round{who: x.machines[i].ip, begin: at, end: at})
				} else {
					rounds[len(rounds)-1].end = at
				}
			}
		}
	}
	sort.Slice(rounds, func(i, j int) bool { return rounds[i].begin.Before(rounds[j].begin) })
	for i := 1; i < len(rounds); i++ {
		if a, b := rounds[i-1], rounds[i]; a.who != b.who && a.end.After(b.begin) {
			t.Errorf("%s mixes from %s to %s and %s from %s", a.who, a.begin.Format("05.000"), a.end.Format("05.000"), b.who, b.begin.Format("05.000"))
		}
	}
	t.Logf("%d rounds", len(rounds))
}
