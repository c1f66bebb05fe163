//go:build !(linux && (amd64 || arm64))

package hugepage

// For does nothing here.
func For[T any](*Advice, []T) {}
