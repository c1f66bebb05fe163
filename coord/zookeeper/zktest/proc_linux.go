package zktest

import "syscall"

// dieWithParent keeps servers from outliving a test that crashed.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
