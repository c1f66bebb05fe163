package learner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/modelfile"
)

func TestLogOfALife(t *testing.T) {
	r := start(t, func(o *Options) { o.IntervalSec, o.IntervalCount = 16, 0 })
	r.stop(t)
	r.log.inOrder(t,
		fmt.Sprintf("INFO starting jubastat 1.1.1 RPC server at 127.0.0.1:%d\n", r.opts.Port),
		fmt.Sprintf("    pid                  : %d\n", os.Getpid()),
		"    user                 : ",
		"    mode                 : standalone mode\n",
		"    timeout              : 10\n",
		"    thread               : 2\n",
		"    datadir              : "+r.opts.DataDir+"\n",
		"    logdir               : \n",
		"    log config           : \n",
		"    zookeeper            : \n",
		"    name                 : \n",
		"    interval sec         : 16\n",
		"    interval count       : disabled\n",
		"    zookeeper timeout    : 0\n",
		"    interconnect timeout : 0\n",
		"INFO load config from local file: "+r.opts.ConfigPath+"\n",
		"INFO config loaded: "+configText,
		fmt.Sprintf("INFO start listening at port %d\n", r.opts.Port),
		"INFO jubastat RPC server startup\n",
		"INFO stopping RPC server\n",
	)
}

// A graceful stop answers the calls that are running and takes no new ones.
func TestStopWaitsForCalls(t *testing.T) {
	r := start(t)
	r.must(t, "push", "", "wait", 3)
	e := r.Engine().(*sums)
	type answer struct {
		v       float64
		failure error
	}
	answers := make(chan answer, 1)
	go func() {
		b, err := r.client.CallArgs(context.Background(), "stddev", "", "wait")
		if err != nil || len(b) != 9 {
			answers <- answer{failure: fmt.Errorf("%x, %w", b, err)}
			return
		}
		answers <- answer{v: 3}
	}()
	<-e.entered
	r.cancel()
	waitFor(t, "the port to be closed", func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", r.opts.Port))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	select {
	case err := <-r.result:
		t.Fatalf("Run returned before the call ended: %v", err)
	default:
	}
	close(e.release)
	if a := <-answers; a.failure != nil || a.v != 3 {
		t.Errorf("the call: %+v", a)
	}
	r.stop(t)
}

func TestStartFailures(t *testing.T) {
	const runtimeError = "jubatus::core::common::exception::runtime_error: "
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cfg := func(text string) func(*Options) {
		path := write(fmt.Sprintf("%x.json", text), []byte(text))
		return func(o *Options) { o.ConfigPath = path }
	}
	model := func(name string, b []byte) func(*Options) {
		path := write(name, b)
		return func(o *Options) { o.ModelPath = path }
	}
	stored := func(typ, config string, packed ...byte) []byte {
		return modelfile.Append(nil, modelfile.System{Type: typ, Config: config}, packed)
	}
	listen := func(err error) func(*Options) {
		return func(o *Options) {
			o.Port = 9199
			o.Listen = func(string, string) (net.Listener, error) {
				return nil, &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", err)}
			}
		}
	}
	tests := []struct {
		name   string
		change func(*Options)
		log    string
	}{
		{"schema", cfg(`{"zzz":1,"method":2}`),
			"FATAL exception in main thread: jubatus::core::common::config_exception: invalid configuration\n" +
				"    (#0) Message: \"zzz\" is not used ()\n    (#0) Message: \"method\" is not used ()\n" +
				"    (#0) Message: \"window_size\" is not found ()\n"},
		{"parameter", cfg(`{"window_size":0}`),
			"FATAL exception in main thread: jubatus::core::common::invalid_parameter: " +
				"invalid parameter (expected: window_size > 0)\n"},
		{"syntax", cfg("{\n\"window_size\":3,}"), `:2:17 '"' is required but got '}'` + "\n"},
		{"empty", cfg(""), "FATAL error in main thread: json_parser reached end of data\n"},
		{"not UTF-8", cfg("\xff"), "FATAL error in main thread: Invalid UTF-8\n"},
		{"no file", func(o *Options) { o.ConfigPath = "/absent" },
			"ERROR exception when loading config file: " + runtimeError + "can not read config file\n" +
				"    (#0) File: /absent\n    (#0) Error: No such file or directory\n"},
		{"model absent", func(o *Options) { o.ModelPath = "/absent" },
			"FATAL exception in main thread: " + runtimeError + "cannot open input file\n" +
				"    (#0) Error: No such file or directory\n"},
		{"model is none", model("text", []byte(strings.Repeat("text", 20))),
			"FATAL exception in main thread: " + runtimeError + "invalid file format\n"},
		{"configuration in the model", model("config", stored("classifier", `{"method":"PA"}`)),
			"config_exception: invalid configuration\n"},
		{"type of the model", model("type", stored("classifier", `{"window_size":1}`, 0x80)),
			"FATAL exception in main thread: " + runtimeError + "server type mismatched: classifier, expected stat\n"},
		{"broken model", model("broken", stored("stat", `{"window_size":1}`, 0x01)),
			"FATAL exception in main thread: " + runtimeError + "user data is broken\n"},
		{"port in use", listen(syscall.EADDRINUSE),
			"FATAL server failed to start: any process using port 9199?\n"},
		{"not our address", listen(syscall.EADDRNOTAVAIL),
			"FATAL server failed to start: bind failed: Cannot assign requested address\n"},
		{"no such host", func(o *Options) { o.Bind = "bad host name" },
			"FATAL server failed to start: failed to resolve host name\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			opts, log := testOptions(t)
			tt.change(&opts)
			n, err := New(opts, newSums)
			if err != nil {
				t.Fatal(err)
			}
			err = n.Run(t.Context())
			var exit *ExitError
			if !errors.As(err, &exit) || exit.Code != 1 || exit.Message == "" {
				t.Errorf("Run = %v, want an *ExitError with code 1", err)
			}
			log.inOrder(t, tt.log)
			if strings.Contains(log.String(), "startup") {
				t.Errorf("it started:\n%s", log)
			}
		})
	}
}

func TestPortInUse(t *testing.T) {
	r := start(t)
	opts, log := testOptions(t)
	opts.Port, opts.Listen = r.opts.Port, nil
	n, err := New(opts, newSums)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("server failed to start: any process using port %d?", opts.Port)
	if err := n.Run(t.Context()); err == nil || err.Error() != want {
		t.Errorf("Run = %v, want %s", err, want)
	}
	log.inOrder(t, "FATAL "+want)
}

func TestStoppedDuringStart(t *testing.T) {
	opts, log := testOptions(t)
	n, err := New(opts, newSums)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var exit *ExitError
	if err := n.Run(ctx); !errors.As(err, &exit) || exit.Code != 1 {
		t.Errorf("Run = %v", err)
	}
	if strings.Contains(log.String(), "start listening") {
		t.Errorf("it opened its port:\n%s", log)
	}
}

func TestConfigTest(t *testing.T) {
	tests := []struct{ name, config, want, log string }{
		{"fine", configText, "Configuration OK\n", "INFO config loaded: "},
		{"schema", `{}`, "Configuration error:\n" +
			"jubatus::core::common::config_exception: invalid configuration\n" +
			"    (#0) Message: \"window_size\" is not found ()\n    (#0) File: FILE\n", ""},
		{"empty", "", "Configuration error:\n" +
			"json_parser reached end of data\n    (#0) File: FILE\n", ""},
		{"syntax", "{,}", "", "ERROR syntax error in configuration: "},
	}
	for _, tt := range tests {
		opts, log := testOptions(t)
		if err := os.WriteFile(opts.ConfigPath, []byte(tt.config), 0o600); err != nil {
			t.Fatal(err)
		}
		opts.Listen = func(string, string) (net.Listener, error) {
			t.Error("the test opened a port")
			return nil, errors.New("no port")
		}
		n, err := New(opts, newSums)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err = n.Test(t.Context(), &out)
		var exit *ExitError
		if ok := tt.name == "fine"; ok != (err == nil) || !ok && (!errors.As(err, &exit) || exit.Code != 1) {
			t.Errorf("%s: Test = %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, strings.ReplaceAll(out.String(), opts.ConfigPath, "FILE")); diff != "" {
			t.Errorf("%s: output (-want +got):\n%s", tt.name, diff)
		}
		log.inOrder(t, tt.log)
	}
}

func TestStatus(t *testing.T) {
	var now atomic.Int64
	now.Store(1700000000)
	r := start(t, func(o *Options) {
		o.Now = func() time.Time { return time.Unix(now.Load(), 0) }
		o.Timeout = 0
		o.LogConfig = "/etc/log.xml"
	})
	now.Add(42)
	got := r.status(t)
	for _, k := range []string{"VIRT", "RSS", "SHR", "user"} {
		if got[k] == "" || got[k] == "0" {
			t.Errorf("%s = %q", k, got[k])
		}
		delete(got, k)
	}
	want := map[string]string{
		"PROGNAME": "jubastat", "VERSION": "1.1.1", "type": "stat", "pid": fmt.Sprint(os.Getpid()),
		"clock_time": "1700000042", "start_time": "1700000000", "uptime": "42",
		"timeout": "0", "threadnum": "2", "datadir": r.opts.DataDir, "logdir": "", "log_config": "/etc/log.xml",
		"configpath": r.opts.ConfigPath, "is_standalone": "1", "update_count": "0",
		"last_saved": "0", "last_saved_path": "", "last_loaded": "0", "last_loaded_path": "",
		"storage": "stat", // the engine's
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

func TestStatm(t *testing.T) {
	tests := map[string][3]int64{
		"317319 8640 4096 1 0 2 0\n": {1269276, 34560, 16384},
		"1 2":                        {},
		"a b c":                      {},
		"":                           {},
	}
	for in, want := range tests {
		virt, rss, shr := parseStatm([]byte(in), 4096)
		if got := [3]int64{virt, rss, shr}; got != want {
			t.Errorf("parseStatm(%q) = %v, want %v", in, got, want)
		}
	}
}

// diary is a Cluster that writes down what happens to it.
type diary struct {
	journal
	fail   string // the step that fails
	config string
	gone   chan struct{}
	node   *Node
}

func (d *diary) step(name string) error {
	fmt.Fprintln(d, name)
	if d.fail == name {
		return config.RuntimeError(name + " failed")
	}
	return nil
}

func (d *diary) Join(context.Context) error { return d.step("join") }
func (d *diary) Peers() engine.Peers        { return nil }
func (d *diary) Config(_ context.Context, own string) (string, string, error) {
	err := d.step("config")
	if err == nil && d.config == "" {
		d.config = own
	}
	if err == nil && d.config == "" {
		err = ErrNoConfig
	}
	return d.config, "/jubatus/config/stat/test", err
}

func (d *diary) Attach(n *Node) error {
	d.node = n
	return d.step("attach")
}
func (d *diary) Register(context.Context) error     { return d.step("register") }
func (d *diary) Start(context.Context) error        { return d.step("start") }
func (d *diary) Leave()                             { d.step("leave") }
func (d *diary) Gone() <-chan struct{}              { return d.gone }
func (d *diary) Updated()                           { d.step("updated") }
func (d *diary) Status(set func(key, value string)) { set("connected_zookeeper", "localhost:2181") }

func TestLifeInACluster(t *testing.T) {
	d := &diary{config: configText, gone: make(chan struct{})}
	r := start(t, func(o *Options) {
		o.Cluster, o.ConfigPath = d, ""
		o.Coordinator, o.Name, o.Mixer = "localhost:2181", "test", "linear_mixer"
		o.IntervalSec, o.IntervalCount, o.ZooKeeperTimeout, o.InterconnectTimeout = 16, 512, 10, 11
	})
	waitFor(t, "the mixer", func() bool { return strings.Contains(d.String(), "start\n") })
	if d.node != r.Node || d.node.Engine() == nil {
		t.Error("the cluster did not see the node")
	}
	r.must(t, "push", "", "a", 1)
	status := r.status(t)
	for k, want := range map[string]string{
		"is_standalone": "0", "configpath": "/jubatus/config/stat/test", "zk": "localhost:2181", "name": "test",
		"mixer": "linear_mixer", "interval_sec": "16", "interval_count": "512", "zookeeper_timeout": "10",
		"interconnect_timeout": "11", "connected_zookeeper": "localhost:2181", "use_cht": "1",
	} {
		if status[k] != want {
			t.Errorf("%s = %q, want %q", k, status[k], want)
		}
	}
	if len(status) != 23+9+1 {
		t.Errorf("%d keys: %v", len(status), status)
	}
	close(d.gone)
	if err := <-r.result; err != nil {
		t.Errorf("Run = %v", err)
	}
	close(r.result)
	if diff := cmp.Diff("join\nconfig\nattach\nregister\nstart\nupdated\nleave\n", d.String()); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	r.log.inOrder(t, "mode                 : multinode mode", "INFO joining to the cluster test",
		"INFO load config from zookeeper: localhost:2181", "INFO get config from zookeeper: /jubatus/config/stat/test",
		"INFO config loaded: ", "INFO start listening", "INFO registered group membership",
		"INFO jubastat RPC server startup", "INFO leaving from the cluster test", "INFO stopping RPC server")
}

func TestClusterFailures(t *testing.T) {
	const runtimeError = "jubatus::core::common::exception::runtime_error: "
	tests := []struct{ fail, config, steps, log string }{
		{"join", configText, "join\nleave\n", "FATAL exception in main thread: " + runtimeError + "join failed\n"},
		{"config", configText, "join\nconfig\nleave\n",
			"FATAL exception in main thread: " + runtimeError + "config failed\n"},
		{"", "", "join\nconfig\nleave\n", "ERROR exception when loading config file: " +
			runtimeError + "config does not exist: /jubatus/config/stat/test\n"},
		{"", "{,}", "join\nconfig\nleave\n", "ERROR syntax error in configuration: <zookeeper>:1:2 "},
		{"attach", configText, "join\nconfig\nattach\nleave\n",
			"FATAL exception in main thread: " + runtimeError + "attach failed\n"},
		{"register", configText, "join\nconfig\nattach\nregister\nleave\n",
			"FATAL exception in main thread: " + runtimeError + "register failed\n"},
		{"start", configText, "join\nconfig\nattach\nregister\nstart\nleave\n",
			"FATAL exception in main thread: " + runtimeError + "start failed\n"},
	}
	for _, tt := range tests {
		opts, log := testOptions(t)
		d := &diary{config: tt.config, fail: tt.fail}
		opts.Cluster, opts.ConfigPath = d, ""
		n, err := New(opts, newSums)
		if err != nil {
			t.Fatal(err)
		}
		var exit *ExitError
		if err := n.Run(t.Context()); !errors.As(err, &exit) || exit.Code != 1 {
			t.Errorf("%q fails: Run = %v", tt.fail, err)
		}
		if diff := cmp.Diff(tt.steps, d.String()); diff != "" {
			t.Errorf("%q fails: steps (-want +got):\n%s", tt.fail, diff)
		}
		log.inOrder(t, tt.log)
	}
}

// A node that brings its own configuration gives it to a cluster without one,
// and must have the same as a cluster that has one.
func TestOwnConfigInACluster(t *testing.T) {
	const path = "/jubatus/config/stat/test"
	tests := []struct{ name, own, stored, log string }{
		{"other values", `{"window_size":3}`, `{"window_size":4}`,
			"ERROR exception when loading config file: jubatus::core::common::exception::runtime_error: " +
				"config file differs from the cluster's config\n" +
				"    (#0) Message: FILE: {\"window_size\":3}\n    (#0) Message: " + path + ": {\"window_size\":4}\n"},
		{"an integer is no float", `{"window_size":3}`, `{"window_size":3.0}`, "invalid configuration"},
		{"nonsense of its own", `{"window_size":0}`, "", "(#0) File: FILE\n"},
		{"nonsense in the cluster", `{"window_size":3}`, `{,}`, "ERROR syntax error in configuration: <zookeeper>:1:2 "},
	}
	run := func(own, stored string, test bool) (*diary, *journal, string, error) {
		opts, log := testOptions(t)
		if err := os.WriteFile(opts.ConfigPath, []byte(own), 0o600); err != nil {
			t.Fatal(err)
		}
		d := &diary{config: stored, fail: "register"} // further it need not go
		opts.Cluster = d
		n, err := New(opts, newSums)
		if err != nil {
			t.Fatal(err)
		}
		if test {
			err = n.Test(t.Context(), io.Discard)
		} else {
			err = n.Run(t.Context())
		}
		return d, log, opts.ConfigPath, err
	}
	for _, tt := range tests {
		d, log, file, err := run(tt.own, tt.stored, false)
		if err == nil || strings.Contains(d.String(), "register") {
			t.Errorf("%s: Run = %v", tt.name, err)
		}
		log.inOrder(t, strings.ReplaceAll(tt.log, "FILE", file))
		if d.config != tt.stored {
			t.Errorf("%s: the cluster has %q now", tt.name, d.config)
		}
	}
	for _, stored := range []string{"", "{\n\"window_size\": 3 }"} {
		d, log, _, _ := run(`{"window_size":3}`, stored, false)
		want := stored
		if want == "" {
			want = `{"window_size":3}`
		}
		if d.config != want || !strings.Contains(d.String(), "register") {
			t.Errorf("the cluster has %q, want %q\n%s", d.config, want, log)
		}
	}
	d, log, _, err := run(`{"window_size":3}`, "", true)
	if err != nil || d.config != "" {
		t.Errorf("a test: %v, the cluster has %q\n%s", err, d.config, log)
	}
}
