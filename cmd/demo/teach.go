package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// hold teaches one lesson to servers that forget everything before, and shows
// what they know: before they have shared anything, and at the end.
func (c *class) hold(ctx context.Context, l *lesson) error {
	if _, err := c.proxy.CallArgs(ctx, "clear", name); err != nil {
		return fmt.Errorf("clear: %w", err)
	}
	var before string
	bar := newBar(c.out, l.name+": training through the proxy", l.rounds*len(l.train))
	for round := range l.rounds {
		for _, e := range l.train {
			if _, err := c.proxy.Call(ctx, "train", params(&e.datum, e.label)); err != nil {
				return fmt.Errorf("train: %w", err)
			}
			bar.step()
		}
		if round == 0 {
			var err error
			if before, err = c.examine(ctx, l); err != nil {
				return err
			}
		}
		// Any server will do; it lets all of them take part.
		if _, err := c.servers[0].CallArgs(ctx, "do_mix"); err != nil {
			return fmt.Errorf("do_mix: %w", err)
		}
	}
	bar.end()
	after, err := c.examine(ctx, l)
	if err != nil {
		return err
	}
	right, err := score(ctx, c.proxy, l.test)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "  before MIX %s\n  after MIX  %s\n  through the proxy: right about %d of %d new ones (%.0f %%)\n\n",
		before, after, right, len(l.test), percent(right, len(l.test)))
	return nil
}

// examine tells every server's version of the model and how good it is.
func (c *class) examine(ctx context.Context, l *lesson) (string, error) {
	var results []string
	for i, server := range c.servers {
		version, err := modelVersion(ctx, server)
		if err != nil {
			return "", err
		}
		right, err := score(ctx, server, l.test)
		if err != nil {
			return "", err
		}
		results = append(results, fmt.Sprintf("server %d: model %s, %.0f %% right", i+1, version, percent(right, len(l.test))))
	}
	return strings.Join(results, "; "), nil
}

func percent(part, whole int) float64 { return 100 * float64(part) / float64(whole) }

// score is how many of the data a server, or all behind a proxy, are right
// about.
func score(ctx context.Context, client *rpc.Client, test []example) (right int, err error) {
	for _, e := range test {
		result, err := client.Call(ctx, "classify", params(&e.datum, ""))
		if err != nil {
			return 0, fmt.Errorf("classify: %w", err)
		}
		label, err := best(result)
		if err != nil {
			return 0, fmt.Errorf("classify: read result: %w", err)
		}
		if label == e.label {
			right++
		}
	}
	return right, nil
}

// modelVersion is how many MIXes a server's model has been through.
func modelVersion(ctx context.Context, server *rpc.Client) (string, error) {
	result, err := server.CallArgs(ctx, "get_status", name)
	if err != nil {
		return "", fmt.Errorf("get_status: %w", err)
	}
	r := mpack.NewReader(result)
	nodes, err := r.MapHeader()
	if err != nil {
		return "", fmt.Errorf("get_status: read result: %w", err)
	}
	for range nodes {
		_, nodeErr := r.String()
		pairs, err := r.MapHeader()
		if err := errors.Join(nodeErr, err); err != nil {
			return "", fmt.Errorf("get_status: read result: %w", err)
		}
		for range pairs {
			key, keyErr := r.String()
			value, err := r.String()
			if err := errors.Join(keyErr, err); err != nil {
				return "", fmt.Errorf("get_status: read result: %w", err)
			}
			if key == "model_version" {
				return value, nil
			}
		}
	}
	return "", errors.New("get_status: the server does not tell its model's version")
}

// params is the cluster's name and a list of one datum, with a label for train
// and without for classify.
func params(d *datum.Datum, label string) []byte {
	b := mpack.AppendArrayHeader(nil, 2)
	b = mpack.AppendRaw(b, name)
	b = mpack.AppendArrayHeader(b, 1)
	if label != "" {
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendRaw(b, label)
	}
	return d.Append(b)
}

// best is the label with the highest score in the result of classify.
func best(result []byte) (label string, err error) {
	r := mpack.NewReader(result)
	if err := r.Tuple(1); err != nil {
		return "", err
	}
	n, err := r.ArrayHeader()
	if err != nil {
		return "", err
	}
	var top float64
	for i := range n {
		if err := r.Tuple(2); err != nil {
			return "", err
		}
		name, err := r.String()
		if err != nil {
			return "", err
		}
		score, err := r.Float64()
		if err != nil {
			return "", err
		}
		if i == 0 || score > top {
			label, top = name, score
		}
	}
	return label, nil
}
