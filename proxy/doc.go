// Package proxy stands in front of the servers of one service type and makes
// them look like one: it routes every call to the servers that the service's
// table names for it, and makes one answer of theirs.
//
// A random method goes to any active server of the cluster that the call
// names, a broadcast one to all of them, a hashed one to those that the hash
// ring has for the call's key. Params go on as the bytes they came in, and so
// do results that nothing is made of. Nothing here knows a method by name but
// the proxy's own get_proxy_status.
//
// # Servers that fail
//
// A proxy knows that a server is gone some seconds before the coordination
// service does, and clients need not wait for those: a call that only reads,
// or one that certainly has not been sent, is tried on another server if the
// connection is refused or lost. The broken server is left out until a probe
// reaches it or it registers anew. A broadcast has to reach everybody, so it
// fails with any of them.
//
// # Cost
//
// The goroutine that reads a client's calls writes them to the servers'
// connections, and the one that reads a server's answers writes those to the
// clients', with one write for all that was read. Calls of one client to one
// server share a connection and keep their order; answers come in the order
// of the calls.
package proxy
