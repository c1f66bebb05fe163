package learner

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/learner/modelfile"
)

// sum asks for a sum; the text is the error's if there is one.
func (r *running) sum(t *testing.T, key string) (float64, string) {
	t.Helper()
	result, failure := r.call(t, "sum", "", key)
	if failure != "" {
		return 0, failure
	}
	v, err := result.Float64()
	if err != nil {
		t.Fatal(err)
	}
	return v, ""
}

func TestSaveAndLoad(t *testing.T) {
	r := start(t)
	r.must(t, "push", "", "k", 1.5)

	const id = "a b..~"
	result := r.must(t, "save", "", id)
	if n, err := result.MapHeader(); n != 1 || err != nil {
		t.Fatalf("save: %d entries, %v", n, err)
	}
	node, _ := result.String()
	path, _ := result.String()
	want := filepath.Join(r.opts.DataDir, r.opts.id()+"_stat_"+id+".jubatus")
	if node != r.opts.id() || path != want {
		t.Errorf("save = {%s: %s}, want {%s: %s}", node, path, r.opts.id(), want)
	}
	f, err := modelfile.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if f.System.Type != "stat" || f.System.ID != id || f.System.Config != configText || f.System.Time == 0 {
		t.Errorf("system data = %+v", f.System)
	}

	r.must(t, "push", "", "k", 1)
	r.must(t, "push", "", "other", 1)
	loaded := r.must(t, "load", "", id)
	if ok, err := loaded.Bool(); !ok || err != nil {
		t.Errorf("load = %v, %v", ok, err)
	}
	if v, failure := r.sum(t, "k"); v != 1.5 || failure != "" {
		t.Errorf("sum(k) = %v, %s", v, failure)
	}
	if _, failure := r.sum(t, "other"); failure != "sum: key other not found" {
		t.Errorf("sum(other): %s", failure)
	}
	r.log.inOrder(t, "INFO starting save to "+path, "INFO saved to "+path,
		"INFO starting load from "+path, "INFO loaded from "+path)

	status := r.status(t)
	for _, what := range []string{"saved", "loaded"} {
		if status["last_"+what] == "0" || status["last_"+what+"_path"] != path {
			t.Errorf("last_%s = %s, %s", what, status["last_"+what], status["last_"+what+"_path"])
		}
	}

	// An existing file is overwritten.
	r.must(t, "clear", "")
	r.must(t, "save", "", id)
	r.must(t, "load", "", id)
	if _, failure := r.sum(t, "k"); failure == "" {
		t.Error("the first save is still there")
	}
}

func TestModelIDs(t *testing.T) {
	r := start(t)
	tests := map[string]string{
		"":           "empty id is not allowed",
		"a/b":        "model ID contains invalid character",
		"a\x1fb":     "model ID contains invalid character",
		"a\x7f":      "model ID contains invalid character",
		"caf\u00e9":  "model ID contains invalid character",
		"\x00":       "model ID contains invalid character",
		"../..":      "model ID contains invalid character",
		"..":         "",
		" ~!\"#$%&'": "",
	}
	for id, want := range tests {
		if _, got := r.call(t, "save", "", id); got != want {
			t.Errorf("save(%q): %q, want %q", id, got, want)
		}
		if _, got := r.call(t, "load", "", id); got != want {
			t.Errorf("load(%q): %q, want %q", id, got, want)
		}
	}
	if _, got := r.call(t, "load", "", "absent"); got != "cannot open input file" {
		t.Errorf("load(absent): %q", got)
	}
}

// A save that fails leaves the file of the one before, and nothing else.
func TestFailedSave(t *testing.T) {
	r := start(t)
	r.must(t, "push", "", "k", 1)
	r.must(t, "save", "", "m")
	path, _ := r.modelPath("m")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	saved := r.status(t)["last_saved_path"]

	// Another process is saving under the same name.
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	f, err := os.Create(temporary)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	r.must(t, "push", "", "k", 1)
	const want = "cannot get the lock of file; any RPC is saving to same file?"
	if _, failure := r.call(t, "save", "", "m"); failure != want {
		t.Errorf("save: %q, want %q", failure, want)
	}
	f.Close()

	// The folder is gone for a while.
	dir := r.opts.DataDir
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	if _, failure := r.call(t, "save", "", "m"); failure != "cannot open output file" {
		t.Errorf("save: %q", failure)
	}
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file has changed, or is gone: %v", err)
	}
	if got := r.status(t)["last_saved_path"]; got != saved {
		t.Errorf("last_saved_path = %s, want %s", got, saved)
	}
}

// A load that fails changes nothing.
func TestFailedLoad(t *testing.T) {
	r := start(t)
	r.must(t, "push", "", "k", 1)
	file := func(s modelfile.System, model ...byte) []byte { return modelfile.Append(nil, s, model) }
	good := modelfile.System{Type: "stat", ID: "m", Config: `{"window_size":128}`}
	other := good
	other.Type = "classifier"
	window := good
	window.Config = `{"window_size":129}`
	broken := file(good, 0x80)
	broken[len(broken)-1]++
	tests := []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "cannot read input file"},
		{"text", []byte(strings.Repeat("text", 20)), "invalid file format"},
		{"bad checksum", broken, "invalid crc32 checksum: "},
		{"another type", file(other, 0x80), "server type mismatched: classifier, expected stat"},
		{"another configuration", file(window, 0x80),
			`server config mismatched: {"window_size":129}, expected ` + configText},
		{"not the engine's model", file(good, 0x93, 1, 2, 3), "user data is broken"},
		{"half a model", file(good, 0x82, 0xa1, 'k', 5, 0xa1, 'j', 0xc0), "user data is broken"},
		{"cut model", file(good, 0x82, 0xa1, 'k'), "insufficient bytes"},
	}
	path, err := r.modelPath("bad")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		if err := os.WriteFile(path, tt.file, 0o600); err != nil {
			t.Fatal(err)
		}
		_, failure := r.call(t, "load", "", "bad")
		if !strings.HasPrefix(failure, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, failure, tt.want)
		}
		if v, failure := r.sum(t, "k"); v != 1 || failure != "" {
			t.Errorf("%s: the model has changed: %v, %s", tt.name, v, failure)
		}
	}
	status := r.status(t)
	if diff := cmp.Diff([]string{"0", ""}, []string{status["last_loaded"], status["last_loaded_path"]}); diff != "" {
		t.Errorf("last_loaded (-want +got):\n%s", diff)
	}

	// White space and the like do not matter.
	if err := os.WriteFile(path, file(good, 0x81, 0xa1, 'k', 7), 0o600); err != nil {
		t.Fatal(err)
	}
	r.must(t, "load", "", "bad")
	if v, _ := r.sum(t, "k"); v != 7 {
		t.Errorf("sum = %v, want 7", v)
	}
}

func TestStartFromModel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "any name")
	const text = `{"window_size": 5}`
	b := modelfile.Append(nil, modelfile.System{Type: "stat", ID: "m", Config: text}, []byte{0x81, 0xa1, 'k', 7})
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, func(o *Options) { o.ModelPath = path })
	if v, failure := r.sum(t, "k"); v != 7 || failure != "" {
		t.Errorf("sum = %v, %s", v, failure)
	}
	result := r.must(t, "get_config", "")
	if got, _ := result.String(); got != text {
		t.Errorf("get_config = %s", got)
	}
	status := r.status(t)
	if status["last_loaded"] == "0" || status["last_loaded_path"] != path ||
		status["update_count"] != "0" || status["configpath"] != r.opts.ConfigPath {
		t.Errorf("status = %v", status)
	}
	r.log.inOrder(t, "INFO both model file and configuration are specified; using configuration from model file",
		"INFO starting load from "+path, "INFO loaded from "+path, "INFO start listening")
}
