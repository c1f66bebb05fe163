package serve

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// detach starts this program again, called by the same name, in a session of
// its own, with / as its folder and without the terminal, and does not wait
// for it. A Go program cannot fork itself once its runtime runs, so the second
// process starts afresh: args must hold nothing that depends on the folder.
func detach(program string, args []string, env []string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own executable: %w", err)
	}
	child := exec.Cmd{
		Path:        self,
		Args:        append([]string{program}, args...),
		Env:         append(os.Environ(), env...),
		Dir:         "/",
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := child.Start(); err != nil {
		return fmt.Errorf("start in the background: %w", err)
	}
	if err := child.Process.Release(); err != nil {
		return fmt.Errorf("leave the background process: %w", err)
	}
	return nil
}
