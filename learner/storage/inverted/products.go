package inverted

// atOnce is how many features are added to dot products at a time.
const atOnce = 4

// products computes the dot products with all rows, of each in the order of
// the features.
func (x *Index) products(q *search) {
	n := len(x.norms)
	if cap(q.dots) < n {
		q.dots = make([]float64, n+n/4)
	}
	q.dots = q.dots[:n]
	clear(q.dots)
	terms := q.terms
	for len(terms) >= atOnce {
		some := (*[atOnce]term)(terms)
		n := len(q.dots)
		for i := 0; i < atOnce && n > 0; i++ {
			n = min(n, some[i].leading())
		}
		addLeading(q.dots[:n], some)
		n = addAligned(q.dots, some, n)
		for i := range some {
			some[i].add(q.dots, n)
		}
		terms = terms[atOnce:]
	}
	for i := range terms {
		n := terms[i].leading()
		terms[i].addLeading(q.dots[:n])
		terms[i].add(q.dots, n)
	}
}

// leading is how many of the first rows have products at their numbers. Cells
// that are not live add 0 and change nothing, unless the value is such that it
// makes something of them.
func (t *term) leading() int {
	if t.value-t.value != 0 { // infinite, or not a number
		return 0
	}
	return t.list.leading()
}

// addLeading adds the products of the first rows, which all lists have.
func addLeading(dots []float64, terms *[atOnce]term) {
	n := len(dots)
	x, a := terms[0].value, terms[0].list.values[:n]
	y, b := terms[1].value, terms[1].list.values[:n]
	z, c := terms[2].value, terms[2].list.values[:n]
	w, d := terms[3].value, terms[3].list.values[:n]
	i := 0
	for m := paired(n); m > 0; m = paired(n - i) {
		addPairs(&dots[i], &a[i], &b[i], &c[i], &d[i], m, x, y, z, w)
		i += 2 * m
	}
	// What is left, or all of it. Two rows at a time do not wait for one
	// another's sums.
	for ; i < n-1; i += 2 {
		s, t := dots[i], dots[i+1]
		s += float64(x * a[i])
		t += float64(x * a[i+1])
		s += float64(y * b[i])
		t += float64(y * b[i+1])
		s += float64(z * c[i])
		t += float64(z * c[i+1])
		s += float64(w * d[i])
		t += float64(w * d[i+1])
		dots[i], dots[i+1] = s, t
	}
	if i < n {
		s := dots[i]
		s += float64(x * a[i])
		s += float64(y * b[i])
		s += float64(z * c[i])
		s += float64(w * d[i])
		dots[i] = s
	}
}

// addAligned adds the products of the cells from an index on, as long as they
// are of the same rows in all lists, and returns the index of the next.
func addAligned(dots []float64, terms *[atOnce]term, from int) int {
	n := terms[0].list.len()
	for i := range terms {
		if terms[i].list.len() != n || terms[i].value-terms[i].value != 0 {
			return from
		}
	}
	x, a, p := terms[0].value, terms[0].list.values[:n], terms[0].list.rows[:n]
	y, b, q := terms[1].value, terms[1].list.values[:n], terms[1].list.rows[:n]
	z, c, r := terms[2].value, terms[2].list.values[:n], terms[2].list.rows[:n]
	w, d, s := terms[3].value, terms[3].list.values[:n], terms[3].list.rows[:n]
	for i := from; i < n; i++ {
		row := p[i]
		if q[i] != row || r[i] != row || s[i] != row {
			return i
		}
		sum := dots[row] + float64(x*a[i])
		sum += float64(y * b[i])
		sum += float64(z * c[i])
		dots[row] = sum + float64(w*d[i])
	}
	return n
}

// addLeading adds the products of the first rows.
func (t *term) addLeading(dots []float64) {
	for i, v := range t.list.values[:len(dots)] {
		dots[i] += float64(t.value * v)
	}
}

// add adds the products of the cells from an index on, if they are live.
func (t *term) add(dots []float64, from int) {
	values := t.list.values[from:]
	rows := t.list.rows[from:][:len(values)]
	for i, v := range values {
		if v != 0 {
			dots[rows[i]] += float64(t.value * v)
		}
	}
}
