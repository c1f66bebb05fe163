//go:build !amd64 && !arm64

package prefetch

// load does nothing here: lines are loaded when they are needed.
func load(addrs *uintptr, n int) {}
