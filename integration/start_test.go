package integration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/integration/race"
	"github.com/jubatus/jubatus-go/rpc"
)

const linear = `{
  "method": "PA",
  "converter": {
    "string_rules": [{"key": "*", "type": "str", "sample_weight": "bin", "global_weight": "bin"}],
    "num_rules": [{"key": "*", "type": "num"}]
  }
}
`

// Clients wait for about a second, ask for a method that does not exist, with
// no arguments at all, and take "no such method" for life.
func TestAnswersWithinASecond(t *testing.T) {
	binary(t)
	started := time.Now()
	s := serve(t, "jubaclassifier", linear)
	_, err := s.dial(t).Call(t.Context(), "__ping__", []byte{0x90})
	if !errors.Is(err, rpc.ErrMethodNotFound) {
		t.Errorf("__ping__: %v, want error 1", err)
	}
	if took := time.Since(started); took > time.Second && !race.Enabled {
		t.Errorf("the server took %v to answer", took)
	}
	s.stop(t)
}

// Whatever stops a start is said on stderr or in the log, makes the exit code
// and comes before the port is open.
func TestRefusals(t *testing.T) {
	t.Parallel()
	good := writeFile(t, "good.json", linear)
	usage := "usage: jubaclassifier [options] ... \noptions:\n  -p, --rpc-port                port number (int [=9199])\n"
	config := func(text string) string { return writeFile(t, "config.json", text) }
	tests := []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"help", []string{"--help", "--bogus"}, 0, []string{usage, "  -?, --help                    print this message\n"}},
		{"version", []string{"-v"}, 0, []string{"jubatus-1.1.1 (jubaclassifier)\n"}},
		{"unknown option", []string{"--bogus"}, 1, []string{"undefined option: --bogus\n" + usage}},
		{"joined value", []string{"-p9199"}, 1, []string{"option needs value: --rpc-port\n" + usage}},
		{"range", []string{"-c", "0"}, 1, []string{"option value is invalid: --thread=0\n" + usage}},
		{"error before version", []string{"-v", "-q"}, 1, []string{"undefined short option: -q\n"}},
		{"nothing", nil, 1, []string{"config path or model file must be specified for standalone mode\n" + usage}},
		{"no name", []string{"-z", "h:1"}, 1, []string{"can't start multinode mode without name specified\n" + usage}},
		{"no interface", []string{"-B", "none0", "-f", good}, 255, []string{"exception in main thread: ", "Failed to get IP address from interface"}},
		{"no log config", []string{"-g", "/nonexistent", "-f", good}, 255, []string{"Failed to get realpath", "/nonexistent", "No such file or directory"}},
		{"empty log config", []string{"-g", config(" "), "-f", good}, 255, []string{"invalid log configuration"}},
		{"useless log config", []string{"-g", config("<a/>"), "-f", good}, 1, []string{"failed to configure logger\n"}},
		{"no config", []string{"-f", "/nonexistent"}, 1, []string{"FATAL", "Failed to get realpath", "/nonexistent"}},
		{"no model", []string{"-m", "/nonexistent"}, 1, []string{"FATAL", "Failed to get realpath", "/nonexistent"}},
		{"no datadir", []string{"-d", "/nonexistent", "-f", good}, 1, []string{"FATAL", "Failed to get realpath"}},
		{"datadir a file", []string{"-d", good, "-f", good}, 1, []string{"can't use datadir: Not a directory\n" + usage}},
		{"logdir a file", []string{"-l", good, "-f", good}, 1, []string{"can't write to the ZooKeeper log directory: Not a directory\n"}},
		{"zookeeper timeout", []string{"-z", "h:1", "-n", "x", "-Z", "0"}, 1, []string{"can't start with zookeeper_timeout less than 1\n" + usage}},
		{"interconnect timeout", []string{"-z", "h:1", "-n", "x", "-I", "0"}, 1, []string{"can't start with interconnect_timeout less than 1\n" + usage}},
		{"mixer", []string{"-x", "foo", "-f", good}, 1, []string{"FATAL", "unsupported mix type (foo)"}},
		{"address", []string{"-b", "203.0.113.1", "-f", good}, 1, []string{"server failed to start: bind failed: Cannot assign requested address"}},
		{"broken model", []string{"-m", good}, 1, []string{"FATAL", good}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := result(t, "", "jubaclassifier", test.args...)
			said := stdout + stderr
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			for _, want := range test.want {
				if !strings.Contains(said, want) {
					t.Errorf("does not say %q", want)
				}
			}
			if strings.Contains(said, "start listening") {
				t.Error("the port was opened")
			}
			if t.Failed() {
				t.Logf("it said:\n%s", said)
			}
		})
	}
}

// A configuration that cannot work is refused with file, place and cause,
// whether it is to be served or only tested.
func TestBadConfigs(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, config, place, cause string }{
		{"syntax", "{\n  \"method\": \"PA\",\n}", ":3:1", `'"' is required but got '}'`},
		{"unfinished", `{"method": "PA"`, "", "end of data"},
		{"empty", "", "", "end of data"},
		{"utf-8", "{\"method\": \"\xff\"}", "", "Invalid UTF-8"},
		{"unknown key", `{"method":"PA","converter":{},"extra":1}`, "", `"extra" is not used`},
		{"missing key", `{"method":"PA"}`, "", `"converter" is not found`},
		{"wrong type", `{"method":1,"converter":{}}`, ".method", "String is expected, but Integer is given. (.method)"},
		{"not an object", `{"method":"PA","converter":[]}`, ".converter", "Object is expected, but Array is given. (.converter)"},
		{"unknown method", `{"method":"XX","converter":{}}`, "", "unsupported method (classifier(XX))"},
		{"missing parameter", `{"method":"AROW","converter":{}}`, "", "parameter block is not specified in config"},
		{"range", `{"method":"AROW","converter":{},"parameter":{"regularization_weight":0}}`, "", "invalid parameter (expected: 0.0 < regularization_weight)"},
		{"converter", `{"method":"PA","converter":{"num_rules":[{"key":"*","type":"nope"}]}}`, "", "nope"},
	}
	for _, test := range tests {
		path := writeFile(t, test.name+".json", test.config)
		for _, mode := range []string{"serve", "test"} {
			t.Run(test.name+"/"+mode, func(t *testing.T) {
				args := []string{"-f", path, "-b", "127.0.0.1"}
				if mode == "test" {
					args = append(args, "-T")
				}
				code, stdout, stderr := result(t, "", "jubaclassifier", args...)
				if code != 1 {
					t.Errorf("exit code %d, want 1", code)
				}
				// The log names the file by itself; the complaint must too.
				complaint := complaints(stdout) + stderr
				for _, want := range []string{path, test.place, test.cause} {
					if !strings.Contains(complaint, want) {
						t.Errorf("the complaint lacks %q", want)
					}
				}
				if strings.Contains(stdout, "start listening") {
					t.Error("the port was opened")
				}
				if t.Failed() {
					t.Logf("stdout:\n%s\nstderr:\n%s", stdout, stderr)
				}
			})
		}
	}
}

// complaints is the part of a log from the first ERROR or FATAL on.
func complaints(log string) string {
	if at := regexp.MustCompile(`(?m)^.* (ERROR|FATAL) `).FindStringIndex(log); at != nil {
		return log[at[0]:]
	}
	return ""
}

func TestConfigTest(t *testing.T) {
	code, _, stderr := result(t, "", "jubaclassifier", "-Tf", writeFile(t, "good.json", linear))
	if code != 0 || !strings.Contains(stderr, "Configuration OK\n") {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}

// The same program under its own name.
func TestSubcommand(t *testing.T) {
	code, stdout, _ := result(t, "", "jubatus", "jubaclassifier", "--version")
	if code != 0 || stdout != "jubatus-1.1.1 (jubaclassifier)\n" {
		t.Errorf("exit code %d, stdout %q", code, stdout)
	}
	code, stdout, _ = result(t, "", "jubatus", "--help")
	if code != 0 || !strings.Contains(stdout, "servers:") || !strings.Contains(stdout, "jubaclassifier") {
		t.Errorf("exit code %d, help %q", code, stdout)
	}
	if code, _, stderr := result(t, "", "jubatus", "bogus"); code != 1 || !strings.Contains(stderr, `unknown command "bogus"`) {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}

func TestPortTaken(t *testing.T) {
	s := serve(t, "jubaclassifier", linear)
	_, port, _ := strings.Cut(s.addr, ":")
	code, stdout, stderr := result(t, "", "jubaclassifier", "-f", writeFile(t, "c.json", linear), "-b", "127.0.0.1", "-p", port)
	want := "server failed to start: any process using port " + port + "?"
	if code != 1 || !strings.Contains(stdout+stderr, want) {
		t.Errorf("exit code %d, output %s%s; want %q", code, stdout, stderr, want)
	}
}

func TestSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			s := serve(t, "jubaclassifier", linear, "-t", "0")
			c := s.dial(t) // an idle connection does not keep the server
			if _, err := c.CallArgs(t.Context(), "get_labels", ""); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := s.Process.Signal(syscall.SIGHUP); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "the hangup is logged", func() bool { return strings.Contains(s.out.String(), "caught SIGHUP") })
			if err := s.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if code := s.exit(t); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			want := map[syscall.Signal]string{syscall.SIGTERM: "caught SIGTERM", syscall.SIGINT: "caught SIGINT"}[sig]
			if !strings.Contains(s.out.String(), want) {
				t.Errorf("the log lacks %q", want)
			}
		})
	}
}

// A daemon's parent leaves at once; the child lives on in its own session,
// with every path resolved before it moved to /.
func TestDaemon(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(linear), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	_, port, _ := strings.Cut(addr, ":")
	p := launchIn(t, dir, "jubaclassifier", "-D", "-f", "config.json", "-b", "127.0.0.1", "-p", port, "-d", ".")
	if code := p.exit(t); code != 0 {
		t.Fatalf("the parent's exit code is %d, want 0", code)
	}
	s := &server{addr: addr}
	pid := s.awaitDaemon(t)
	if pid == p.Process.Pid {
		t.Errorf("the daemon is the process that was started")
	}
	status := statusOf(t, s)
	if status["datadir"] != dir || status["configpath"] != filepath.Join(dir, "config.json") {
		t.Errorf("datadir %q, configpath %q", status["datadir"], status["configpath"])
	}
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err == nil && cwd != "/" {
		t.Errorf("the daemon's folder is %s, want /", cwd)
	}
	if session, err := syscall.Getpgid(pid); err != nil || session != pid {
		t.Errorf("the daemon's process group is %d, error %v; want its own, %d", session, err, pid)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the daemon ends", func() bool { return syscall.Kill(pid, 0) != nil || zombie(pid) })
}

// A log configuration decides on level and file; after a rotation and SIGHUP
// the log goes on in a new file.
func TestLogConfig(t *testing.T) {
	dir := t.TempDir()
	config := writeFile(t, "log.xml", `<?xml version="1.0"?>
<!DOCTYPE log4j:configuration SYSTEM "log4j.dtd">
<log4j:configuration xmlns:log4j="http://jakarta.apache.org/log4j/">
  <appender name="file" class="org.apache.log4j.FileAppender">
    <param name="File" value="`+dir+`/${JUBATUS_PROCESS}.${JUBATUS_HOST}_${JUBATUS_PORT}.log.${JUBATUS_PID}" />
  </appender>
  <root><priority value="info" /><appender-ref ref="file" /></root>
</log4j:configuration>
`)
	s := serve(t, "jubaclassifier", linear, "-g", config)
	file := filepath.Join(dir, fmt.Sprintf("jubaclassifier.%s.log.%d", strings.ReplaceAll(s.addr, ":", "_"), s.Process.Pid))
	logged := func(name, what string) func() bool {
		return func() bool {
			text, err := os.ReadFile(name)
			return err == nil && strings.Contains(string(text), what)
		}
	}
	eventually(t, "the start is in the file", logged(file, "jubaclassifier RPC server startup"))
	if status := statusOf(t, s); status["log_config"] != config {
		t.Errorf("log_config is %q, want %q", status["log_config"], config)
	}
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the reload is announced in the old file", logged(file+".1", "reloading log configuration: "+config))
	eventually(t, "there is a new file", func() bool { _, err := os.Stat(file); return err == nil })
	s.stop(t)
	if !logged(file, "caught SIGTERM")() {
		t.Error("the end is not in the new file")
	}
	if out := s.out.String(); out != "" {
		t.Errorf("the server still says %q", out)
	}
}

func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}
