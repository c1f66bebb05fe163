package jubactl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/cmd/coordination"
	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
	"github.com/jubatus/jubatus-go/coord/member"
	"github.com/jubatus/jubatus-go/visor/control"
)

// tool runs commands against a service in memory.
type tool struct {
	t    *testing.T
	fake *coordtest.Fake
}

func newTool(t *testing.T) *tool {
	t.Setenv(coordination.ClusterVariable, "")
	t.Setenv(coordination.ZooKeeperVariable, "")
	return &tool{t: t, fake: coordtest.NewFake()}
}

func (x *tool) run(args ...string) (code int, stdout, stderr string) {
	var out, diag bytes.Buffer
	t := Tool{
		Called: "jubactl", Stdout: &out, Stderr: &diag,
		Open: func(context.Context, coordination.Location) (coord.Coordinator, error) { return x.fake.Open(), nil },
	}
	code = t.Run(args)
	return code, out.String(), diag.String()
}

func (x *tool) register(paths ...string) {
	x.t.Helper()
	c := x.fake.Open()
	x.t.Cleanup(func() { c.Close() })
	if err := coord.Prepare(x.t.Context(), c, "classifier", "tutorial"); err != nil {
		x.t.Fatal(err)
	}
	for _, path := range paths {
		dir := path[:strings.LastIndex(path, "/")]
		if err := coord.CreateDirs(x.t.Context(), c, dir); err != nil {
			x.t.Fatal(err)
		}
		if _, err := c.Create(x.t.Context(), path, nil, coord.Ephemeral); err != nil {
			x.t.Fatal(err)
		}
	}
}

var tutorial = []string{"-s", "jubaclassifier", "-t", "classifier", "-n", "tutorial", "-z", "localhost:2181"}

func TestStatus(t *testing.T) {
	x := newTool(t)
	x.register("/jubatus/jubaproxies/classifier/192.168.0.101_9199",
		"/jubatus/actors/classifier/tutorial/nodes/192.168.0.11_9199",
		"/jubatus/actors/classifier/tutorial/nodes/192.168.0.12_9199")
	code, stdout, stderr := x.run(append(tutorial, "-c", "status")...)
	want := `active jubaclassifier_proxy members:
 192.168.0.101_9199
active jubavisor members:
active tutorial members:
 192.168.0.11_9199
 192.168.0.12_9199
`
	if diff := cmp.Diff(want, stdout); diff != "" || code != 0 {
		t.Errorf("code %d, stderr %q\n%s", code, stderr, diff)
	}

	code, stdout, _ = x.run(append(tutorial, "-c", "status", "--format", "json")...)
	var s control.Status
	if err := json.Unmarshal([]byte(stdout), &s); err != nil || code != 0 || len(s.Servers) != 2 || s.Proxies[0] != "192.168.0.101_9199" {
		t.Errorf("code %d, %v: %s", code, err, stdout)
	}
	if strings.Contains(stdout, "null") {
		t.Errorf("an empty list is none: %s", stdout)
	}
}

func TestColour(t *testing.T) {
	s := control.Status{
		Type: "classifier", Name: "tutorial", Proxies: []string{"a_1"}, Visors: []string{"b_2"}, Servers: []string{"c_3"},
		Failed: []control.Failure{{Visor: "b_2", Server: "d_4", Error: "exit status 1"}},
	}
	want := "\033[34mactive jubaclassifier_proxy members:\033[0m\n a_1\n" +
		"\033[34mactive jubavisor members:\033[0m\n b_2\n" +
		"\033[34mactive tutorial members:\033[0m\n c_3\n" +
		"\033[34mfailed tutorial members:\033[0m\n d_4 (by b_2: exit status 1)\n"
	if diff := cmp.Diff(want, statusText(s, true)); diff != "" {
		t.Error(diff)
	}
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if (&run{Tool: Tool{Stdout: file}}).coloured() {
		t.Error("a file gets colours")
	}
}

func TestList(t *testing.T) {
	x := newTool(t)
	x.register("/jubatus/jubaproxies/classifier/192.168.0.101_9199",
		"/jubatus/actors/classifier/tutorial/nodes/192.168.0.11_9199")
	code, stdout, _ := x.run("-c", "list", "-z", "localhost:2181")
	if want := "TYPE        NAME      NODES  ACTIVES  PROXIES\nclassifier  tutorial  1      0        1\n"; code != 0 || stdout != want {
		t.Errorf("code %d, %q", code, stdout)
	}
	code, stdout, _ = x.run("-c", "list", "-z", "localhost:2181", "--format", "json")
	var all []control.Count
	if err := json.Unmarshal([]byte(stdout), &all); err != nil || code != 0 {
		t.Errorf("code %d, %v: %s", code, err, stdout)
	}
	if diff := cmp.Diff([]control.Count{{Type: "classifier", Name: "tutorial", Nodes: 1, Proxies: 1}}, all); diff != "" {
		t.Error(diff)
	}
}

func TestMembers(t *testing.T) {
	slots, err := member.ParseSlots("10.0.0.1,10.0.0.2,10.0.0.3")
	if err != nil {
		t.Fatal(err)
	}
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	all, complete := ensemble([]member.Report{
		{Slot: slots[0], Host: member.Process{Program: "jubavisor", PID: 42, Since: since}, Version: "3.7.3", Leader: true, Size: 20 << 10},
		{Slot: slots[1], Version: "3.5.0", Size: 30 << 20},
		{Slot: slots[2], Err: errors.New("nobody there")},
	})
	got := membersText(all)
	for _, line := range []string{"10.0.0.1:2379  jubavisor (pid 42) since 2026-01-02 03:04:05  yes     3.7.3    20 KiB", "10.0.0.2:2379  another etcd", "30 MiB", "no answer", "nobody there\n"} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is not in\n%s", line, got)
		}
	}
	if complete {
		t.Error("one is missing")
	}
	code, stdout, _ := newTool(t).run("-c", "members", "-z", "localhost:2181")
	if code != 1 || !strings.Contains(stdout, "runtime_error: members are those of --cluster") {
		t.Errorf("of ZooKeeper: code %d, %q", code, stdout)
	}
}

func TestExitCodes(t *testing.T) {
	x := newTool(t)
	x.register()
	for _, test := range []struct {
		args   []string
		code   int
		stdout string // begins with
		stderr string // contains
	}{
		{nil, 0, "", "usage: jubactl --cmd=string --server=string --name=string --type=string [options] ... \n"},
		{[]string{"-c", "start"}, 1, "", "need option: --name\nusage: jubactl --cmd=string --server=string --name"},
		{append(tutorial, "-c", "start"), 255, "", "no server to start jubaclassifier/tutorial"},
		{append(tutorial, "-c", "stop"), 255, "", "no server to stop jubaclassifier/tutorial"},
		{append(tutorial, "-c", "restart"), 255, "", "no server to restart jubaclassifier/tutorial"},
		{append(tutorial, "-c", "save"), 1, "", "no server to save tutorial"},
		{append(tutorial, "-c", "load"), 1, "", "no server to load tutorial"},
		{append(tutorial, "-c", "fly"), 1, "unknown cmd: fly\nusage: ", ""},
		{append(tutorial, "-c", "start", "-n", "a/b"), 1, "type and name can neither", ""},
		{append(tutorial, "-c", "start", "-N", "-1"), 1, "", "option value is invalid: --num=-1"},
		{append(tutorial, "-c", "start", "--format", "json"), 1, "only listings have a format", ""},
		{append(tutorial, "-c", "start", "--server-id", "10.0.0.1_9199"), 1, "server-id is for stop", ""},
		{[]string{"-c", "stop", "-z", "x", "--server-id", "nonsense"}, 1, "server-id: \"nonsense\" is no ip_port", ""},
		{[]string{"-c", "stop", "-z", "x", "--server-id", "10.0.0.1_9199"}, 255, "", "no server to stop: 10.0.0.1_9199"},
		{append(tutorial, "-c", "status", "--cluster", "x"), 1, "can't use both zookeeper and cluster location", ""},
		{tutorial[:6], 1, "", "need option: --cmd"},
		{append(tutorial[:6:6], "-c", "status"), 1, "can't get ZK location: set 'ZK' environment or specify '-z <somezkaddrs>\n", ""},
	} {
		code, stdout, stderr := x.run(test.args...)
		if code != test.code || !strings.HasPrefix(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) {
			t.Errorf("%q: code %d, want %d, stdout %q, stderr %q", test.args, code, test.code, stdout, stderr)
		}
	}
}

func TestEnvironment(t *testing.T) {
	for _, variable := range []string{coordination.ClusterVariable, coordination.ZooKeeperVariable} {
		x := newTool(t)
		t.Setenv(variable, "localhost:1")
		if code, stdout, _ := x.run("-c", "list"); code != 0 || !strings.HasPrefix(stdout, "TYPE") {
			t.Errorf("code %d, %q", code, stdout)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 20 << 10: "20 KiB", 30 << 20: "30 MiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
