package link

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestMakeLinks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "bin")
	names := []string{"jubaone", "jubatwo"}
	for _, target := range []string{"/old/jubatus", "/new/jubatus"} {
		if err := makeLinks(target, dir, names); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if got, err := os.Readlink(filepath.Join(dir, name)); got != target {
				t.Errorf("%s leads to %q, error %v; want %q", name, got, err, target)
			}
		}
	}
}

// A file that is not a link is not ours to replace, but the others are made.
func TestFileInTheWay(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "jubaone")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := makeLinks("/new/jubatus", dir, []string{"jubaone", "jubatwo"})
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v, want that the file exists", err)
	}
	if text, err := os.ReadFile(mine); string(text) != "mine" {
		t.Errorf("the file now holds %q, error %v", text, err)
	}
	if _, err := os.Readlink(filepath.Join(dir, "jubatwo")); err != nil {
		t.Error(err)
	}
}
