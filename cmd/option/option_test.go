package option

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type values struct {
	Port, Threads int
	Dir, Mixer    string
	Daemon, Test  bool
}

func sample() (*Set, func() values) {
	s := New("./prog")
	port := s.Int("rpc-port", 'p', "port number", 9199, Range(1, 65535))
	threads := s.Int("thread", 'c', "threads", 2, Min(1))
	dir := s.String("datadir", 'd', "directory", "/tmp")
	mixer := s.String("mixer", 'x', "mixer strategy", "linear_mixer", "linear_mixer", "skip_mixer")
	daemon := s.Bool("daemon", 'D', "detach")
	test := s.Bool("config_test", 'T', "test")
	return s, func() values { return values{*port, *threads, *dir, *mixer, *daemon, *test} }
}

func TestParse(t *testing.T) {
	type change = func(*values)
	tests := []struct {
		args []string
		want string // error
		set  change
	}{
		{[]string{}, "", nil},
		{[]string{"-p", "80"}, "", func(v *values) { v.Port = 80 }},
		{[]string{"--rpc-port", "80"}, "", func(v *values) { v.Port = 80 }},
		{[]string{"--rpc-port=80"}, "", func(v *values) { v.Port = 80 }},
		{[]string{"-p", " \t+80"}, "", func(v *values) { v.Port = 80 }},
		{[]string{"-p", "80", "--rpc-port=81"}, "", func(v *values) { v.Port = 81 }},
		{[]string{"-Td", "x"}, "", func(v *values) { v.Test, v.Dir = true, "x" }},
		{[]string{"-DT"}, "", func(v *values) { v.Daemon, v.Test = true, true }},
		{[]string{"-d", "--daemon"}, "", func(v *values) { v.Dir = "--daemon" }},
		{[]string{"-d", ""}, "", func(v *values) { v.Dir = "" }},
		{[]string{"--datadir="}, "", func(v *values) { v.Dir = "" }},
		{[]string{"--datadir=a=b"}, "", func(v *values) { v.Dir = "a=b" }},
		{[]string{"some", "-", "thing", "-D"}, "", func(v *values) { v.Daemon = true }},
		{[]string{"-x", "skip_mixer"}, "", func(v *values) { v.Mixer = "skip_mixer" }},
		{[]string{"-p9199"}, "option needs value: --rpc-port", nil},
		{[]string{"-p=9199"}, "option needs value: --rpc-port", nil},
		{[]string{"-p"}, "option needs value: --rpc-port", nil},
		{[]string{"--rpc-port"}, "option needs value: --rpc-port", nil},
		{[]string{"--bogus"}, "undefined option: --bogus", nil},
		{[]string{"--bogus=3"}, "undefined option: --bogus", nil},
		{[]string{"--"}, "undefined option: --", nil},
		{[]string{"-q"}, "undefined short option: -q", nil},
		{[]string{"-qp", "80"}, "undefined short option: -q", func(v *values) { v.Port = 80 }},
		{[]string{"-h"}, "undefined short option: -h", nil},
		{[]string{"--thread=0"}, "option value is invalid: --thread=0", nil},
		{[]string{"-c", "-1"}, "option value is invalid: --thread=-1", nil},
		{[]string{"-c", "2x"}, "option value is invalid: --thread=2x", nil},
		{[]string{"-c", ""}, "option value is invalid: --thread=", nil},
		{[]string{"-c", "1_0"}, "option value is invalid: --thread=1_0", nil},
		{[]string{"-c", "0x1"}, "option value is invalid: --thread=0x1", nil},
		{[]string{"-c", "2147483648"}, "option value is invalid: --thread=2147483648", nil},
		{[]string{"-p", "65536"}, "option value is invalid: --rpc-port=65536", nil},
		{[]string{"-x", "foo"}, "option value is invalid: --mixer=foo", nil},
		{[]string{"--daemon=1"}, "option value is invalid: --daemon=1", nil},
		{[]string{"--bogus", "-q", "-c", "0"}, "undefined option: --bogus", nil},
		{[]string{"--bogus", "--help"}, ErrHelp.Error(), nil},
		{[]string{"-D?"}, ErrHelp.Error(), func(v *values) { v.Daemon = true }},
	}
	for _, test := range tests {
		s, got := sample()
		err := s.Parse(test.args)
		if (err == nil) != (test.want == "") || err != nil && err.Error() != test.want {
			t.Errorf("Parse(%q): error %v, want %q", test.args, err, test.want)
		}
		want := values{9199, 2, "/tmp", "linear_mixer", false, false}
		if test.set != nil {
			test.set(&want)
		}
		if diff := cmp.Diff(want, got()); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", test.args, diff)
		}
	}
}

func TestRequired(t *testing.T) {
	declare := func() *Set {
		s := New("jubactl")
		s.Required("server", 's', "server program")
		s.Required("cmd", 'c', "command", "start", "stop")
		s.Bool("debug", 'd', "debug mode")
		return s
	}
	tests := []struct {
		args []string
		want string
	}{
		{nil, ErrHelp.Error()},
		{[]string{"-d"}, "need option: --cmd"},
		{[]string{"-c", "stop"}, "need option: --server"},
		{[]string{"-c", "go"}, "option value is invalid: --cmd=go"},
	}
	for _, test := range tests {
		if err := declare().Parse(test.args); err == nil || err.Error() != test.want {
			t.Errorf("Parse(%q): error %v, want %q", test.args, err, test.want)
		}
	}
	if err := declare().Parse([]string{"-s", "x", "-c", "start"}); err != nil {
		t.Error(err)
	}
	want := "usage: jubactl --server=string --cmd=string [options] ... \n" +
		"options:\n" +
		"  -s, --server    server program (string)\n" +
		"  -c, --cmd       command (string)\n" +
		"  -d, --debug     debug mode\n" +
		"  -?, --help      print this message\n"
	if diff := cmp.Diff(want, declare().Usage()); diff != "" {
		t.Error(diff)
	}
}

func TestUsage(t *testing.T) {
	s, _ := sample()
	s.String("cluster", 0, "cluster members", "")
	want := "usage: ./prog [options] ... \n" +
		"options:\n" +
		"  -p, --rpc-port       port number (int [=9199])\n" +
		"  -c, --thread         threads (int [=2])\n" +
		"  -d, --datadir        directory (string [=/tmp])\n" +
		"  -x, --mixer          mixer strategy (string [=linear_mixer])\n" +
		"  -D, --daemon         detach\n" +
		"  -T, --config_test    test\n" +
		"      --cluster        cluster members (string [=])\n" +
		"  -?, --help           print this message\n"
	if diff := cmp.Diff(want, s.Usage()); diff != "" {
		t.Error(diff)
	}
}

func TestArgs(t *testing.T) {
	s, _ := sample()
	if err := s.Parse([]string{"-Dd", "x", "-p", "7"}); err != nil {
		t.Fatal(err)
	}
	if got, want := s.Args(), []string{"--rpc-port=7", "--datadir=x"}; !slices.Equal(got, want) {
		t.Errorf("Args() = %q, want %q", got, want)
	}
	if !s.Given("daemon") || s.Given("thread") || s.Given("bogus") {
		t.Error("Given does not tell what was on the command line")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("-Td", "x", "--rpc-port=3")
	f.Add("--", "-", "-p9199")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		s, got := sample()
		if err := s.Parse([]string{a, b, c}); err != nil && !errors.Is(err, ErrHelp) && err.Error() == "" {
			t.Error("an error without text")
		}
		if v := got(); v.Port < 1 || v.Port > 65535 || v.Threads < 1 {
			t.Errorf("values out of range: %+v", v)
		}
	})
}
