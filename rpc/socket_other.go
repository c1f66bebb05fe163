//go:build !unix

package rpc

import "errors"

// Sockets are used through package net here.
const hasSockets = false

var errNotNow = errors.New("not now")

func readNow(uintptr, []byte, bool) (int, error) { return 0, errNotNow }

func writeNow(uintptr, []byte, bool) (int, error) { return 0, errNotNow }

func wakeMonitor() {}
