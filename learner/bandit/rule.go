package bandit

import (
	"math"
	"slices"

	"github.com/jubatus/jubatus-go/learner/mt19937"
)

// rule is a method: how arms are chosen and what rewards mean.
type rule struct {
	// choose returns the place of an arm; there is at least one.
	choose func(v *view, r *mt19937.Source) int
	// gain is what a reward for the arm in that place adds to its weight; nil
	// for the reward itself.
	gain func(v *view, place int, reward float64) float64

	assumeUnrewarded bool // an arm is tried when it is chosen, not when it is rewarded
	lenient          bool // a reward for an unknown arm is no error
	binary           bool // rewards are 0 or 1
}

// view is what is known of the arms for one player, in the order of
// registration.
type view struct {
	arms   []numbers
	trials int64     // of all arms, also those that are gone
	shares []float64 // memory of what weighs arms
}

// look fills the view for a player, who may be nil.
func (v *view) look(s *store, p *player) {
	v.arms = slices.Grow(v.arms[:0], len(s.arms.order))
	for i, arm := range s.arms.order {
		v.arms = append(v.arms, p.of(arm, i))
	}
	v.trials = p.trials()
}

// expectation is the mean reward of an arm; 0 if it was not tried.
func (v *view) expectation(i int) float64 {
	n := &v.arms[i]
	if n.trials == 0 {
		return 0
	}
	return n.weight / float64(n.trials)
}

// best is the arm with the largest score, the first of equal ones.
func (v *view) best(score func(i int) float64) int {
	best, top := 0, math.Inf(-1)
	for i := range v.arms {
		if s := score(i); s > top {
			best, top = i, s
		}
	}
	return best
}

// any is one of the arms, all of them as probable.
func (v *view) any(r *mt19937.Source) int { return r.Intn(len(v.arms)) }

// epsilonGreedy explores at a constant rate (Sutton and Barto, "Reinforcement
// Learning", 1998).
func epsilonGreedy(epsilon float64) rule {
	return rule{choose: func(v *view, r *mt19937.Source) int {
		if r.Float64() < epsilon {
			return v.any(r)
		}
		return v.best(v.expectation)
	}}
}

// epsilonDecreasing explores ever less (Auer, Cesa-Bianchi and Fischer,
// "Finite-time Analysis of the Multiarmed Bandit Problem", Machine Learning
// 47, 2002; with ln t / t as in Cesa-Bianchi and Fischer, ICML 1998).
func epsilonDecreasing(d float64) rule {
	return rule{choose: func(v *view, r *mt19937.Source) int {
		t := float64(v.trials + 1)
		epsilon := min(1, 5*float64(len(v.arms))*(math.Log(t)/t)/float64(d*d))
		if r.Float64() < epsilon {
			return v.any(r)
		}
		return v.best(v.expectation)
	}}
}

// ucb1 takes the arm with the highest upper confidence bound (Auer,
// Cesa-Bianchi and Fischer, Machine Learning 47, 2002).
func ucb1() rule {
	return rule{choose: func(v *view, _ *mt19937.Source) int {
		for i := range v.arms {
			if v.arms[i].trials == 0 {
				return i
			}
		}
		ln := math.Log(float64(v.trials))
		return v.best(func(i int) float64 {
			return v.expectation(i) + math.Sqrt(float64(2*ln)/float64(v.arms[i].trials))
		})
	}}
}

// thompson draws from what each arm's rate of success may be, and takes the
// highest (Thompson, Biometrika 25, 1933; Chapelle and Li, NIPS 2011).
func thompson() rule {
	return rule{
		lenient: true, binary: true,
		choose: func(v *view, r *mt19937.Source) int {
			return v.best(func(i int) float64 {
				n := &v.arms[i]
				return r.Beta(n.weight+1, float64(n.trials)-n.weight+1)
			})
		},
	}
}

// softmax takes arms with probabilities that grow exponentially with what is
// expected of them (Luce, "Individual Choice Behavior", 1959).
func softmax(tau float64) rule {
	return rule{choose: func(v *view, r *mt19937.Source) int {
		v.exponentials(func(i int) float64 { return v.expectation(i) / tau })
		return v.pick(r)
	}}
}

// exp3 is for rewards that an adversary may choose (Auer, Cesa-Bianchi, Freund
// and Schapire, "The Nonstochastic Multiarmed Bandit Problem", SIAM Journal on
// Computing 32(1), 2002). Weights are the logarithms of those there.
func exp3(gamma float64) rule {
	weigh := func(v *view) {
		sum := v.exponentials(func(i int) float64 { return v.arms[i].weight })
		k := float64(len(v.shares))
		for i, w := range v.shares {
			v.shares[i] = float64((1-gamma)*w)/sum + gamma/k
		}
	}
	return rule{
		lenient: true,
		choose: func(v *view, r *mt19937.Source) int {
			weigh(v)
			return v.pick(r)
		},
		gain: func(v *view, place int, reward float64) float64 {
			weigh(v)
			return float64(reward/v.shares[place]*gamma) / float64(len(v.shares))
		},
	}
}

// exponentials makes the shares e to the power of what is given, or, where
// that is too much or too little for all of them, the same proportions in
// smaller or larger numbers. It returns their sum.
func (v *view) exponentials(of func(i int) float64) float64 {
	sum := v.exponentialsLess(of, 0)
	if sum == 0 || math.IsInf(sum, 1) {
		top := math.Inf(-1)
		for i := range v.arms {
			top = max(top, of(i))
		}
		sum = v.exponentialsLess(of, top)
	}
	return sum
}

func (v *view) exponentialsLess(of func(i int) float64, less float64) float64 {
	v.shares = v.shares[:0]
	sum := 0.0
	for i := range v.arms {
		w := math.Exp(of(i) - less)
		v.shares = append(v.shares, w)
		sum += w
	}
	return sum
}

// pick draws an arm with the probability of its share.
func (v *view) pick(r *mt19937.Source) int {
	total := 0.0
	for _, w := range v.shares {
		total += w
	}
	x, sum := float64(total*r.Float64()), 0.0
	last := len(v.shares) - 1
	for i, w := range v.shares[:last] {
		sum += w
		if x < sum {
			return i
		}
	}
	return last
}
