package visor

import (
	"slices"
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	tests := []struct {
		target, program, name string
		ok                    bool
	}{
		{"jubaclassifier/tutorial", "jubaclassifier", "tutorial", true},
		{"jubaclassifier", "jubaclassifier", "jubaclassifier", true},
		{"a/b/c", "a", "b/c", true}, // refused as a name
		{"", "", "", false},
		{"/", "", "", false},
		{"a/", "a", "", false},
		{"/b", "", "b", false},
		{"a b/c", "a b", "c", false},
		{"a/b ", "a", "b ", false},
		{"a/\tb", "a", "\tb", false},
	}
	for _, test := range tests {
		program, name, ok := parseTarget(test.target)
		if program != test.program || name != test.name || ok != test.ok {
			t.Errorf("%q: %q, %q, %v", test.target, program, name, ok)
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, want := range map[string]bool{
		"tutorial": true, "-x": true, "名前": true, strings.Repeat("n", maxName): true,
		"": false, ".": false, "..": false, "a/b": false, "../../etc": false, "a\x00b": false, "a\nb": false,
		strings.Repeat("n", maxName+1): false,
	} {
		if err := checkName(name); (err == nil) != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestCheckOptions(t *testing.T) {
	if o := DefaultStartOptions(); o.check() != nil {
		t.Errorf("the defaults: %v", o.check())
	}
	bad := map[string]func(*StartOptions){
		"-B": func(o *StartOptions) { o.BindInterface = "eth\x000" },
		"-d": func(o *StartOptions) { o.DataDir = strings.Repeat("d", maxText+1) },
		"-l": func(o *StartOptions) { o.LogDir = "\x00" },
		"-g": func(o *StartOptions) { o.LogConfig = "\x00" },
		"-x": func(o *StartOptions) { o.Mixer = "\x00" },
		"-c": func(o *StartOptions) { o.Threads = 0 },
		"-t": func(o *StartOptions) { o.Timeout = -1 },
		"-Z": func(o *StartOptions) { o.ZooKeeperTimeout = 0 },
		"-I": func(o *StartOptions) { o.InterconnectTimeout = 0 },
		"-s": func(o *StartOptions) { o.IntervalSec = -1 },
		"-i": func(o *StartOptions) { o.IntervalCount = -2 },
	}
	for option, spoil := range bad {
		o := DefaultStartOptions()
		spoil(&o)
		if err := o.check(); err == nil || !strings.Contains(err.Error(), option) {
			t.Errorf("%s: %v", option, err)
		}
	}
}

func TestArguments(t *testing.T) {
	o := DefaultStartOptions()
	o.BindInterface, o.Threads, o.LogDir = "eth0", 4, "/var/log"
	got := o.arguments("jubaclassifier", "tutorial", 9201, []string{"-z", "zk:2181"}, nil)
	want := strings.Split("jubaclassifier|-z|zk:2181|-n|tutorial|-p|9201|-B|eth0|-c|4|-t|10|-Z|10|-I|10|-d|/tmp|-l|/var/log|-g||-s|16|-i|512|-x|linear_mixer", "|")
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	got = o.arguments("jubastat", "-x", 9201, []string{"--cluster", "a:1,b:1", "--coord_slot", "none"}, []string{"-b", "127.0.0.1"})
	if head := got[:7]; !slices.Equal(head, []string{"jubastat", "--cluster", "a:1,b:1", "--coord_slot", "none", "-n", "-x"}) {
		t.Errorf("got %q", head)
	}
	if tail := got[len(got)-2:]; !slices.Equal(tail, []string{"-b", "127.0.0.1"}) {
		t.Errorf("got %q", tail)
	}
}

func TestEnvironment(t *testing.T) {
	got := environment([]string{
		"PATH=/bin", "HOME=/root", "XDG_STATE_HOME=/s", "LC_ALL=C", "TZ=UTC", "GOMAXPROCS=2",
		"LD_PRELOAD=/evil.so", "ZK=elsewhere:2181", "JUBATUS_CLUSTER=elsewhere:1", "JUBATUS_PID=1",
		"AWS_SECRET_ACCESS_KEY=x", "PATHX=1", "XHOME=1", "=odd", "nothing",
	})
	want := []string{"PATH=/bin", "HOME=/root", "XDG_STATE_HOME=/s", "LC_ALL=C", "TZ=UTC", "GOMAXPROCS=2"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestQuote(t *testing.T) {
	for text, want := range map[string]string{
		"plain/name":             "plain/name",
		"two\nlines":             `"two\nlines"`,
		"\x1b[31m":               `"\x1b[31m"`,
		strings.Repeat("a", 500): strings.Repeat("a", 300) + "...",
	} {
		if got := quote(text); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}
