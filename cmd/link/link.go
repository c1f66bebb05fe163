// Package link is the command "jubatus link": the one program under the names
// that scripts and process agents call.
package link

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"
)

// Command returns the command; names are the programs to make links for.
func Command(names func() []string) *cli.Command {
	return &cli.Command{
		Name:      "link",
		Usage:     "make a symbolic link for each program in a folder",
		ArgsUsage: "DIR",
		Description: "After this DIR/jubaclassifier, DIR/jubaconv and so on are this program. Links are\n" +
			"replaced, other files are left alone and make the command fail.",
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return cli.Exit("jubatus link: one argument is needed: the folder", 1)
			}
			self, err := os.Executable()
			if err != nil {
				return cli.Exit(fmt.Errorf("jubatus link: find own executable: %w", err), 1)
			}
			if err := makeLinks(self, c.Args().First(), names()); err != nil {
				return cli.Exit(fmt.Errorf("jubatus link: %w", err), 1)
			}
			return nil
		},
	}
}

func makeLinks(target, dir string, names []string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	var failures []error
	for _, name := range names {
		path := filepath.Join(dir, name)
		info, err := os.Lstat(path)
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			err = os.Remove(path)
		}
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			err = os.Symlink(target, path)
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}
