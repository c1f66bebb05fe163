// Package mecab serves the plugin libmecab_splitter.so: it cuts Japanese text
// into words. The analyser is kagome with the IPA dictionary, which are part
// of the program; the dictionary is only unpacked when a rule needs it.
//
// Words are those of MeCab with its IPA dictionary for ordinary text. Where
// blanks or unknown words are involved the two may cut differently.
package mecab

import (
	"bytes"
	"errors"
	"strings"
	"sync"

	"github.com/ikawaha/kagome-dict/ipa"
	"github.com/ikawaha/kagome/v2/tokenizer"

	"github.com/jubatus/jubatus-go/learner/fv/pattern"
	"github.com/jubatus/jubatus-go/learner/fv/plugin"
)

// Library returns the functions of libmecab_splitter.so.
func Library() plugin.Library {
	return plugin.Library{StringFeatures: map[string]func(plugin.Params) (plugin.StringFeature, error){
		"create": New,
	}}
}

// Splitter cuts text into words and joins neighbouring words to n-grams.
type Splitter struct {
	n                uint64
	base             bool
	all              bool // no word is left out
	include, exclude pattern.AnyOf

	load      sync.Once
	tokenizer *tokenizer.Tokenizer
	loadErr   error
}

// New makes a splitter. The parameters, all optional, are
//
//	ngram             how many words make a token ("1")
//	base              "true": words in their base form ("false")
//	include_features  patterns, split by "|", for the features of words to take ("*")
//	exclude_features  patterns for those to leave out ("")
//	arg               options of MeCab; the dictionary they name is not used
//
// Features of a word are one text like "名詞,一般,*,*,*,*,噂,ウワサ,ウワサ".
func New(p plugin.Params) (plugin.StringFeature, error) {
	s := &Splitter{}
	var ok bool
	if s.n, ok = plugin.ParseUint(p.Default("ngram", "1")); !ok {
		return nil, plugin.BadCast()
	}
	var err error
	if s.base, err = p.Bool("base"); err != nil {
		return nil, err
	}
	if err := checkArguments(p["arg"]); err != nil {
		return nil, err
	}
	if s.n == 0 {
		return nil, errors.New("ngram must be a positive number")
	}
	include, exclude := p.Default("include_features", "*"), p["exclude_features"]
	if include == "" {
		return nil, errors.New("include_features must not be empty")
	}
	if s.include, err = pattern.NewAnyOf(include); err != nil {
		return nil, err
	}
	s.all = include == "*" && exclude == ""
	if exclude != "" {
		s.exclude, err = pattern.NewAnyOf(exclude)
	}
	return s, err
}

// checkArguments refuses what would change the words and cannot be had. A
// system dictionary is replaced by the one that is built in.
func checkArguments(arg string) error {
	for a := range strings.FieldsSeq(arg) {
		if strings.HasPrefix(a, "-u") || strings.HasPrefix(a, "--userdic") {
			return errors.New("cannot make mecab tagger: user dictionaries are not supported: " + arg)
		}
	}
	return nil
}

// Load unpacks the dictionary, so that the first text does not have to wait.
func (s *Splitter) Load() error {
	s.load.Do(func() { s.tokenizer, s.loadErr = tokenizer.New(ipa.Dict(), tokenizer.OmitBosEos()) })
	return s.loadErr
}

// maxSentence bounds the text that is analysed at once: the lattice takes
// hundreds of times its size.
const maxSentence = 1 << 16

// Extract adds the n-grams of words, joined by commas. What follows a NUL is
// ignored.
func (s *Splitter) Extract(text []byte, out plugin.TokenSink) error {
	if err := s.Load(); err != nil {
		return err
	}
	if end := bytes.IndexByte(text, 0); end >= 0 {
		text = text[:end]
	}
	var recent [][]byte // the last n words
	var joined []byte
	for len(text) > 0 {
		sentence := cut(text)
		text = text[len(sentence):]
		for _, t := range s.tokenizer.Tokenize(string(sentence)) {
			word, err := s.word(&t)
			if err != nil {
				return err
			}
			if word == "" {
				continue
			}
			if s.n == 1 {
				out.Add([]byte(word), 1)
				continue
			}
			recent = append(recent, []byte(word))
			if uint64(len(recent)) < s.n {
				continue
			}
			joined = append(joined[:0], bytes.Join(recent, []byte(","))...)
			out.Add(joined, 1)
			recent = append(recent[:0], recent[1:]...)
		}
	}
	return nil
}

// cut returns the start of a text up to the last end of a sentence that is
// near enough.
func cut(text []byte) []byte {
	if len(text) <= maxSentence {
		return text
	}
	head := text[:maxSentence]
	for _, end := range []string{"\n", "。", " ", "、"} {
		if i := bytes.LastIndex(head, []byte(end)); i >= 0 {
			return head[:i+len(end)]
		}
	}
	n := len(head)
	for n > maxSentence-4 && text[n]&0xc0 == 0x80 { // do not cut a character
		n--
	}
	return head[:n]
}

// word returns the word of a morpheme; empty if it is left out.
func (s *Splitter) word(t *tokenizer.Token) (string, error) {
	if t.Class == tokenizer.DUMMY || strings.Trim(t.Surface, " \t\n\v\r") == "" {
		return "", nil
	}
	if s.all && !s.base {
		return t.Surface, nil
	}
	features := t.Features()
	csv := []byte(strings.Join(features, ","))
	if ok, err := s.include.Match(csv); !ok || err != nil {
		return "", err
	}
	if no, err := s.exclude.Match(csv); no || err != nil {
		return "", err
	}
	const baseForm = 6
	if s.base && len(features) > baseForm && features[baseForm] != "*" {
		return features[baseForm], nil
	}
	return t.Surface, nil
}
