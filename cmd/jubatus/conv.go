package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jubatus/jubatus-go/cmd/option"
	"github.com/jubatus/jubatus-go/learner/fv/conv"
)

// jubaconv is the program of that name.
func jubaconv(args []string, stdout, stderr io.Writer) int {
	o := option.New("jubaconv")
	input := o.String("input-format", 'i', "input format (json/datum)", "json", "json", "datum")
	output := o.String("output-format", 'o', "output format (json/datum/fv)", "fv", "json", "datum", "fv")
	config := o.String("conf", 'c', "converter config file", "")
	switch err := o.Parse(args); {
	case errors.Is(err, option.ErrHelp):
		fmt.Fprint(stderr, o.Usage())
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "%v\n%s", err, o.Usage())
		return 1
	}
	return conv.Run(conv.Options{Input: *input, Output: *output, Config: *config}, os.Stdin, stdout, stderr)
}
