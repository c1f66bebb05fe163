package call

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jubatus/jubatus-go/rpc"
)

const (
	// window is how many calls are sent ahead of their answers.
	window = 256
	// reportEvery is the time between two reports of progress.
	reportEvery = 5 * time.Second
)

// stream makes one call for each line of its input.
type stream struct {
	request
	timeout   time.Duration
	in        io.Reader
	out, diag io.Writer

	calls, failed int
	started       time.Time
	reported      time.Time
}

// sent is a call on its way, or why the line did not become one.
type sent struct {
	line int
	call *rpc.Many
	err  error
}

// run returns when all lines are through or nothing more can be done. Errors
// that the server answers and lines that are not JSON are told on diag and do
// not end it.
func (s *stream) run(ctx context.Context) error {
	pool := rpc.NewPool(rpc.PoolOptions{
		Client: rpc.ClientOptions{Timeout: s.timeout, ConnectTimeout: s.timeout},
		Expire: time.Hour,
	})
	defer pool.Close()
	ctx, cancel := context.WithCancel(ctx)
	queue := make(chan sent, window)
	done := make(chan error, 1)
	go func() { done <- s.send(ctx, pool, queue) }()

	// The sender may be blocked in a read that nothing interrupts; when the
	// connection is lost the program ends without waiting for it.
	err := s.receive(ctx, queue)
	cancel()
	if err != nil {
		return fail(err, exitAnswer)
	}
	if err := <-done; err != nil {
		return fail(err, exitUsage)
	}
	if s.failed > 0 {
		return fail(fmt.Errorf("%d of %d calls failed", s.failed, s.calls), exitRemote)
	}
	return nil
}

// send sends the calls and queues them for their answers.
func (s *stream) send(ctx context.Context, pool *rpc.Pool, queue chan<- sent) error {
	defer close(queue)
	in := bufio.NewReaderSize(s.in, 1<<16)
	addrs := []string{s.addr}
	for line := 1; ; line++ {
		text, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read standard input: %w", err)
		}
		if len(bytes.TrimSpace(text)) > 0 {
			item := sent{line: line}
			params, bad := s.params(text)
			if item.err = bad; bad == nil {
				item.call = rpc.StartMany(pool, 0, addrs, s.method, params, 0)
			}
			select {
			case queue <- item:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err != nil {
			return nil
		}
	}
}

// receive prints the answers in the order of the calls. Its error is the end
// of the connection, or of the output.
func (s *stream) receive(ctx context.Context, queue <-chan sent) error {
	out := bufio.NewWriter(s.out)
	s.started = time.Now()
	s.reported = s.started
	for item := range queue {
		s.calls++
		result, err := item.answer(ctx)
		if err == nil {
			_, err = fmt.Fprintf(out, "%s\n", result)
			if err != nil {
				return fmt.Errorf("print result: %w", err)
			}
		} else {
			if lost := (*rpc.CallError)(nil); errors.As(err, &lost) {
				return errors.Join(fmt.Errorf("line %d: %s: %w", item.line, s.addr, err), out.Flush())
			}
			s.failed++
			fmt.Fprintf(s.diag, "jubatus call: line %d: %v\n", item.line, err)
		}
		s.report()
		if len(queue) == 0 {
			if err := out.Flush(); err != nil {
				return fmt.Errorf("print result: %w", err)
			}
		}
	}
	if time.Since(s.started) >= reportEvery {
		s.tell()
	}
	return out.Flush()
}

func (i *sent) answer(ctx context.Context) ([]byte, error) {
	if i.err != nil {
		return nil, i.err
	}
	i.call.Wait(ctx)
	answer := i.call.Answers()[0]
	if answer.Err != nil {
		return nil, answer.Err
	}
	return render(answer.Result)
}

// report tells now and then how it goes.
func (s *stream) report() {
	if s.calls%64 == 0 && time.Since(s.reported) >= reportEvery {
		s.tell()
		s.reported = time.Now()
	}
}

func (s *stream) tell() {
	rate := float64(s.calls) / time.Since(s.started).Seconds()
	fmt.Fprintf(s.diag, "jubatus call: %d calls, %.0f per second\n", s.calls, rate)
}
