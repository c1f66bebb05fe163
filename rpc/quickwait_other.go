//go:build !unix

package rpc

import "time"

func readableWithin(uintptr, time.Duration) bool { return false }
