package modelfile

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/google/go-cmp/cmp"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// example is a complete file: a PA classifier that learned one datum.
const example = `
6a75626174757300 0000000000000001 00000001 00000001 00000001 3001ac04
000000000000005c 000000000000005a
95 01 ce6b02c345 aa636c6173736966696572 a26d31 da0044 7b226d6574686f64
223a225041222c22636f6e766572746572223a7b226e756d5f72756c6573223a
5b7b226b6579223a222a222c2274797065223a226e756d227d5d7d7d
92 01 92 92
94 81 a578406e756d 81 00 93 cb3fd0000000000000 cb0000000000000000 cb0000000000000000
93 81 a3706f73 00 81 00 a3706f73 01
80 91 00
93 80 81a3706f73 01 91 00
93 91 00 95 00 9180 9180 9180 80 95 00 9180 9180 9180 80`

const exampleConfig = `{"method":"PA","converter":{"num_rules":[{"key":"*","type":"num"}]}}`

func packedNil() []byte { return []byte{0xc0} }

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decode(b []byte) (*File, error) { return Decode(bytes.NewReader(b), int64(len(b))) }

func TestExample(t *testing.T) {
	b := unhex(t, example)
	if len(b) != 230 {
		t.Fatalf("the example has %d bytes", len(b))
	}
	f, err := decode(b)
	if err != nil {
		t.Fatal(err)
	}
	want := System{Version: 1, Time: 0x6b02c345, Type: "classifier", ID: "m1", Config: exampleConfig}
	if diff := cmp.Diff(want, f.System); diff != "" {
		t.Errorf("system data (-want +got):\n%s", diff)
	}
	r, err := f.Model()
	if err != nil {
		t.Fatal(err)
	}
	if got := Append(nil, f.System, r.Rest()); !bytes.Equal(got, b) {
		t.Errorf("written again:\n%x\nwant:\n%x", got, b)
	}
}

// Files of the original must come out byte for byte when written again.
func TestRecordedFiles(t *testing.T) {
	paths, err := filepath.Glob("../testdata/golden/models/*.jubatus")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recorded files: %v", err)
	}
	for _, path := range paths {
		f, err := Read(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		r, err := f.Model()
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		recorded, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(Append(nil, f.System, r.Rest()), recorded) {
			t.Errorf("%s comes out differently", path)
		}
		var about struct {
			Service    string `json:"service"`
			ConfigText string `json:"config_text"`
		}
		text, err := os.ReadFile(strings.TrimSuffix(path, ".jubatus") + ".model.json")
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &about); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Parse([]byte(f.System.Config)); err != nil {
			t.Errorf("%s: configuration: %v", path, err)
		}
		if f.System.Type != about.Service || f.System.Config != about.ConfigText {
			t.Errorf("%s: type %s, configuration %s", path, f.System.Type, f.System.Config)
		}
	}
}

// seal sets a file's sizes and checksum to what its data need.
func seal(header, system, user []byte) []byte {
	b := bytes.Clone(header[:headerSize])
	binary.BigEndian.PutUint64(b[32:], uint64(len(system)))
	binary.BigEndian.PutUint64(b[40:], uint64(len(user)))
	crc := headerChecksum(b)
	crc = crc32.Update(crc, crc32.IEEETable, system)
	crc = crc32.Update(crc, crc32.IEEETable, user)
	binary.BigEndian.PutUint32(b[crcOffset:], crc)
	return append(append(b, system...), user...)
}

func TestReadErrors(t *testing.T) {
	good := unhex(t, example)
	changed := func(at int, with ...byte) []byte {
		b := bytes.Clone(good)
		copy(b[at:], with)
		return b
	}
	tests := []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "cannot read input file"},
		{"half a header", good[:47], "cannot read input file"},
		{"one byte missing", good[:229], "cannot read input file"},
		{"no model", []byte(strings.Repeat("not a model", 10)), "invalid file format"},
		{"format version", changed(15, 2), "invalid format version: 2, expected 1"},
		{"old program", changed(16, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 3),
			"cannot load model file created before v1.0.0: 0.9.3"},
		{"new program", changed(19, 2), "cannot load model file created before v1.0.0: 2.1.1"},
		{"absurd system size", changed(32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "cannot read input file"},
		{"absurd user size", changed(40, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "cannot read input file"},
		{"sizes that overflow together", changed(32,
			0x80, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0), "cannot read input file"},
		{"checksum, no padding", changed(28, 0, 0, 0, 0x0a), "invalid crc32 checksum: 3001ac04, expected a"},
		{"system data of another type", seal(good, []byte{0x01}, nil), "system data is broken"},
		{"mistyped system data", seal(good, []byte{0x91, 0xc0}, nil), "system data is broken"},
		{"cut system data", seal(good, []byte{0x95, 0x01}, nil), "insufficient bytes"},
		{"no MessagePack", seal(good, []byte{0xc1}, nil), "parse error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := decode(tt.file)
			var e *Error
			if !errors.As(err, &e) || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}

	// What follows the data does not matter, nor does a younger program.
	if _, err := decode(append(bytes.Clone(good), "junk"...)); err != nil {
		t.Errorf("with junk at the end: %v", err)
	}
	younger := changed(20, 0, 0, 0, 7)
	if f, err := decode(seal(younger, good[48:140], good[140:])); err != nil || f.Program != (Version{1, 7, 1}) {
		t.Errorf("of a younger program: %v", err)
	}
}

func TestReadWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "absent"): "cannot open input file",
		dir:                          "cannot read input file",
		pipe:                         "cannot read input file",
		"/dev/zero":                  "cannot read input file",
	} {
		if _, err := Read(path); err == nil || err.Error() != want {
			t.Errorf("Read(%s) = %v, want %s", path, err, want)
		}
	}
}

func TestCheck(t *testing.T) {
	const current = "{ \"converter\": {}, \"method\": \"PA\" }\n"
	cfg, err := config.Parse([]byte(current))
	if err != nil {
		t.Fatal(err)
	}
	system := func(version uint64, typ, cfg string) System {
		return System{Version: version, Type: typ, Config: cfg}
	}
	const same = `{"method":"PA","converter":{}}`
	tests := []struct {
		name   string
		system System
		want   string
	}{
		{"fine", system(1, "classifier", same), ""},
		{"system version first", system(2, "stat", `{}`), "invalid system data version: saved version: 2, expected 1"},
		{"then type", system(1, "stat", `{}`), "server type mismatched: stat, expected classifier"},
		{"then configuration", system(1, "classifier", "{ }"),
			"server config mismatched: { }, expected " + current},
		{"configuration that is no JSON", system(1, "classifier", "{"), "json_parser reached end of data"},
	}
	for _, tt := range tests {
		err := (&File{System: tt.system}).Check("classifier", current, cfg)
		if got := text(err); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestModelErrors(t *testing.T) {
	tests := map[string]string{
		"9201c0":     "",
		"9201c0ffff": "", // bytes behind the container
		"01":         "user data is broken",
		"8101c0":     "user data is broken",
		"9101":       "invalid user container",
		"9301c0c0":   "invalid user container",
		"9202c0":     "user data version mismatched: 2, expected 1",
		"92a131c0":   "user data is broken",
		"9201":       "insufficient bytes",
		"":           "insufficient bytes",
		"9201c1":     "parse error",
	}
	for user, want := range tests {
		_, err := (&File{User: unhex(t, user)}).Model()
		if mpack.IsCast(err) {
			t.Errorf("Model of %q: its error passes for one of a call's arguments", user)
		}
		if got := text(err); got != want {
			t.Errorf("Model of %q: got %q, want %q", user, got, want)
		}
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "127.0.0.1_9199_stat_a b..jubatus")
	system := System{Version: 1, Time: 1700000000, Type: "stat", ID: "a b.", Config: "{}\n"}
	for _, model := range []string{"a model of twenty bytes", "smaller"} {
		packed := mpack.AppendRaw(nil, model)
		if err := Write(path, system, func() []byte { return packed }); err != nil {
			t.Fatal(err)
		}
		f, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(system, f.System); diff != "" {
			t.Errorf("system data (-want +got):\n%s", diff)
		}
		r, err := f.Model()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.String(); got != model || err != nil {
			t.Errorf("model = %q, %v, want %q", got, err, model)
		}
	}
	checkFiles(t, dir, filepath.Base(path))
}

// checkFiles makes sure that a folder has these files and no others.
func checkFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestFailedWriteKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.jubatus")
	if err := Write(path, System{}, packedNil); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	err := replace(path, func(w io.Writer) error {
		io.WriteString(w, "half a mod")
		return unix.ENOSPC
	})
	var e *Error
	if !errors.As(err, &e) || e.Text != "cannot write output file" || e.Cause != unix.ENOSPC {
		t.Errorf("got %v", err)
	}
	func() {
		defer func() { recover() }()
		Write(path, System{}, func() []byte { panic("no model") })
		t.Error("Write swallows a panic")
	}()
	after, _ := os.ReadFile(path)
	if !bytes.Equal(before, after) {
		t.Error("the old file has changed")
	}
	checkFiles(t, dir, "m.jubatus")
}

// A process that dies while it writes leaves the temporary file. It is no
// obstacle and does not stay.
func TestWriteTakesRemainsOver(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.jubatus")
	remains := bytes.Repeat([]byte("remains"), 1000)
	if err := os.WriteFile(filepath.Join(dir, ".m.jubatus.tmp"), remains, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, System{}, packedNil); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err != nil {
		t.Error(err)
	}
	checkFiles(t, dir, "m.jubatus")
}

func TestOverlappingWrites(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.jubatus")
	err := replace(path, func(w io.Writer) error {
		err := Write(path, System{}, packedNil)
		const want = "cannot get the lock of file; any RPC is saving to same file?"
		if text(err) != want {
			t.Errorf("second Write = %v, want %s", err, want)
		}
		if err := Write(filepath.Join(dir, "other.jubatus"), System{}, packedNil); err != nil {
			t.Errorf("Write to another path: %v", err)
		}
		_, err = w.Write(Append(nil, System{Version: 1, ID: "first"}, packedNil()))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if f, err := Read(path); err != nil || f.System.ID != "first" {
		t.Errorf("Read = %v, %v", f, err)
	}
	checkFiles(t, dir, "m.jubatus", "other.jubatus")
}

// However writes race, the file is always complete and some write succeeds.
func TestRacingWrites(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.jubatus")
	var wg sync.WaitGroup
	var mu sync.Mutex
	succeeded := 0
	for i := range 8 {
		wg.Go(func() {
			model := mpack.AppendRaw(nil, bytes.Repeat([]byte{byte('a' + i)}, 1000*(i+1)))
			for range 10 {
				if Write(path, System{}, func() []byte { return model }) == nil {
					mu.Lock()
					succeeded++
					mu.Unlock()
				}
				if _, err := Read(path); err != nil && text(err) != "cannot open input file" {
					t.Errorf("incomplete file: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if succeeded == 0 {
		t.Error("no write has succeeded")
	}
	checkFiles(t, dir, "m.jubatus")
}

func TestWriteWhereItCannot(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "folder.jubatus")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, filepath.Join(dir, ".link.jubatus.tmp")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		filepath.Join(dir, "absent", "m.jubatus"),
		folder,
		filepath.Join(dir, "link.jubatus"),
		filepath.Join(dir, strings.Repeat("x", 300)),
	} {
		if err := Write(path, System{}, packedNil); text(err) != "cannot open output file" {
			t.Errorf("Write(%.60s) = %v", path, err)
		}
	}
	if b, _ := os.ReadFile(victim); string(b) != "precious" {
		t.Errorf("a link led Write to overwrite a file: %q", b)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(unhex(f, example))
	f.Add(Append(nil, System{Type: "stat", Config: "{}"}, packedNil()))
	f.Add([]byte("jubatus\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		// Most mutations would end at the checksum, so it is made to fit.
		if len(b) >= headerSize {
			system := binary.BigEndian.Uint64(b[32:])
			if rest := uint64(len(b) - headerSize); system <= rest {
				b = seal(b, b[headerSize:headerSize+system], b[headerSize+system:])
			}
		}
		file, err := decode(b)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Text == "" {
				t.Errorf("unexpected kind of error: %v", err)
			}
			return
		}
		if r, err := file.Model(); err == nil {
			file.System.Version = SystemVersion
			again, err := decode(Append(nil, file.System, r.Rest()))
			if err != nil {
				t.Fatalf("written again: %v", err)
			}
			if diff := cmp.Diff(file.System, again.System); diff != "" {
				t.Errorf("system data (-want +got):\n%s", diff)
			}
		}
	})
}
