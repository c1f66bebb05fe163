package visor

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jubatus/jubatus-go/coord"
)

const (
	// maxName leaves room for the rest in the name of a log file.
	maxName = 200
	// maxText bounds the texts among the options.
	maxText = 4096
)

// id is the name by which the server registers.
func (s *server) id() string { return coord.Identity{Host: s.Host, Port: s.Port}.String() }

// label is how the log calls the server.
func (s *server) label() string { return s.Program + "/" + s.Name + ":" + strconv.Itoa(s.Port) }

// parseTarget splits program/name. Without a slash both are the whole.
func parseTarget(target string) (program, name string, ok bool) {
	program, name, found := strings.Cut(target, "/")
	if !found {
		name = program
	}
	ok = program != "" && name != "" && !strings.ContainsAny(target, " \t\n\v\f\r")
	return program, name, ok
}

// checkName refuses names that can neither be in the tree nor in a file's name.
func checkName(name string) error {
	if !coord.ValidName(name) || len(name) > maxName {
		return fmt.Errorf("%q cannot be the name of a cluster", name)
	}
	return nil
}

// check refuses options with which no server would start.
func (o *StartOptions) check() error {
	for _, text := range []struct{ option, value string }{
		{"-B", o.BindInterface}, {"-d", o.DataDir}, {"-l", o.LogDir}, {"-g", o.LogConfig}, {"-x", o.Mixer},
	} {
		if strings.ContainsRune(text.value, 0) || len(text.value) > maxText {
			return fmt.Errorf("the value of %s is no text that a program can be given", text.option)
		}
	}
	for _, number := range []struct {
		option     string
		value, low int
	}{
		{"-c", o.Threads, 1},
		{"-t", o.Timeout, 0},
		{"-Z", o.ZooKeeperTimeout, 1},
		{"-I", o.InterconnectTimeout, 1},
		{"-s", o.IntervalSec, 0},
		{"-i", o.IntervalCount, 0},
	} {
		if number.value < number.low {
			return fmt.Errorf("%s is %d, which is less than %d", number.option, number.value, number.low)
		}
	}
	return nil
}

// arguments is the command line of a server: where the coordination service
// is, what the controller said, and what the agent adds.
func (o *StartOptions) arguments(program, name string, port int, where, more []string) []string {
	args := append([]string{program}, where...)
	args = append(args,
		"-n", name,
		"-p", strconv.Itoa(port),
		"-B", o.BindInterface,
		"-c", strconv.Itoa(o.Threads),
		"-t", strconv.Itoa(o.Timeout),
		"-Z", strconv.Itoa(o.ZooKeeperTimeout),
		"-I", strconv.Itoa(o.InterconnectTimeout),
		"-d", o.DataDir,
		"-l", o.LogDir,
		"-g", o.LogConfig,
		"-s", strconv.Itoa(o.IntervalSec),
		"-i", strconv.Itoa(o.IntervalCount),
		"-x", o.Mixer,
	)
	return append(args, more...)
}
