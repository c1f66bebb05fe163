package etcd

import (
	"errors"
	"fmt"
	"strings"
)

// What the tree needs and ZooKeeper keeps beside its nodes lies outside the
// tree, so that a listing of the tree shows what a listing of ZooKeeper does.
const (
	ownPrefix       = "/.jubatus"
	directoryPrefix = ownPrefix + "/directory" // persistent nodes without data
	sequencePrefix  = ownPrefix + "/sequence"  // next sequential number of a parent
)

// pageSize is how many keys one request for children may answer.
const pageSize = 1000

func directoryKey(path string) string { return directoryPrefix + path }

func sequenceKey(path string) string { return sequencePrefix + parent(path) }

// parent returns the path above, which is empty for children of the root.
func parent(path string) string { return path[:strings.LastIndexByte(path, '/')] }

// below returns the prefix that the keys of a path's descendants have.
func below(path string) string {
	if path == "/" {
		return path
	}
	return path + "/"
}

// behind returns the first key after all that begin with a prefix ending in a
// slash.
func behind(prefix string) string { return prefix[:len(prefix)-1] + "0" }

// checkPath refuses what ZooKeeper refuses.
func checkPath(path string) error {
	switch {
	case path == "/":
		return nil
	case !strings.HasPrefix(path, "/"):
		return fmt.Errorf("path %q is not absolute", path)
	case strings.HasSuffix(path, "/"):
		return fmt.Errorf("path %q ends in a slash", path)
	case strings.Contains(path, "//"):
		return fmt.Errorf("path %q has an empty name", path)
	case strings.IndexByte(path, 0) >= 0:
		return fmt.Errorf("path %q has a NUL", path)
	}
	return nil
}

var errRoot = errors.New("the root is no node")

// childOf returns the name of the direct child under prefix to which a key
// belongs.
func childOf(prefix, key string) string {
	name, _, _ := strings.Cut(key[len(prefix):], "/")
	return name
}

// following returns the key at which to go on behind a page that ended in
// last: past everything that belongs to a child already known.
func following(prefix, last string) string {
	name := childOf(prefix, last)
	if deep := prefix + name + "/"; strings.HasPrefix(last, deep) {
		return behind(deep)
	}
	return last + "\x00"
}

// concerns tells whether a change of key matters to who watches path: the node
// itself or anything below it (what is far below may make a child appear).
func concerns(path, key string) bool {
	return key == path || strings.HasPrefix(key, below(path))
}
