package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/jubatus/jubatus-go/cmd/logging"
)

// signalNames are the signals that programs react to.
var signalNames = map[os.Signal]string{
	syscall.SIGTERM: "SIGTERM",
	syscall.SIGINT:  "SIGINT",
	syscall.SIGHUP:  "SIGHUP",
}

// untilSignal runs a program's work and ends it on the first SIGTERM or
// SIGINT, further ones have no effect, or when something is broken, which is
// the error then. SIGHUP opens the log anew.
func untilSignal(work func(context.Context) error, broken <-chan error, log *logging.Log, logger *slog.Logger, logConfig string) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	signal.Ignore(syscall.SIGPIPE)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- work(ctx) }()
	var failure error
	for {
		select {
		case err := <-done:
			if failure != nil {
				return failure
			}
			return err
		case err := <-broken:
			logger.Log(ctx, logging.LevelFatal, "exception in main thread: "+err.Error())
			failure = &refusal{code: exitFailure} // all is said
			cancel()
		case s := <-signals:
			if s != syscall.SIGHUP && ctx.Err() != nil {
				continue
			}
			logger.Info("caught " + signalNames[s])
			if s != syscall.SIGHUP {
				cancel()
				continue
			}
			if err := reload(log, logger, logConfig); err != nil {
				logger.Error(err.Error())
			}
		}
	}
}

// reload reads the log's configuration again and opens its files anew.
func reload(log *logging.Log, logger *slog.Logger, logConfig string) error {
	if logConfig == "" {
		return nil
	}
	logger.Info("reloading log configuration: " + logConfig)
	if err := log.Reload(); errors.Is(err, logging.ErrEmpty) {
		return errors.New("invalid log configuration; reload aborted")
	} else if err != nil {
		return fmt.Errorf("reload aborted: %w", err)
	}
	return nil
}
