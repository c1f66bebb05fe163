package config

import (
	"fmt"
	"strings"
)

// Error is a configuration that is JSON but not what the engine can work
// with. Its text is what the wire carries; Diagnostic is what logs carry.
type Error struct {
	Class    string   // the kind of mistake, as diagnostics have always named it
	What     string   // one line
	Messages []string // every single mistake, where there can be several
}

func (e *Error) Error() string { return e.What }

// Diagnostic returns the class and the text, then a line for every message.
func (e *Error) Diagnostic() string {
	var b strings.Builder
	b.WriteString(e.Class)
	b.WriteString(": ")
	b.WriteString(e.What)
	for _, m := range e.Messages {
		b.WriteString("\n    (#0) Message: ")
		b.WriteString(m)
	}
	return b.String()
}

// Unsupported says that there is no method of that name, which is given with
// its family, as in "classifier(XX)".
func Unsupported(name string) *Error {
	return &Error{
		Class: "jubatus::core::common::unsupported_method",
		What:  "unsupported method (" + name + ")",
	}
}

// InvalidParameter says that a parameter does not meet the condition, as in
// "0.0 < regularization_weight".
func InvalidParameter(condition string) *Error {
	return &Error{
		Class: "jubatus::core::common::invalid_parameter",
		What:  "invalid parameter (expected: " + condition + ")",
	}
}

// Converter is a mistake in the converter block.
func Converter(message string) *Error {
	return &Error{
		Class: "jubatus::core::fv_converter::converter_exception",
		What:  message,
	}
}

// Invalid collects the mistakes of a block.
func Invalid(messages ...string) *Error {
	return &Error{
		Class:    "jubatus::core::common::config_exception",
		What:     "invalid configuration",
		Messages: messages,
	}
}

// MissingParameter says that the method needs a parameter block.
func MissingParameter() *Error {
	return Invalid("parameter block is not specified in config")
}

// RuntimeError is any other mistake.
func RuntimeError(message string) *Error {
	return &Error{
		Class: "jubatus::core::common::exception::runtime_error",
		What:  message,
	}
}

// typeMismatch is what reading stops at when an object is something else.
func typeMismatch(want, got Kind, path string) *Error {
	return &Error{
		Class: "jubatus::core::common::jsonconfig::type_error",
		What:  mismatch(want, got, path),
	}
}

func mismatch(want, got Kind, path string) string {
	return fmt.Sprintf("%s is expected, but %s is given. (%s)", want, got, path)
}
