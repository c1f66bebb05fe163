// Package rpc is MessagePack-RPC over TCP as Jubatus speaks it: a server, a
// client, a pool of clients and calls to many servers at once. It knows
// nothing of learning or of clusters, and it never looks into params and
// results: both are MessagePack bytes that package mpack reads and writes.
//
// # Server
//
//	srv := rpc.NewServer(rpc.Options{Threads: 2, IdleTimeout: 10 * time.Second})
//	srv.Handle("get_labels", func(ctx context.Context, req *rpc.Request, out []byte) ([]byte, error) {
//		args := mpack.NewReader(req.Params)
//		...
//		return mpack.AppendMapHeader(out, n), nil
//	})
//	go srv.Serve(listener) // returns ErrServerClosed after Shutdown or Close
//	...
//	srv.Shutdown(ctx)
//
// Requests of one connection are executed one after another in the order of
// arrival and answered in that order; connections run in parallel. A Handler
// appends its result to out, which is the connection's write buffer. What it
// returns as an error decides the reply:
//
//	ErrArgument, mpack cast errors   error 2, result "std::bad_cast"
//	*ReplyError                      the error object and result it carries
//	any other error                  its text, result nil
//	a panic                          a fixed text, result nil; the panic is logged
//
// Replies are written when no further complete request has arrived, when 64 kB
// of them have gathered, or when a call of a method that was slow last time is
// about to begin. HandleUnbounded exempts a method from Options.Threads.
//
// An unknown method is error 1 with the method's name as the result. A notify
// is executed like a request, and nothing is ever sent for it.
//
// A method registered with HandleAsync only starts its work in the
// connection's order and has its Reply given by whoever gets the result. The
// connection reads on, with at most Options.MaxInFlight calls unanswered, and
// the replies are written in request order as they get ready. That is what a
// proxy is made of, together with Client.Start: the goroutine that read a
// request writes it to the server's connection, and the one that read the
// answer there writes it to the client's. A Batch makes each of them write
// once for all that it has read.
//
// Frames are recognised while they arrive, whatever the pieces. Sizes that a
// peer declares are never allocated; what is not a request closes the
// connection at once and without a word, after all requests before it have
// been answered.
//
// # Client
//
//	c, err := rpc.Dial(ctx, "127.0.0.1:9199", 10*time.Second)
//	result, err := c.Call(ctx, "get_labels", params)  // params: an encoded array
//	result, err := c.CallArgs(ctx, "get_labels", "")  // for tests and tools
//
// Concurrent calls share the connection. A Client connects once: when its
// connection is gone, it is done for. Pool replaces such clients and closes
// those that nobody uses. StartMany and CallMany send one call to several
// servers of a Pool:
//
//	p := rpc.NewPool(rpc.PoolOptions{Expire: time.Minute, Lanes: 4})
//	result, err := p.Call(ctx, addr, lane, method, params)
//	m := rpc.CallMany(ctx, p, lane, addrs, method, params, timeout)
//	for _, i := range m.Arrival() {
//		a := m.Answers()[i] // a.Addr, a.Result, a.Err
//	}
//
// A server executes the calls of one connection one after another, hence
// lanes: several connections per server, of which one lane always uses the
// same. A proxy passes Request.Conn, so that the calls of one client keep
// their order and those of different clients run in parallel. *Many has the
// Done method of a Pending; what an AsyncHandler adds is Append.
//
// Errors of calls match, by errors.Is, ErrConnect, ErrTimeout, ErrClosed or,
// as *RemoteError from the server itself, ErrMethodNotFound and ErrArgument;
// connections that the operating system broke give a *SystemError. NotSent
// tells whether a failed call certainly was not executed, so that it can be
// sent to another server.
package rpc
