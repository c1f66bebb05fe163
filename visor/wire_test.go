package visor

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// TestStartParams compares with what the original's controller sends.
func TestStartParams(t *testing.T) {
	o := DefaultStartOptions()
	o.BindInterface, o.Threads, o.ProgramName = "eth0", 4, "classifier"
	o.ZooKeeper, o.Name = "127.0.0.1:21100", "jubaclassifier/tutorial"
	text := func(s string) string { return hex.EncodeToString(mpack.AppendRaw(nil, s)) }
	want := "93" + text("jubaclassifier/tutorial") + "02" + "dc0014" + "cd23ef" + "a0" + text("eth0") + "0a0a0a04" +
		text("classifier") + "a0" + text("127.0.0.1:21100") + text("jubaclassifier/tutorial") + text("/tmp") + "a0a0" +
		text("localhost") + "10" + "cd0200" + text("linear_mixer") + "c2c2"
	if got := hex.EncodeToString(AppendStart(nil, "jubaclassifier/tutorial", 2, o)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := hex.EncodeToString(AppendStop(nil, "a/b", 3)); got != "92a3612f6203" {
		t.Errorf("stop: %s", got)
	}
}

func TestStartOptions(t *testing.T) {
	whole := StartOptions{
		Port: 1, BindAddress: "a", BindInterface: "b", Timeout: 2, ZooKeeperTimeout: 3, InterconnectTimeout: 4, Threads: 5,
		ProgramName: "c", Type: "d", ZooKeeper: "e", Name: "f", DataDir: "g", LogDir: "h", LogConfig: "i", Interface: "j",
		IntervalSec: 6, IntervalCount: 7, Mixer: "k", Daemon: true, ConfigTest: true,
	}
	r := mpack.NewReader(whole.Append(nil))
	var got StartOptions
	if err := got.read(&r); err != nil || got != whole || r.Len() != 0 {
		t.Errorf("%v, %d bytes left: %s", err, r.Len(), cmp.Diff(whole, got))
	}

	short := mpack.AppendArrayHeader(nil, 3)
	short = mpack.AppendInt(short, 1)
	short = mpack.AppendRaw(short, "")
	short = mpack.AppendRaw(short, "lo")
	r = mpack.NewReader(short)
	want := DefaultStartOptions()
	want.Port, want.BindInterface = 1, "lo"
	got = DefaultStartOptions()
	if err := got.read(&r); err != nil || got != want {
		t.Errorf("the first three: %v: %s", err, cmp.Diff(want, got))
	}

	long := append(mpack.AppendArrayHeader(nil, 21), whole.Append(nil)[3:]...)
	r = mpack.NewReader(mpack.AppendRaw(long, "of a later version"))
	if err := got.read(&r); err != nil || got != whole || r.Len() != 0 {
		t.Errorf("one more: %v, %d bytes left", err, r.Len())
	}

	r = mpack.NewReader(mpack.AppendRaw(mpack.AppendArrayHeader(nil, 1), "no number"))
	if err := got.read(&r); !mpack.IsCast(err) {
		t.Errorf("a text for a number: %v", err)
	}
}

func TestChildren(t *testing.T) {
	want := []Child{
		{
			Program: "jubaclassifier", Type: "classifier", Name: "tutorial", ID: "10.0.0.1_9199", Port: 9199, PID: 77,
			State: Running, Restarts: 2, Started: time.Unix(1700000000, 0), Adopted: true, Error: "signal: killed",
		},
		{Program: "jubastat", Type: "stat", Name: "s", ID: "10.0.0.1_9200", Port: 9200, State: Failed, Started: time.Unix(0, 0)},
	}
	b := mpack.AppendArrayHeader(nil, len(want))
	for _, c := range want {
		b = c.append(b)
	}
	got, err := ReadChildren(b)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}

	b = mpack.AppendMapHeader(mpack.AppendArrayHeader(nil, 1), 2)
	for _, s := range []string{"name", "x", "of a later version", "y"} {
		b = mpack.AppendRaw(b, s)
	}
	if got, err := ReadChildren(b); err != nil || len(got) != 1 || got[0].Name != "x" {
		t.Errorf("an unknown entry: %v, %v", got, err)
	}
	b = mpack.AppendMapHeader(mpack.AppendArrayHeader(nil, 1), 1)
	b = mpack.AppendRaw(mpack.AppendRaw(b, "pid"), "x")
	if _, err := ReadChildren(b); err == nil || !strings.Contains(err.Error(), "pid") {
		t.Errorf("a pid that is none: %v", err)
	}
}

func FuzzStartOptions(f *testing.F) {
	f.Add(DefaultStartOptions().Append(nil))
	f.Add([]byte{0x91, 0xc0})
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := mpack.NewReader(b)
		o := DefaultStartOptions()
		if o.read(&r) != nil {
			return
		}
		r = mpack.NewReader(o.Append(nil))
		var again StartOptions
		if err := again.read(&r); err != nil || again != o {
			t.Errorf("%v: %+v is not %+v", err, again, o)
		}
	})
}

func FuzzReadChildren(f *testing.F) {
	f.Add(Child{Name: "x", State: Running}.append([]byte{0x91}))
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		children, err := ReadChildren(b)
		if err != nil {
			return
		}
		out := mpack.AppendArrayHeader(nil, len(children))
		for _, c := range children {
			out = c.append(out)
		}
		again, err := ReadChildren(out)
		if err != nil || len(again) != len(children) || !bytes.Equal(out, func() []byte {
			b := mpack.AppendArrayHeader(nil, len(again))
			for _, c := range again {
				b = c.append(b)
			}
			return b
		}()) {
			t.Errorf("%v: %v is not %v", err, again, children)
		}
	})
}
