package bandit

import (
	"fmt"
	"testing"

	"github.com/jubatus/jubatus-go/learner/goldentest"
)

const benchArms, benchPlayers = 10, 1000

func benchmark(b *testing.B, cfg, method string, params func(i int) goldentest.List) {
	n := newNode(b, cfg)
	for i := range benchArms {
		n.must("register_arm", fmt.Sprint("arm", i))
	}
	calls := make([][]byte, benchPlayers)
	for i := range calls {
		for arm := range benchArms {
			n.must("select_arm", playerName(i))
			n.must("register_reward", playerName(i), fmt.Sprint("arm", arm), float64(i%2))
		}
		calls[i] = goldentest.Append(nil, params(i))
	}
	handle := goldentest.Direct(n.Engine, method)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := handle(calls[i%len(calls)]); err != nil {
			b.Fatal(err)
		}
	}
}

func playerName(i int) string { return fmt.Sprint("player", i) }

func BenchmarkSelectArm(b *testing.B) {
	for _, method := range []string{"epsilon_greedy", "epsilon_decreasing", "ucb1", "ts", "softmax", "exp3"} {
		b.Run(method, func(b *testing.B) {
			benchmark(b, settings(method, true), "select_arm", func(i int) goldentest.List { return goldentest.List{playerName(i)} })
		})
	}
}

func BenchmarkRegisterReward(b *testing.B) {
	for _, method := range []string{"epsilon_greedy", "exp3"} {
		b.Run(method, func(b *testing.B) {
			benchmark(b, settings(method, false), "register_reward", func(i int) goldentest.List {
				return goldentest.List{playerName(i), fmt.Sprint("arm", i%benchArms), float64(i % 3)}
			})
		})
	}
}

func BenchmarkGetArmInfo(b *testing.B) {
	benchmark(b, settings("ts", true), "get_arm_info", func(i int) goldentest.List { return goldentest.List{playerName(i)} })
}

func BenchmarkDiff(b *testing.B) {
	n := newNode(b, settings("ucb1", false), "a", "b", "c")
	for i := range 10000 {
		n.must("register_reward", playerName(i), "a", 1.0)
	}
	if ok, err := goldentest.Mix(n); !ok || err != nil {
		b.Fatal(ok, err)
	}
	n.must("register_reward", playerName(0), "a", 1.0)
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		out = mixable(n).Diff(out[:0])
	}
}
