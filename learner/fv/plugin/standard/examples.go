package standard

import (
	"bytes"
	"errors"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/fv/plugin"
)

// wordNgram cuts a text into every run of n words, with what is between them.
type wordNgram struct{ n int }

func newWordNgram(p plugin.Params) (plugin.StringFeature, error) {
	text, ok := p["n"]
	if !ok {
		return nil, errors.New("n is not found")
	}
	n, ok := plugin.ParseInt(text)
	if !ok {
		return nil, plugin.BadCast()
	}
	if n <= 0 {
		return nil, errors.New("n must be a positive number")
	}
	return wordNgram{int(n)}, nil
}

func (w wordNgram) Extract(text []byte, out plugin.TokenSink) error {
	const blanks = " \n\r,.?!"
	var starts []int // of the last n words
	for i := 0; i < len(text); {
		if bytes.IndexByte([]byte(blanks), text[i]) >= 0 {
			i++
			continue
		}
		starts = append(starts, i)
		if end := bytes.IndexAny(text[i:], blanks); end >= 0 {
			i += end
		} else {
			i = len(text)
		}
		if len(starts) >= w.n {
			out.Add(text[starts[len(starts)-w.n]:i], 1)
		}
	}
	return nil
}

// normalize maps [min, max] to [0, 1].
type normalize struct{ min, max float64 }

func newNormalize(p plugin.Params) (normalize, error) {
	var n normalize
	var err error
	if n.min, err = p.RequiredFloat("min"); err != nil {
		return n, err
	}
	if n.max, err = p.RequiredFloat("max"); err != nil {
		return n, err
	}
	if n.min == n.max {
		return n, config.Converter("MAX equals to MIN.")
	}
	return n, nil
}

func newNormalizeFeature(p plugin.Params) (plugin.NumFeature, error) { return newNormalize(p) }
func newNormalizeFilter(p plugin.Params) (plugin.NumFilter, error)   { return newNormalize(p) }

func (n normalize) Filter(x float64) float64 { return (x - n.min) / (n.max - n.min) }

func (n normalize) Extract(key []byte, x float64, out plugin.FeatureSink) error {
	out.Append(key, n.Filter(x))
	return nil
}
