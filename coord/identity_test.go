package coord_test

import (
	"testing"

	"github.com/jubatus/jubatus-go/coord"
)

func TestParseIdentity(t *testing.T) {
	tests := []struct {
		text string
		want coord.Identity // zero: an error
	}{
		{"192.168.0.1_9199", coord.Identity{Host: "192.168.0.1", Port: 9199}},
		{"192.168.0.1_9199_3", coord.Identity{Host: "192.168.0.1", Port: 9199}},
		{"localhost_80x", coord.Identity{Host: "localhost", Port: 80}},
		{"a_0000000080", coord.Identity{Host: "a", Port: 80}},
		{"a_65535", coord.Identity{Host: "a", Port: 65535}},
		{"a_65536", coord.Identity{}},
		{"a_99999999999999999999", coord.Identity{}},
		{"a_0", coord.Identity{}},
		{"a_-1", coord.Identity{}},
		{"a_", coord.Identity{}},
		{"_1", coord.Identity{}},
		{"a", coord.Identity{}},
		{"", coord.Identity{}},
	}
	for _, test := range tests {
		got, err := coord.ParseIdentity(test.text)
		if got != test.want || (err == nil) != (test.want.Port != 0) {
			t.Errorf("%q: %v, %v; want %v", test.text, got, err, test.want)
		}
	}
	id := coord.Identity{Host: "192.168.0.1", Port: 9199}
	if id.String() != "192.168.0.1_9199" || id.Addr() != "192.168.0.1:9199" {
		t.Errorf("%s, %s", id, id.Addr())
	}
}

func FuzzParseIdentity(f *testing.F) {
	for _, text := range []string{"192.168.0.1_9199", "a_1_2", "_", "a_99999999999999999999999", "\x00_1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := coord.ParseIdentity(text)
		if err != nil {
			return
		}
		if id.Host == "" || id.Port < 1 || id.Port > 65535 {
			t.Fatalf("%q is read as %+v", text, id)
		}
		if again, err := coord.ParseIdentity(id.String()); err != nil || again != id {
			t.Fatalf("%+v is written as %s and read as %+v, %v", id, id, again, err)
		}
	})
}
