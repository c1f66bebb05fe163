package standard

import "strings"

// stem returns the stem of an English word by Porter's algorithm (1980) with
// the extensions of NLTK's PorterStemmer.
func stem(word string) string {
	word = strings.ToLower(word)
	if s, ok := irregular[word]; ok {
		return s
	}
	w := []rune(word)
	if len(w) <= 2 || len(w) > maxWord {
		return word
	}
	for _, step := range []func([]rune) []rune{step1a, step1b, step1c, step2, step3, step4, step5a, step5b} {
		w = step(w)
	}
	return string(w)
}

// maxWord is how long a word can be: stemming takes time in the square of it.
const maxWord = 200

var irregular = map[string]string{
	"sky": "sky", "skies": "sky", "dying": "die", "lying": "lie", "tying": "tie",
	"news": "news", "innings": "inning", "inning": "inning", "outings": "outing", "outing": "outing",
	"cannings": "canning", "canning": "canning", "howe": "howe",
	"proceed": "proceed", "exceed": "exceed", "succeed": "succeed",
}

// isVowel reports whether the i-th letter is a vowel, as y is behind a
// consonant.
func isVowel(w []rune, i int) bool {
	switch w[i] {
	case 'a', 'e', 'i', 'o', 'u':
		return true
	case 'y':
		// Runs of y alternate from their start.
		start := i
		for start > 0 && w[start-1] == 'y' {
			start--
		}
		first := start > 0 && !isVowel(w, start-1)
		return first == ((i-start)%2 == 0)
	default:
		return false
	}
}

// measure counts how often a vowel is followed by a consonant.
func measure(w []rune) int {
	n := 0
	for i := 1; i < len(w); i++ {
		if isVowel(w, i-1) && !isVowel(w, i) {
			n++
		}
	}
	return n
}

func hasVowel(w []rune) bool {
	for i := range w {
		if isVowel(w, i) {
			return true
		}
	}
	return false
}

// short reports whether w ends in consonant, vowel, consonant other than w, x
// and y, or is a vowel and a consonant.
func short(w []rune) bool {
	n := len(w)
	if n == 2 {
		return isVowel(w, 0) && !isVowel(w, 1)
	}
	return n >= 3 && !isVowel(w, n-3) && isVowel(w, n-2) && !isVowel(w, n-1) &&
		w[n-1] != 'w' && w[n-1] != 'x' && w[n-1] != 'y'
}

func doubleConsonant(w []rune) bool {
	n := len(w)
	return n >= 2 && w[n-1] == w[n-2] && !isVowel(w, n-1)
}

// cut returns w without the suffix.
func cut(w []rune, suffix string) ([]rune, bool) {
	n := len(w) - len(suffix)
	if n < 0 || string(w[n:]) != suffix {
		return w, false
	}
	return w[:n:n], true
}

func join(w []rune, suffix string) []rune { return append(w, []rune(suffix)...) }

// rule replaces a suffix.
type rule struct{ suffix, by string }

// replace applies the first rule whose suffix fits, if the stem before it is
// long enough.
func replace(w []rune, rules []rule, long func(stem []rune, r rule) bool) []rune {
	for _, r := range rules {
		if s, ok := cut(w, r.suffix); ok {
			if long(s, r) {
				return join(s, r.by)
			}
			return w
		}
	}
	return w
}

func always([]rune, rule) bool       { return true }
func measured(s []rune, _ rule) bool { return measure(s) > 0 }

func step1a(w []rune) []rune {
	if s, ok := cut(w, "ies"); ok && len(w) == 4 {
		return join(s, "ie")
	}
	return replace(w, []rule{{"sses", "ss"}, {"ies", "i"}, {"ss", "ss"}, {"s", ""}}, always)
}

func step1b(w []rune) []rune {
	if s, ok := cut(w, "ied"); ok {
		if len(w) == 4 {
			return join(s, "ie")
		}
		return join(s, "i")
	}
	if s, ok := cut(w, "eed"); ok {
		if measure(s) > 0 {
			return join(s, "ee")
		}
		return w
	}
	s, ok := cut(w, "ed")
	if !ok || !hasVowel(s) {
		if s, ok = cut(w, "ing"); !ok || !hasVowel(s) {
			return w
		}
	}
	for _, ending := range []string{"at", "bl", "iz"} {
		if _, ok := cut(s, ending); ok {
			return join(s, "e")
		}
	}
	switch last := s[len(s)-1]; {
	case doubleConsonant(s):
		if last != 'l' && last != 's' && last != 'z' {
			s = s[:len(s)-1]
		}
		return s
	case measure(s) == 1 && short(s):
		return join(s, "e")
	}
	return s
}

func step1c(w []rune) []rune {
	if s, ok := cut(w, "y"); ok && len(s) > 1 && !isVowel(s, len(s)-1) {
		return join(s, "i")
	}
	return w
}

func step2(w []rune) []rune {
	if s, ok := cut(w, "alli"); ok && measure(s) > 0 {
		return step2(join(s, "al"))
	}
	return replace(w, []rule{
		{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"}, {"anci", "ance"}, {"izer", "ize"},
		{"bli", "ble"}, {"alli", "al"}, {"entli", "ent"}, {"eli", "e"}, {"ousli", "ous"},
		{"ization", "ize"}, {"ation", "ate"}, {"ator", "ate"}, {"alism", "al"}, {"iveness", "ive"},
		{"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"}, {"iviti", "ive"}, {"biliti", "ble"},
		{"fulli", "ful"}, {"logi", "log"},
	}, func(s []rune, r rule) bool {
		if r.suffix == "logi" {
			return measure(w[:len(w)-3]) > 0
		}
		return measure(s) > 0
	})
}

func step3(w []rune) []rune {
	return replace(w, []rule{
		{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"}, {"ical", "ic"}, {"ful", ""}, {"ness", ""},
	}, measured)
}

func step4(w []rune) []rune {
	return replace(w, []rule{
		{"al", ""}, {"ance", ""}, {"ence", ""}, {"er", ""}, {"ic", ""}, {"able", ""}, {"ible", ""},
		{"ant", ""}, {"ement", ""}, {"ment", ""}, {"ent", ""}, {"ion", ""}, {"ou", ""}, {"ism", ""},
		{"ate", ""}, {"iti", ""}, {"ous", ""}, {"ive", ""}, {"ize", ""},
	}, func(s []rune, r rule) bool {
		if r.suffix == "ion" && (len(s) == 0 || s[len(s)-1] != 's' && s[len(s)-1] != 't') {
			return false
		}
		return measure(s) > 1
	})
}

func step5a(w []rune) []rune {
	if s, ok := cut(w, "e"); ok {
		if m := measure(s); m > 1 || m == 1 && !short(s) {
			return s
		}
	}
	return w
}

func step5b(w []rune) []rune {
	if s, ok := cut(w, "l"); ok && len(s) > 0 && s[len(s)-1] == 'l' && measure(s) > 1 {
		return s
	}
	return w
}
