package pattern

import (
	"strings"
	"testing"
	"time"

	"github.com/dlclark/regexp2"
)

func TestKey(t *testing.T) {
	tests := []struct {
		pattern string
		matches []string
		not     []string
	}{
		{"", []string{"", "a"}, nil},
		{"*", []string{"", "a"}, nil},
		{"**", []string{"*", "a*"}, []string{"", "a"}},
		{"*a*", []string{"a*", "xa*"}, []string{"a", "xax"}},
		{"b**", []string{"b*", "b*x"}, []string{"b", "bx"}},
		{"*num", []string{"num", "a@num"}, []string{"nu", "numb"}},
		{"name*", []string{"name", "name$x"}, []string{"nam", "aname"}},
		{"/x*", []string{"/x", "/xy"}, []string{"x"}},
		{"*/", []string{"/", "a/"}, []string{"a"}},
		{"/", []string{"/"}, []string{"", "//", "a"}},
		{"//", []string{"", "a"}, nil},
		{"/ab/", []string{"ab", "abc"}, []string{"xab", "a"}},
		{"/a|bc/", []string{"a", "ax", "bcd"}, []string{"b", "xa"}},
		{"/^a$/", []string{"a", "a\n"}, []string{"ab", "a\n\n"}},
		{"/(?=a)/", []string{"ab"}, []string{"b"}},
		{"/ab", []string{"/ab"}, []string{"ab"}},
		{"key", []string{"key"}, []string{"", "ke", "keys"}},
	}
	for _, test := range tests {
		k, err := NewKey(test.pattern)
		if err != nil {
			t.Errorf("%q: %v", test.pattern, err)
			continue
		}
		for want, keys := range map[bool][]string{true: test.matches, false: test.not} {
			for _, key := range keys {
				if got, err := k.Match([]byte(key)); got != want || err != nil {
					t.Errorf("%q matches %q: %v, %v", test.pattern, key, got, err)
				}
			}
		}
	}
	if _, err := NewKey("/[/"); err == nil || err.Error() != "invalid regular expression: [" {
		t.Errorf("error of a bad expression: %v", err)
	}
}

func TestKeysExcept(t *testing.T) {
	except := "b*"
	k, err := NewKeys("*@num", &except)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{"a1@num": true, "b@num": false, "a": false} {
		if got, _ := k.Match([]byte(key)); got != want {
			t.Errorf("%s: %v", key, got)
		}
	}
	except = ""
	if k, err = NewKeys("*", &except); err != nil {
		t.Fatal(err)
	}
	if ok, _ := k.Match([]byte("a")); ok {
		t.Error("an empty except must disable the rule")
	}
}

func TestAnyOf(t *testing.T) {
	for _, test := range []struct {
		patterns, text string
		want           bool
	}{
		{"名詞,*|動詞,*", "動詞,自立", true},
		{"名詞,*|動詞,*", "助詞,格助詞", false},
		{"助詞,*|", "名詞,一般", true},
	} {
		a, err := NewAnyOf(test.patterns)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := a.Match([]byte(test.text)); got != test.want {
			t.Errorf("%q on %q: %v", test.patterns, test.text, got)
		}
	}
}

// all returns what the expression matches in the text, from left to right,
// without overlap, joined by "|".
func all(t *testing.T, re *Regexp, text string) string {
	t.Helper()
	s := re.Search([]byte(text))
	var found []string
	for at := 0; at <= len(text); {
		loc, err := s.Find(at)
		if err != nil {
			t.Fatal(err)
		}
		if loc == nil {
			break
		}
		found = append(found, text[loc[0]:loc[1]])
		at = max(loc[1], loc[0]+1)
	}
	return strings.Join(found, "|")
}

func TestRegexp(t *testing.T) {
	tests := []struct{ expr, text, want string }{
		{`a+`, "auaa", "a|aa"},
		{`\d+`, "12 １２ x", "12|１２"},
		{`\w+`, "ab 日本 _x", "ab|日本|_x"},
		{`a\sb`, "a\u3000b a b", "a\u3000b|a b"},
		{`\D+`, "1ab2", "ab"},
		{`\S+`, "ab\u3000cd", "ab|cd"},
		{`[\W]+`, "ab!?日", "!?"},
		{`[^\W\d]+`, "ab12日!", "ab|日"},
		{`[[:alpha:]]+`, "ab12日", "ab|日"},
		{`[[:^digit:]x]+`, "1ab", "ab"},
		{`\bab\b`, "ab xab ab", "ab|ab"},
		{`\b本\b`, "日本 本", "本"},
		{`^a`, "aa\na", "a"},
		{`(?m)^a`, "aa\na", "a|a"},
		{`b$`, "b\nb", "b"},
		{`b$`, "ab\n", "b"},
		{`b\Z`, "ab\n", "b"},
		{`b\z`, "ab\n", ""},
		{`(?m)b$`, "b\nb", "b|b"},
		{`.`, "a\nb", "a|b"},
		{`(?s).`, "a\nb", "a|\n|b"},
		{`(?i)aB`, "ab AB", "ab|AB"},
		{`a(?i:b)c`, "aBc aBC", "aBc"},
		{`(?x) a b # comment
		   c`, "abc", "abc"},
		{`a(?#comment)b`, "ab", "ab"},
		{`\Qa.b\E+`, "a.bb axb", "a.bb"},
		{`\x{3042}\x41\101`, "あAA", "あAA"},
		{`[\x{3042}-\x{3044}]+`, "あいう", "あい"},
		{`\p{Han}+`, "日本go", "日本"},
		{`\p{hiragana}+`, "日あい", "あい"},
		{`\P{Han}+`, "日go", "go"},
		{`\p{^Han}+`, "日go", "go"},
		{`[\p{Lu}\p{Nd}]+`, "aB1c", "B1"},
		{`a(?=b)`, "ab ac", "a"},
		{`a(?!b)`, "ab ac", "a"},
		{`(?<=b)a`, "ba ca", "a"},
		{`(?<!b)a`, "ba ca", "a"},
		{`(a|b)\1`, "aa ab bb", "aa|bb"},
		{`a++a`, "aaa", ""},
		{`(?>a+)a`, "aaa", ""},
		{`a{,2}`, "a{,2}", "a{,2}"},
		{`a{2}`, "aaa", "aa"},
		{`a{1,2}?`, "aa", "a|a"},
		{`a**`, "aa", "aa|"},
		{`a{`, "a{", "a{"},
		{`a|ab`, "ab", "a"},
		{`[]a]+`, "]a", "]a"},
		{`[a-]+`, "a-", "a-"},
		{`[a\-z]+`, "a-z", "a-z"},
		{`[\d-x]+`, "1-x", "1-x"},
		{`x*`, "axxb", "|xx||"},
		{`a{1500}`, strings.Repeat("a", 1500), strings.Repeat("a", 1500)},
		{`\/\@\#`, "/@#", "/@#"},
		{`(?s:.)(?-s).`, "\na\n\n", "\na"},
		{`[^あ]`, "あxい", "x|い"},
	}
	for _, test := range tests {
		re, err := Compile(test.expr)
		if err != nil {
			t.Errorf("%s: %v", test.expr, err)
			continue
		}
		if got := all(t, re, test.text); got != test.want {
			t.Errorf("%s on %q: %q, want %q", test.expr, test.text, got, test.want)
		}
	}
}

func TestInvalidRegexp(t *testing.T) {
	for _, expr := range []string{
		"[", "(", ")", "a)", "*a", "(?<n>a)", "(?P<n>a)", "(?'n'a)", `\`, "[b-a]", "a{3,2}", `(a)\2`,
		`\p{Nonsense}`, `\p`, "[]", "(?z)", "(?i", "(?#", `\x{110000}`, `\x{d800}`, "[[:alpha:]", "a{100001}", "\xff",
		strings.Repeat("(", 1000) + strings.Repeat(")", 1000),
	} {
		if _, err := Compile(expr); err == nil || err.Error() != "invalid regular expression: "+expr {
			t.Errorf("%.20s: %v", expr, err)
		}
	}
}

func TestGroups(t *testing.T) {
	re, err := Compile(`(a)|(b)(?=c)`)
	if err != nil {
		t.Fatal(err)
	}
	s := re.Search([]byte("bc"))
	loc, err := s.Find(0)
	if err != nil || re.Groups() != 2 {
		t.Fatal(err, re.Groups())
	}
	want := []int{0, 1, -1, -1, 0, 1}
	for i := range want {
		if loc[i] != want[i] {
			t.Fatalf("%v, want %v", loc, want)
		}
	}
}

func TestTimeLimit(t *testing.T) {
	t.Cleanup(regexp2.StopTimeoutClock)
	const expr = `^(([a-z])+.)+[A-Z]([a-z])+(?!x)`
	re, err := compile(expr, 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte(strings.Repeat("a", 1000))
	const want = "regular expression takes too long: " + expr
	s := re.Search(text)
	if _, err := s.Find(0); err == nil || err.Error() != want {
		t.Errorf("Find: %v", err)
	}
	if _, err := re.MatchStart(text); err == nil || err.Error() != want {
		t.Errorf("MatchStart: %v", err)
	}
	// The limit holds for all matches of a text together.
	if re, err = compile(`[a-z]+(1)`, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	text = append([]byte(strings.Repeat("a", 1<<16)), '1')
	s = re.Search(text)
	for at := 0; err == nil && at < len(text); at++ {
		_, err = s.Find(at)
	}
	if err == nil {
		t.Error("a search in the square of the text's length went on to the end")
	}
}

// FuzzCompile looks for expressions that panic, here or in the engines, and
// for matches that lie outside of the text.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{`(a)|b`, `[^\W\d]+`, `(?x) a # b`, `\Qa\E*`, `(?<=a)b\1`, `a{1,2}+?`, `[[:^alpha:]-\d]`} {
		f.Add(s, "ab1日\n")
	}
	f.Fuzz(func(t *testing.T, expr, text string) {
		if len(expr) > 30 || len(text) > 30 {
			return
		}
		re, err := Compile(expr)
		if err != nil {
			return
		}
		s := re.Search([]byte(text))
		for at := 0; at <= len(text); at++ {
			loc, err := s.Find(at)
			if err != nil || loc == nil {
				return
			}
			if loc[0] < at || loc[1] < loc[0] || loc[1] > len(text) || len(loc) != 2*re.Groups()+2 {
				t.Fatalf("match %v from %d", loc, at)
			}
		}
	})
}
