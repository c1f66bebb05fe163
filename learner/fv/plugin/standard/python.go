package standard

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jubatus/jubatus-go/learner/fv/plugin"
)

// pythonBridge holds the sample modules that came with the Python bridge.
// There is no Python in it: other modules are configuration errors.
func pythonBridge() plugin.Library {
	return plugin.Library{
		StringFeatures: stringFeatures{
			"string_feature": func(p plugin.Params) (plugin.StringFeature, error) {
				return sample(p, "sentence_stemmer", "SentenceStemmer", func() (plugin.StringFeature, error) { return stemmer{}, nil })
			},
			"word_splitter": func(p plugin.Params) (plugin.StringFeature, error) {
				return sample(p, "space_splitter", "SpaceSplitter", func() (plugin.StringFeature, error) { return spaceSplitter{}, nil })
			},
		},
		NumFeatures: numFeatures{
			"num_feature": func(p plugin.Params) (plugin.NumFeature, error) {
				return sample(p, "number_multiplier", "NumberMultiplier", func() (plugin.NumFeature, error) { return newMultiplier(p) })
			},
		},
		BinaryFeatures: binaryFeatures{
			"binary_feature": func(p plugin.Params) (plugin.BinaryFeature, error) {
				return sample(p, "binary_length", "BinaryLengthExtractor", func() (plugin.BinaryFeature, error) { return binaryLength{}, nil })
			},
		},
	}
}

// sample makes the one class that there is for a function.
func sample[T any](p plugin.Params, module, class string, create func() (T, error)) (t T, err error) {
	m, ok := p["module"]
	if !ok {
		return t, errors.New("module parameter is missing")
	}
	c, ok := p["class"]
	if !ok {
		return t, errors.New("class parameter is missing")
	}
	if m != module {
		return t, errors.New("cannot import module (this program runs no Python; for " + p["function"] +
			" it has " + module + "." + class + "): " + m)
	}
	if c != class {
		return t, errors.New("cannot get class from module: " + c)
	}
	return create()
}

// spaceSplitter cuts a text at spaces, and at nothing else.
type spaceSplitter struct{}

func (spaceSplitter) Extract(text []byte, out plugin.TokenSink) error {
	if !utf8.Valid(text) {
		return errNotText
	}
	start := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && text[i] != ' ' {
			continue
		}
		if i > start {
			out.Add(text[start:i], 1)
		}
		start = i + 1
	}
	return nil
}

var errNotText = errors.New("cannot convert input text to Python object: invalid UTF-8")

// multiplier multiplies numbers.
type multiplier struct{ n float64 }

func newMultiplier(p plugin.Params) (plugin.NumFeature, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(p.Default("n", "2")), 10, 64)
	if err != nil {
		return nil, errors.New("failed to call create method of the class: " + p["class"])
	}
	return multiplier{float64(n)}, nil
}

func (m multiplier) Extract(key []byte, x float64, out plugin.FeatureSink) error {
	out.Append(key, x*m.n)
	return nil
}

// binaryLength tells how long a value is.
type binaryLength struct{}

func (binaryLength) Extract(key, value []byte, out plugin.FeatureSink) error {
	out.Append(append([]byte("length_"), key...), float64(len(value)))
	return nil
}

// stemmer cuts a text into words and punctuation and stems the words.
type stemmer struct{}

func (stemmer) Extract(text []byte, out plugin.TokenSink) error {
	if !utf8.Valid(text) {
		return errNotText
	}
	// A token is a run of one class of characters.
	start, class := 0, blankClass
	for i, r := range string(text) {
		c := classOf(r)
		if c == class {
			continue
		}
		if class != blankClass {
			out.Add([]byte(stem(string(text[start:i]))), 1)
		}
		start, class = i, c
	}
	if class != blankClass {
		out.Add([]byte(stem(string(text[start:]))), 1)
	}
	return nil
}

type charClass uint8

const (
	blankClass charClass = iota
	wordClass
	punctuationClass
)

func classOf(r rune) charClass {
	switch {
	case r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r):
		return wordClass
	case unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f:
		return blankClass
	default:
		return punctuationClass
	}
}
