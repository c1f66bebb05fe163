package visor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// DefaultStateDir is where agents remember their children unless told
// otherwise: $XDG_STATE_HOME/jubatus/visor, or ~/.local/state/jubatus/visor.
func DefaultStateDir() (string, error) {
	state := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("folder for the state of the agent: %w", err)
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "jubatus", "visor"), nil
}

// memory is what an agent leaves to the next: a file with its children.
type memory struct {
	path    string
	written string // what the file holds
}

// remembered is the content of the file.
type remembered struct {
	Boot     string   `json:"boot"`  // of the machine: process ids are valid within one
	Where    []string `json:"where"` // the coordination service that the children were given
	Children []*child `json:"children"`
}

// load reads what the agent before us left. Without a file that is nothing.
func (m *memory) load() (remembered, error) {
	var r remembered
	text, err := os.ReadFile(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("read children: %w", err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return remembered{}, fmt.Errorf("read children from %s: %w", m.path, err)
	}
	return r, nil
}

// setAside renames a file that cannot be read and returns its new name.
func (m *memory) setAside() string {
	path := m.path + ".bad"
	if os.Rename(m.path, path) != nil {
		return m.path
	}
	return path
}

// save replaces the file if there is anything new.
func (m *memory) save(r remembered) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return fmt.Errorf("note children: %w", err)
	}
	if string(text) == m.written {
		return nil
	}
	if err := replace(m.path, text); err != nil {
		return fmt.Errorf("note children: %w", err)
	}
	m.written = string(text)
	return nil
}

// replace writes a file that is either the old or the new one, whatever
// happens meanwhile.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
