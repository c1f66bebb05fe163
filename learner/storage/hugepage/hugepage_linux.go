//go:build linux && (amd64 || arm64)

package hugepage

import (
	"syscall"
	"unsafe"
)

// arenaBits is the size of the regions by which Go's heap grows on these
// processors (runtime: heapArenaBytes), aligned to their size. Asking for a
// whole region keeps the number of its mappings small.
const arenaBits = 26

// For asks for the region of the heap in which a slice begins. It is meant for
// slices of some 10 kB and more. An error is no matter: pages stay small then.
func For[T any](a *Advice, s []T) {
	if cap(s) == 0 {
		return
	}
	begin := uintptr(unsafe.Pointer(unsafe.SliceData(s)))
	if arena := begin >> arenaBits; arena != a.arena {
		a.arena = arena
		// The region is no object, so it is named by number, not by pointer.
		syscall.Syscall(syscall.SYS_MADVISE, arena<<arenaBits, 1<<arenaBits, syscall.MADV_HUGEPAGE)
	}
}
