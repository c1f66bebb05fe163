//go:build !linux

package zktest

import "syscall"

// dieWithParent is possible on Linux only.
func dieWithParent() *syscall.SysProcAttr { return nil }
