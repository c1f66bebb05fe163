//go:build amd64 || arm64

package prefetch

// load loads the lines of n addresses.
//
//go:noescape
func load(addrs *uintptr, n int)
