package zookeeper

import (
	"slices"
	"testing"
)

func TestParseHosts(t *testing.T) {
	tests := []struct {
		text  string
		hosts []string
		root  string
	}{
		{"localhost:2181", []string{"localhost:2181"}, ""},
		{"localhost", []string{"localhost:2181"}, ""},
		{"a:1,b,c:3", []string{"a:1", "b:2181", "c:3"}, ""},
		{"a:1,b:2/app/x", []string{"a:1", "b:2"}, "/app/x"},
		{"a:1/", []string{"a:1"}, ""},
	}
	for _, test := range tests {
		hosts, root, err := parseHosts(test.text)
		if err != nil || !slices.Equal(hosts, test.hosts) || root != test.root {
			t.Errorf("%q: %q, %q, %v", test.text, hosts, root, err)
		}
	}
}

// TestHostsPause: two rounds at once, then one a second; and after a success
// from the beginning.
func TestHostsPause(t *testing.T) {
	var h hostProvider
	if err := h.Init([]string{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for i, pause := range []bool{false, false, false, false, true, false, true, false} {
			server, got := h.Next()
			if want := []string{"a", "b"}[i%2]; server != want || got != pause {
				t.Errorf("try %d: %s, pause %v; want %s, %v", i, server, got, want, pause)
			}
		}
		h.Connected()
	}
}
