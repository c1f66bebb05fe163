package visor

import (
	"fmt"
	"strconv"
	"time"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// The methods of an agent. Start and stop are those of every agent there ever
// was; an agent of the original answers the others with "no method error".
//
//	start(target, n, options) -> 0 or -1
//	stop(target, n)           -> 0, or minus the number of processes that could not be signalled
//	list()                    -> children, an array of maps of text to text
//	stop_server(ip_port)      -> 0 or -1
//	restart_server(ip_port)   -> 0 or -1
//
// A target is program/name, as in jubaclassifier/tutorial. The stops answer
// when the processes have ended, which takes as long as these need to share
// what they have learned; restart_server answers when the old process has
// ended and the new one has been started, not when it serves.
const (
	MethodStart         = "start"
	MethodStop          = "stop"
	MethodList          = "list"
	MethodStopServer    = "stop_server"
	MethodRestartServer = "restart_server"
)

// StartOptions is what start says about the servers: an array of 20 on the
// wire, of which agents may find the last missing. An agent heeds those marked
// with the option of the server that they become.
type StartOptions struct {
	Port                int
	BindAddress         string
	BindInterface       string // -B
	Timeout             int    // -t, seconds
	ZooKeeperTimeout    int    // -Z, seconds
	InterconnectTimeout int    // -I, seconds
	Threads             int    // -c
	ProgramName         string // the type, as the original's controller has it
	Type                string
	ZooKeeper           string
	Name                string // the target
	DataDir             string // -d
	LogDir              string // -l
	LogConfig           string // -g
	Interface           string
	IntervalSec         int    // -s
	IntervalCount       int    // -i
	Mixer               string // -x
	Daemon              bool
	ConfigTest          bool
}

// DefaultStartOptions is what missing options stand for.
func DefaultStartOptions() StartOptions {
	return StartOptions{
		Port: 9199, Timeout: 10, ZooKeeperTimeout: 10, InterconnectTimeout: 10, Threads: 2,
		DataDir: "/tmp", Interface: "localhost", IntervalSec: 16, IntervalCount: 512, Mixer: "linear_mixer",
	}
}

// startFields is the number of options.
const startFields = 20

// fields lists where the options are, in the order of the wire: *int, *string
// or *bool.
func (o *StartOptions) fields() [startFields]any {
	return [...]any{
		&o.Port, &o.BindAddress, &o.BindInterface, &o.Timeout, &o.ZooKeeperTimeout,
		&o.InterconnectTimeout, &o.Threads, &o.ProgramName, &o.Type, &o.ZooKeeper,
		&o.Name, &o.DataDir, &o.LogDir, &o.LogConfig, &o.Interface,
		&o.IntervalSec, &o.IntervalCount, &o.Mixer, &o.Daemon, &o.ConfigTest,
	}
}

// Append appends the options' wire form.
func (o StartOptions) Append(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, startFields)
	for _, field := range o.fields() {
		switch v := field.(type) {
		case *int:
			b = mpack.AppendInt(b, int64(*v))
		case *string:
			b = mpack.AppendRaw(b, *v)
		case *bool:
			b = mpack.AppendBool(b, *v)
		}
	}
	return b
}

// read reads the wire form. What is missing at the end keeps its value, what
// is too much is skipped.
func (o *StartOptions) read(r *mpack.Reader) error {
	n, err := r.ArrayHeader()
	if err != nil {
		return err
	}
	fields := o.fields()
	for i := range n {
		if i >= len(fields) {
			if err := r.Skip(); err != nil {
				return err
			}
			continue
		}
		switch v := fields[i].(type) {
		case *int:
			var number int32
			number, err = r.Int32()
			*v = int(number)
		case *string:
			*v, err = r.String()
		case *bool:
			*v, err = r.Bool()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// AppendStart appends the params of start: n is how many processes of the
// target are to run on the agent's machine in all.
func AppendStart(b []byte, target string, n uint32, o StartOptions) []byte {
	b = mpack.AppendArrayHeader(b, 3)
	b = mpack.AppendRaw(b, target)
	b = mpack.AppendUint(b, uint64(n))
	return o.Append(b)
}

// AppendStop appends the params of stop. Agents have never heeded n: all
// processes of the target end.
func AppendStop(b []byte, target string, n uint32) []byte {
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendRaw(b, target)
	return mpack.AppendUint(b, uint64(n))
}

// AppendServer appends the params of stop_server and restart_server: the
// server's ip_port.
func AppendServer(b []byte, id string) []byte {
	return mpack.AppendRaw(mpack.AppendArrayHeader(b, 1), id)
}

// ReadCode reads the result of any method but list. All but 0 are failures.
func ReadCode(result []byte) (int, error) {
	r := mpack.NewReader(result)
	code, err := r.Int32()
	return int(code), err
}

// State is what becomes of a child.
type State string

// The states of children.
const (
	Running  State = "running"
	Stopping State = "stopping" // as told; also the first half of a restart
	Backoff  State = "backoff"  // died, is going to be started again
	Failed   State = "failed"   // died too often, and stays so until it is started or stopped
)

// Child is a process of an agent as list tells of it.
type Child struct {
	Program  string // jubaclassifier
	Type     string // classifier
	Name     string // of the cluster
	ID       string // ip_port, as the server registers
	Port     int
	PID      int // 0 while there is no process
	State    State
	Restarts int       // since it was asked for
	Started  time.Time // of the process, or of the last there was
	Adopted  bool      // started by an agent before this one
	Error    string    // how the process before ended, if it was not told to
}

// append appends the wire form: a map of text to text.
func (c Child) append(b []byte) []byte {
	entries := [...][2]string{
		{"program", c.Program},
		{"type", c.Type},
		{"name", c.Name},
		{"id", c.ID},
		{"port", strconv.Itoa(c.Port)},
		{"pid", strconv.Itoa(c.PID)},
		{"state", string(c.State)},
		{"restarts", strconv.Itoa(c.Restarts)},
		{"started", strconv.FormatInt(c.Started.Unix(), 10)},
		{"adopted", strconv.FormatBool(c.Adopted)},
		{"error", c.Error},
	}
	b = mpack.AppendMapHeader(b, len(entries))
	for _, e := range entries {
		b = mpack.AppendRaw(b, e[0])
		b = mpack.AppendRaw(b, e[1])
	}
	return b
}

// ReadChildren reads the result of list. Entries that it does not know are
// skipped, missing ones are zero.
func ReadChildren(result []byte) ([]Child, error) {
	r := mpack.NewReader(result)
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, fmt.Errorf("read children: %w", err)
	}
	var children []Child
	for range n {
		var c Child
		if err := c.read(&r); err != nil {
			return nil, fmt.Errorf("read children: %w", err)
		}
		children = append(children, c)
	}
	return children, nil
}

func (c *Child) read(r *mpack.Reader) error {
	n, err := r.MapHeader()
	if err != nil {
		return err
	}
	for range n {
		key, err := r.String()
		if err != nil {
			return err
		}
		value, err := r.String()
		if err != nil {
			return err
		}
		if err := c.set(key, value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func (c *Child) set(key, value string) (err error) {
	switch key {
	case "program":
		c.Program = value
	case "type":
		c.Type = value
	case "name":
		c.Name = value
	case "id":
		c.ID = value
	case "port":
		c.Port, err = strconv.Atoi(value)
	case "pid":
		c.PID, err = strconv.Atoi(value)
	case "state":
		c.State = State(value)
	case "restarts":
		c.Restarts, err = strconv.Atoi(value)
	case "started":
		var seconds int64
		seconds, err = strconv.ParseInt(value, 10, 64)
		c.Started = time.Unix(seconds, 0)
	case "adopted":
		c.Adopted, err = strconv.ParseBool(value)
	case "error":
		c.Error = value
	}
	return err
}
