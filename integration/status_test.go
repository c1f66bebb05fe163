package integration

import (
	"maps"
	"slices"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// statusOf asks a server, with somebody else's decoder.
func statusOf(t testing.TB, s *server) map[string]string {
	t.Helper()
	result, err := s.dial(t).CallArgs(t.Context(), "get_status", "")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]map[string]string
	if err := msgpack.Unmarshal(result, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 {
		t.Fatalf("status of %d nodes, want 1", len(all))
	}
	for _, status := range all {
		return status
	}
	return nil
}

func TestStatus(t *testing.T) {
	s := serve(t, "jubaclassifier", linear, "-t", "7", "-c", "3")
	status := statusOf(t, s)
	want := map[string]string{
		"PROGNAME": "jubaclassifier", "VERSION": "1.1.1", "type": "classifier", "timeout": "7", "threadnum": "3",
		"datadir": s.dir, "logdir": "", "log_config": "", "is_standalone": "1", "update_count": "0",
		"last_saved": "0", "last_saved_path": "", "num_features": "0", "num_classes": "0", "storage": "local_storage",
	}
	for key, value := range want {
		if status[key] != value {
			t.Errorf("%s is %q, want %q", key, status[key], value)
		}
	}
	if len(status) != 37 {
		t.Errorf("%d keys, want 37: %q", len(status), slices.Sorted(maps.Keys(status)))
	}
	s.stop(t)
}
