package mecab

import (
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/fv/plugin"
)

type collector []string

func (c *collector) Add(token []byte, _ float64) { *c = append(*c, string(token)) }

func TestSplitter(t *testing.T) {
	tests := []struct {
		params plugin.Params
		text   string
		want   string
	}{
		{nil, "本日は晴天なり", "本日 は 晴天 なり"},
		{plugin.Params{"ngram": "2"}, "本日は晴天なり", "本日,は は,晴天 晴天,なり"},
		{plugin.Params{"ngram": "2"}, "本日", ""},
		{plugin.Params{"ngram": "-1"}, "本日は", ""},
		{plugin.Params{"base": "true"}, "今日は晴れた", "今日 は 晴れる た"},
		{plugin.Params{"base": "true"}, "Jubatusを使った", "Jubatus を 使う た"},
		{plugin.Params{"include_features": "名詞,*|動詞,*"}, "寿司を食べる", "寿司 食べる"},
		{plugin.Params{"exclude_features": "助詞,*"}, "噂の真相", "噂 真相"},
		{plugin.Params{"exclude_features": "助詞,*|"}, "噂の真相", ""},
		{nil, " テスト テスト ", "テスト テスト"},
		{nil, "本日\x00は晴天", "本日"},
		{nil, "", ""},
		{plugin.Params{"arg": "-d /usr/lib64/mecab/dic/ipadic"}, "本日", "本日"},
	}
	for _, test := range tests {
		s, err := New(test.params)
		if err != nil {
			t.Errorf("%v: %v", test.params, err)
			continue
		}
		var got collector
		if err := s.Extract([]byte(test.text), &got); err != nil {
			t.Errorf("%v: %v", test.params, err)
		}
		if got := strings.Join(got, " "); got != test.want {
			t.Errorf("%v on %s: %q, want %q", test.params, test.text, got, test.want)
		}
	}
}

func TestParameterErrors(t *testing.T) {
	tests := []struct {
		params plugin.Params
		want   string
	}{
		{plugin.Params{"ngram": "x"}, "std::bad_cast"},
		{plugin.Params{"ngram": "0", "base": "yes"}, "base must be a boolean value"},
		{plugin.Params{"ngram": "0"}, "ngram must be a positive number"},
		{plugin.Params{"include_features": ""}, "include_features must not be empty"},
		{plugin.Params{"include_features": "/[/"}, "invalid regular expression: ["},
		{plugin.Params{"arg": "-u my.dic"}, "cannot make mecab tagger: user dictionaries are not supported: -u my.dic"},
	}
	for _, test := range tests {
		if _, err := New(test.params); err == nil || err.Error() != test.want {
			t.Errorf("%v: %v, want %s", test.params, err, test.want)
		}
	}
}

func TestLongText(t *testing.T) {
	s, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	const n = 4000
	var got collector
	if err := s.Extract([]byte(strings.Repeat("本日は晴天。", n)), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 4*n {
		t.Errorf("%d words, want %d", len(got), 4*n)
	}
	got = nil
	if err := s.Extract([]byte(strings.Repeat("あ", maxSentence)), &got); err != nil {
		t.Fatal(err)
	}
	if joined := strings.Join(got, ""); joined != strings.Repeat("あ", maxSentence) {
		t.Errorf("words do not make up the text: %d bytes", len(joined))
	}
}
