package member

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"pgregory.net/rapid"
)

func TestParseSlots(t *testing.T) {
	tests := []struct {
		list string
		want []Slot
		err  string // part of the message
	}{
		{list: "localhost:2379", want: []Slot{{"localhost", 2379, 2380}}},
		{list: "localhost", want: []Slot{{"localhost", 2379, 2380}}},
		{list: " 10.0.0.1 , Host-2:4000,10.0.0.3:5000/6000", want: []Slot{
			{"10.0.0.1", 2379, 2380}, {"host-2", 4000, 4001}, {"10.0.0.3", 5000, 6000}}},
		{list: "[::1]:2379,[::1]:2381", want: []Slot{{"::1", 2379, 2380}, {"::1", 2381, 2382}}},
		{list: "fe00::1,[fe00::2]", want: []Slot{{"fe00::1", 2379, 2380}, {"fe00::2", 2379, 2380}}},
		{list: "h:65535/65534", want: []Slot{{"h", 65535, 65534}}},

		{list: "", err: "this list works: localhost:2379"},
		{list: "a,,b", err: "empty"},
		{list: "a:0", err: `port "0"`},
		{list: "a:65536", err: `port "65536"`},
		{list: "a:65535", err: "a:65535/65534"},
		{list: "a:1/x", err: `port "x"`},
		{list: "a:+1", err: `port "+1"`},
		{list: "a b", err: "neither a host name"},
		{list: "http://a:2379", err: "address"},
		{list: ":2379", err: "neither a host name"},
		{list: "-a", err: "neither a host name"},
		{list: "0.0.0.0:2379", err: "no address that others can connect to"},
		{list: "fe80::1%eth0", err: "no address that others"},
		{list: "localhost:2379,localhost:2380", err: "this list works: localhost:2379,localhost:2381"},
		{list: "localhost:2379,127.0.0.1:2379", err: "this list works: localhost:2379,127.0.0.1:2381"},
		{list: "a:65534,a:65533", err: "this list works: a:65517,a:65519"},
		{list: "a,a", err: "this list works: a:2379,a:2381"},
		{list: "a:5/5", err: "this list works: a:5"},
		{list: "10.0.0.1,localhost", err: "loopback"},
		{list: "a,b,c,d,e,f,g,h,i,j", err: "at most 9"},
		{list: strings.Repeat("a", 5000), err: "longer than"},
	}
	for _, tt := range tests {
		got, err := ParseSlots(tt.list)
		if tt.want == nil {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%.40q: %v, %v, want error with %q", tt.list, got, err, tt.err)
			}
			if err != nil {
				if _, list, ok := strings.Cut(err.Error(), "this list works: "); ok {
					if _, err := ParseSlots(list); err != nil {
						t.Errorf("%.40q: the list given does not work: %v", tt.list, err)
					}
				}
			}
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%q: %v %s", tt.list, err, diff)
		}
	}
}

func TestAdvice(t *testing.T) {
	slots := []Slot{{"a", 1, 2}, {"b", 1, 2}, {"c", 1, 2}, {"d", 1, 2}}
	for n := 1; n <= 4; n++ {
		if got := Advice(slots[:n]); (got != "") != (n%2 == 0) {
			t.Errorf("%d slots: %q", n, got)
		}
	}
	if got := Advice(slots[:2]); !strings.Contains(got, "survives the loss of 0, no more than one of 1") {
		t.Error(got)
	}
}

func genSlots(t *rapid.T) []Slot {
	hosts := rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.2", "node-3", "fe00::1"})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Slot {
		port := rapid.IntRange(1, 65534).Draw(t, "port")
		s := Slot{hosts.Draw(t, "host"), port, port + 1}
		if rapid.Bool().Draw(t, "peer") {
			s.PeerPort = rapid.IntRange(1, 65535).Draw(t, "peerport")
		}
		return s
	}), 1, maxSlots).Draw(t, "slots")
}

// TestListProperties: a list that is accepted reads back as it was written,
// its order does not matter, and every message's list works.
func TestListProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := genSlots(t)
		got, err := ParseSlots(String(slots))
		if err != nil {
			_, list, ok := strings.Cut(err.Error(), "this list works: ")
			if !ok {
				t.Fatalf("no advice: %v", err)
			}
			if _, err := ParseSlots(list); err != nil {
				t.Fatalf("advice of no use: %v", err)
			}
			return
		}
		if diff := cmp.Diff(slots, got); diff != "" {
			t.Fatal(diff)
		}
		shuffled := rapid.Permutation(slots).Draw(t, "shuffled")
		if canonical(shuffled) != canonical(slots) {
			t.Fatalf("order matters: %s, %s", canonical(slots), canonical(shuffled))
		}
		if again, err := ParseSlots(canonical(slots)); err != nil || canonical(again) != canonical(slots) {
			t.Fatalf("record does not read back: %v, %v", again, err)
		}
	})
}

func FuzzParseSlots(f *testing.F) {
	f.Add("localhost:2379,[::1]:5/6")
	f.Fuzz(func(t *testing.T, list string) {
		slots, err := ParseSlots(list)
		if err != nil {
			return
		}
		if again, err := ParseSlots(String(slots)); err != nil || String(again) != String(slots) {
			t.Errorf("%q became %v, then %v, %v", list, slots, again, err)
		}
		for _, s := range slots {
			if strings.ContainsAny(s.name(), "/\x00") || s.name() == "" {
				t.Errorf("%q: folder %q", list, s.name())
			}
		}
	})
}

func addrs(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, text := range texts {
		out = append(out, netip.MustParseAddr(text))
	}
	return out
}

func TestAssign(t *testing.T) {
	m := machine{
		own: addrs("127.0.0.1", "::1", "10.0.0.2", "fe00::2"),
		names: map[string][]netip.Addr{
			"localhost": addrs("::1", "127.0.0.1"),
			"127.0.0.1": addrs("127.0.0.1"),
			"127.0.0.9": addrs("127.0.0.9"),
			"10.0.0.1":  addrs("10.0.0.1"),
			"10.0.0.2":  addrs("10.0.0.2"),
			"10.0.0.3":  addrs("10.0.0.3"),
			"node2":     addrs("127.0.1.1", "fe00::2", "10.0.0.2"),
			"debian":    addrs("127.0.1.1"),
		},
	}
	tests := []struct {
		list, flag string
		want       string // slot@listen, ...
		err        string
	}{
		{list: "localhost", want: "localhost:2379@127.0.0.1"},
		{list: "localhost:1,localhost:3,localhost:5", want: "localhost:1@127.0.0.1 localhost:3@127.0.0.1 localhost:5@127.0.0.1"},
		{list: "localhost:1,localhost:3,localhost:5", flag: "localhost:3", want: "localhost:3@127.0.0.1"},
		{list: "127.0.0.9", want: "127.0.0.9:2379@127.0.0.9"},
		{list: "10.0.0.1,10.0.0.2,10.0.0.3", want: "10.0.0.2:2379@10.0.0.2"},
		{list: "10.0.0.1,10.0.0.2,10.0.0.3", flag: "none", want: ""},
		{list: "10.0.0.1,10.0.0.2,10.0.0.3", flag: "10.0.0.2", want: "10.0.0.2:2379@10.0.0.2"},
		{list: "10.0.0.1,10.0.0.2,10.0.0.3", flag: "10.0.0.3:2379", want: "10.0.0.3:2379@0.0.0.0"},
		{list: "10.0.0.1,10.0.0.3", want: ""},
		{list: "10.0.0.1,10.0.0.3", flag: "10.0.0.2", err: "not in the cluster list 10.0.0.1:2379,10.0.0.3:2379"},
		{list: "10.0.0.1,10.0.0.3", flag: "a:b", err: `port "b"`},
		{list: "10.0.0.1,node2,unknown", want: "node2:2379@10.0.0.2"},
		{list: "10.0.0.1,debian,10.0.0.3", err: "/etc/hosts"},
		{list: "10.0.0.1,debian,10.0.0.3", flag: "debian", want: "debian:2379@0.0.0.0"},
		{list: "debian", want: "debian:2379@127.0.1.1"},
		{list: "unknown", want: ""},
		{list: "unknown", flag: "UNKNOWN:2379", want: "unknown:2379@0.0.0.0"},
	}
	for _, tt := range tests {
		slots, err := ParseSlots(tt.list)
		if err != nil {
			t.Fatal(err)
		}
		got, err := assign(slots, m, tt.flag)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s %s: %v, want %q", tt.list, tt.flag, err, tt.err)
			}
			continue
		}
		var texts []string
		for _, a := range got {
			texts = append(texts, a.Addr()+"@"+a.listen.String())
		}
		if strings.Join(texts, " ") != tt.want || err != nil {
			t.Errorf("%s %s: %q, %v, want %q", tt.list, tt.flag, texts, err, tt.want)
		}
	}
}

// TestAssignProperties: no flag ever yields a foreign slot, and whatever
// machines there are, no slot is assigned to two of them.
func TestAssignProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pool := addrs("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5")
		owner := make(map[netip.Addr]int)
		names := make(map[string][]netip.Addr)
		var slots []Slot
		for _, a := range pool {
			owner[a] = rapid.IntRange(0, 2).Draw(t, "machine")
			names[a.String()] = []netip.Addr{a}
			slots = append(slots, Slot{a.String(), 2379, 2380})
		}
		seen := make(map[Slot]bool)
		for n := range 3 {
			m := machine{own: addrs("127.0.0.1"), names: names}
			for a, o := range owner {
				if o == n {
					m.own = append(m.own, a)
				}
			}
			got, err := assign(slots, m, "")
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range got {
				if owner[netip.MustParseAddr(a.Host)] != n || a.listen.String() != a.Host || seen[a.Slot] {
					t.Fatalf("machine %d got %v", n, a)
				}
				seen[a.Slot] = true
			}
		}
		if len(seen) != len(slots) {
			t.Fatalf("slots of nobody: %v", seen)
		}
	})
}

func TestDecide(t *testing.T) {
	tests := []struct {
		locked   bool
		recorded string
		want     step
	}{
		{false, "", standBy},
		{false, "a", standBy},
		{false, "b", refuse},
		{true, "", found},
		{true, "a", resume},
		{true, "b", refuse},
	}
	for _, tt := range tests {
		if got := decide(tt.locked, tt.recorded, "a"); got != tt.want {
			t.Errorf("locked %v, recorded %q: %v, want %v", tt.locked, tt.recorded, got, tt.want)
		}
	}
}

func TestDiffer(t *testing.T) {
	slots := []Slot{{"a", 1, 2}, {"b", 3, 4}}
	for members, want := range map[string]bool{
		"http://a:2 http://b:4":            false,
		"http://b:4 http://a:2":            false,
		"http://a:2":                       true,
		"http://a:2 http://c:4":            true,
		"http://a:2 http://b:4 http://c:5": true,
		"":                                 true,
	} {
		if got := differ(strings.Fields(members), slots); got != want {
			t.Errorf("%s: %v", members, got)
		}
	}
	if got := describe([]string{"http://b:4", "http://a:2"}); got != "a:1,b:3" {
		t.Error(got)
	}
	if got := describe([]string{"https://b"}); got != "https://b" {
		t.Error(got)
	}
}

// TestConfigure: machines that were given the same list found the same
// ensemble.
func TestConfigure(t *testing.T) {
	slots, err := ParseSlots("10.0.0.1,10.0.0.2:4000/5000,node3")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s Slot, listen string, slots ...Slot) (string, []string) {
		c := configure(assignment{s, netip.MustParseAddr(listen)}, slots, "/nowhere")
		c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
		if c.UnsafeNoFsync || !c.PreVote {
			t.Error("unsafe")
		}
		return c.InitialClusterToken, []string{c.ListenClientUrls[0].Host, c.ListenPeerUrls[0].Host,
			c.AdvertiseClientUrls[0].Host, c.AdvertisePeerUrls[0].Host, c.InitialCluster}
	}
	token, urls := at(slots[2], "10.0.0.3", slots...)
	other, _ := at(slots[0], "10.0.0.1", slots[2], slots[0], slots[1])
	fewer, _ := at(slots[0], "10.0.0.1", slots[:2]...)
	if token != other || token == fewer {
		t.Errorf("tokens %s, %s, %s", token, other, fewer)
	}
	want := []string{"10.0.0.3:2379", "10.0.0.3:2380", "node3:2379", "node3:2380",
		"10.0.0.1_2379=http://10.0.0.1:2380,10.0.0.2_4000=http://10.0.0.2:5000,node3_2379=http://node3:2380"}
	if diff := cmp.Diff(want, urls, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestDefaultDir(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/state")
	if got, err := DefaultDir(); got != "/state/jubatus/coord" || err != nil {
		t.Error(got, err)
	}
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", "/home/u")
	if got, err := DefaultDir(); got != "/home/u/.local/state/jubatus/coord" || err != nil {
		t.Error(got, err)
	}
	t.Setenv("HOME", "")
	if got, err := DefaultDir(); err == nil {
		t.Error(got)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	s := Slot{"::1", 2379, 2380}
	a, err := openFolder(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	b, err := openFolder(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	if ok, err := a.tryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if ok, err := b.tryLock(); ok || err != nil {
		t.Fatal("locked twice", err)
	}
	if list, err := b.recorded(); list != "" || err != nil {
		t.Fatal(list, err)
	}
	if err := a.record("x,y"); err != nil {
		t.Fatal(err)
	}
	if list, err := b.recorded(); list != "x,y" || err != nil {
		t.Fatal(list, err)
	}
	if err := a.unlock(); err != nil {
		t.Fatal(err)
	}
	if ok, err := b.tryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, err := openFolder("/proc/nowhere", s); err == nil {
		t.Error("made a folder in /proc")
	} else if errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}
