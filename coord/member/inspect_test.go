package member

import (
	"os"
	"testing"
	"time"
)

func TestInspect(t *testing.T) {
	list := freeList(t, 1)
	slots := parse(t, list)
	p := spawn(t, list, t.TempDir(), slots[0].Addr())
	p.expect(t, "hosting", 20*time.Second)
	connect(t, list)

	vacant := parse(t, freeList(t, 1))[0]
	reports := Inspect(t.Context(), []Slot{slots[0], vacant}, 2*time.Second)
	r := reports[0]
	if r.Err != nil || r.Slot != slots[0] || !r.Leader || r.Version == "" || r.Size <= 0 || r.InUse <= 0 {
		t.Errorf("report %+v", r)
	}
	if r.Host.PID != p.cmd.Process.Pid || r.Host.Program != programName(os.Args[:1]) || r.Host.Since.IsZero() {
		t.Errorf("host %+v, want %s, pid %d", r.Host, os.Args[0], p.cmd.Process.Pid)
	}
	if r := reports[1]; r.Err == nil || r.Slot != vacant || r.Version != "" {
		t.Errorf("report of a vacant slot %+v", r)
	}
}

func TestProgramName(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, ""},
		{[]string{"/opt/bin/jubavisor", "-d"}, "jubavisor"},
		{[]string{"jubatus"}, "jubatus"},
		{[]string{"./jubatus", "jubaclassifier", "-n", "x"}, "jubaclassifier"},
	} {
		if got := programName(test.args); got != test.want {
			t.Errorf("%q: %q, want %q", test.args, got, test.want)
		}
	}
}
