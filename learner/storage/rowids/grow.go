package rowids

import "slices"

// Grow makes room for n more elements of a slice that grows with the rows.
// Where append lets a long slice grow by a quarter, it grows by an eighth: to
// copy it more often costs little, and less memory lies unused.
func Grow[T any](s []T, n int) []T {
	const long = 1 << 12
	need := len(s) + n
	if need <= cap(s) {
		return s
	}
	if len(s) < long {
		return slices.Grow(s, n)
	}
	return append(make([]T, 0, max(need, len(s)+len(s)/8)), s...)
}
