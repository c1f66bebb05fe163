package jubaconfig

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jubatus/jubatus-go/cmd/coordination"
	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/config"
)

// execute carries out the command.
func (r *run) execute(ctx context.Context, l coordination.Location) (err error) {
	c, err := r.Open(ctx, l)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	switch *r.command {
	case "write":
		return r.write(ctx, c)
	case "read":
		return r.read(ctx, c)
	case "delete":
		return r.delete(ctx, c)
	default:
		return r.list(ctx, c)
	}
}

// write stores a configuration after a look at its syntax, no more: which
// members it may have is the servers' business.
func (r *run) write(ctx context.Context, c coord.Coordinator) error {
	if err := coord.Prepare(ctx, c, *r.typ, *r.name); err != nil {
		return err
	}
	text, err := os.ReadFile(*r.file)
	if err != nil {
		e := config.RuntimeError(fmt.Sprintf("can't read %s .", *r.file))
		e.Messages = []string{err.Error()}
		return e
	}
	if len(text) == 0 {
		return errors.New("config is empty")
	}
	var syntax *config.SyntaxError
	switch _, err := config.Parse(text); {
	case errors.As(err, &syntax): // it begins with the place
		return fmt.Errorf("syntax error in configuration: %s:%w", *r.file, err)
	case err != nil:
		return fmt.Errorf("syntax error in configuration: %s: %w", *r.file, err)
	}
	if err := coord.WriteConfig(ctx, c, *r.typ, *r.name, text); err != nil {
		return err
	}
	r.logger.Info("set config to zookeeper: " + coord.ConfigPath(*r.typ, *r.name))
	return nil
}

func (r *run) read(ctx context.Context, c coord.Coordinator) error {
	text, err := coord.ReadConfig(ctx, c, *r.typ, *r.name)
	if err != nil {
		return err
	}
	r.logger.Info("get config from zookeeper: " + coord.ConfigPath(*r.typ, *r.name))
	return r.print(string(text))
}

func (r *run) delete(ctx context.Context, c coord.Coordinator) error {
	if err := coord.DeleteConfig(ctx, c, *r.typ, *r.name); err != nil {
		return err
	}
	r.logger.Info("remove config from zookeeper: " + coord.ConfigPath(*r.typ, *r.name))
	return nil
}

func (r *run) list(ctx context.Context, c coord.Coordinator) error {
	all, err := coord.ListConfigs(ctx, c)
	if err != nil {
		return err
	}
	for _, stored := range all {
		if err := r.print(fmt.Sprintf("type: %s, name: %s\n", stored.Type, stored.Name)); err != nil {
			return err
		}
		r.logger.Info("get config from zookeeper: " + coord.ConfigPath(stored.Type, stored.Name))
		if err := r.print(string(stored.Text) + "\n"); err != nil {
			return err
		}
	}
	return nil
}

// print writes a part of the result.
func (r *run) print(text string) error {
	if _, err := fmt.Fprint(r.Stdout, text); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
