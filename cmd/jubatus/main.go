// Command jubatus is all programs of Jubatus in one: servers, proxies and
// tools. The name by which it is called picks the program, so that it can
// stand in for the original's executables through symbolic links; under its
// own name the first argument does.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"
)

func main() { os.Exit(run(os.Args, os.Stdout, os.Stderr)) }

// run executes one command line, the program's name included, and returns the
// exit code.
func run(argv []string, stdout, stderr io.Writer) int {
	path := argv[0]
	self := filepath.Base(path)
	called := func(name string) string { return path + " " + name }
	all := commands(called, stdout, stderr)
	if find(all, self) != nil {
		called = func(string) string { return path }
		all = commands(called, stdout, stderr)
		argv = append([]string{"jubatus", self}, argv[1:]...)
	}
	app := &cli.App{
		Name:            "jubatus",
		Usage:           "distributed online machine learning",
		UsageText:       "jubatus COMMAND [ARGUMENT...]",
		Description:     "COMMAND --help tells more about a command. Called by a command's name, as through\nthe links that \"jubatus link\" makes, this program is that command.",
		Commands:        all,
		Writer:          stdout,
		ErrWriter:       stderr,
		HideHelpCommand: true,
		HideVersion:     false,
		Version:         version,
		ExitErrHandler:  func(*cli.Context, error) {}, // run does it
		Action:          unknown,
	}
	err := app.Run(argv)
	var exit cli.ExitCoder
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if text := exit.Error(); text != "" {
			fmt.Fprintln(stderr, text)
		}
		return exit.ExitCode()
	default:
		fmt.Fprintln(stderr, "jubatus:", err)
		return 1
	}
}

// unknown answers command lines without a known command.
func unknown(c *cli.Context) error {
	if c.NArg() == 0 {
		return cli.ShowAppHelp(c)
	}
	return cli.Exit(fmt.Sprintf("jubatus: unknown command %q; jubatus --help lists them", c.Args().First()), 1)
}

func find(all []*cli.Command, name string) *cli.Command {
	for _, c := range all {
		if c.Name == name {
			return c
		}
	}
	return nil
}
