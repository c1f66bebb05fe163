package pattern

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// runeSet is a set of characters: pairs of first and last, ascending.
type runeSet []rune

// tables returns the set of the characters in any of the tables.
func tables(list ...*unicode.RangeTable) runeSet {
	var all []([2]rune)
	add := func(low, high, stride rune) {
		if stride == 1 {
			all = append(all, [2]rune{low, high})
			return
		}
		for r := low; r <= high; r += stride {
			all = append(all, [2]rune{r, r})
		}
	}
	for _, t := range list {
		for _, r := range t.R16 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		for _, r := range t.R32 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
	}
	slices.SortFunc(all, func(a, b [2]rune) int { return cmp.Compare(a[0], b[0]) })
	var s runeSet
	for _, r := range all {
		if n := len(s); n > 0 && r[0] <= s[n-1]+1 {
			s[n-1] = max(s[n-1], r[1])
		} else {
			s = append(s, r[0], r[1])
		}
	}
	return s
}

// negated returns the characters that are not in the set.
func (s runeSet) negated() runeSet {
	var n runeSet
	next := rune(0)
	for i := 0; i < len(s); i += 2 {
		if s[i] > next {
			n = append(n, next, s[i]-1)
		}
		next = s[i+1] + 1
	}
	if next <= unicode.MaxRune {
		n = append(n, next, unicode.MaxRune)
	}
	return n
}

// text returns the set as it stands between the brackets of a class.
func (s runeSet) text() string {
	var b strings.Builder
	for i := 0; i < len(s); i += 2 {
		writeRange(&b, s[i], s[i+1])
	}
	return b.String()
}

// writeRange writes a range of a class; UTF-8 has no surrogates, so it leaves
// them out.
func writeRange(b *strings.Builder, first, last rune) {
	const low, high = 0xd800, 0xdfff
	if first < low && last > high {
		writeRange(b, first, low-1)
		writeRange(b, high+1, last)
		return
	}
	if first >= low && first <= high {
		first = high + 1
	}
	if last >= low && last <= high {
		last = low - 1
	}
	if first > last {
		return
	}
	writeLiteral(b, first)
	if last > first {
		b.WriteByte('-')
		writeLiteral(b, last)
	}
}

// writeLiteral writes a character so that it means itself, inside brackets
// and outside.
func writeLiteral(b *strings.Builder, r rune) {
	switch {
	case r < ' ' || r == 0x7f:
		const hex = "0123456789abcdef"
		b.WriteString(`\x`)
		b.WriteByte(hex[r>>4])
		b.WriteByte(hex[r&15])
	case r < 0x80 && !isAlnum(byte(r)) && r != '_' && r != ' ':
		b.WriteByte('\\')
		b.WriteByte(byte(r))
	default:
		b.WriteRune(r)
	}
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// Texts of classes whose members Unicode decides. In brackets they can stand
// beside others.
const (
	digitClass = `\p{Nd}`
	wordClass  = `\p{L}\p{M}\p{N}\p{Pc}`
)

// posix are the bracket names, as in [[:alpha:]], and their tables.
var posix = map[string][]*unicode.RangeTable{
	"alnum":  {unicode.L, unicode.M, unicode.Nd},
	"alpha":  {unicode.L, unicode.M},
	"ascii":  {{R16: []unicode.Range16{{Lo: 0, Hi: 0x7f, Stride: 1}}}},
	"blank":  {unicode.Zs, {R16: []unicode.Range16{{Lo: '\t', Hi: '\t', Stride: 1}}}},
	"cntrl":  {unicode.Cc, unicode.Cf, unicode.Co},
	"digit":  {unicode.Nd},
	"graph":  {unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Cf, unicode.Co},
	"lower":  {unicode.Ll},
	"print":  {unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Cf, unicode.Co, unicode.Zs},
	"punct":  {unicode.P},
	"space":  {unicode.White_Space},
	"upper":  {unicode.Lu},
	"xdigit": {unicode.ASCII_Hex_Digit},
	"word":   {unicode.L, unicode.M, unicode.N, unicode.Pc},
}

// property returns the class text of \p{name}. Case, blanks, "_" and "-" in
// names do not count.
func property(name string, negated bool) (string, bool) {
	fold := strings.NewReplacer(" ", "", "_", "", "-", "")
	name = strings.ToLower(fold.Replace(name))
	if name == "any" {
		return setText(runeSet{0, unicode.MaxRune}, negated), true
	}
	if list, ok := posix[name]; ok {
		return setText(tables(list...), negated), true
	}
	for _, known := range []map[string]*unicode.RangeTable{unicode.Categories, unicode.Scripts} {
		for k := range known {
			if strings.ToLower(fold.Replace(k)) == name {
				if negated {
					return `\P{` + k + `}`, true
				}
				return `\p{` + k + `}`, true
			}
		}
	}
	for k, table := range unicode.Properties {
		if strings.ToLower(fold.Replace(k)) == name {
			return setText(tables(table), negated), true
		}
	}
	for k, category := range unicode.CategoryAliases {
		if strings.ToLower(fold.Replace(k)) == name {
			return property(category, negated)
		}
	}
	return "", false
}

func setText(s runeSet, negated bool) string {
	if negated {
		s = s.negated()
	}
	return s.text()
}
