package demo

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/jubatus/jubatus-go/learner/datum"
)

// iris is R. A. Fisher's data of 1936: lengths and widths of sepals and petals
// in centimetres, and the species. In the public domain.
//
//go:embed iris.csv
var iris []byte

// lesson is data to learn from and data to be asked about.
type lesson struct {
	name        string
	rounds      int // how often it is all learned and then shared
	train, test []example
}

type example struct {
	label string
	datum datum.Datum
}

func lessons() ([]lesson, error) {
	flowers, err := flowers()
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(1, 2))
	return []lesson{
		split("irises", 10, flowers, random),
		split("sentences", 1, sentences(random, 900), random),
	}, nil
}

// split keeps a third of the data, at random, for the test.
func split(name string, rounds int, all []example, random *rand.Rand) lesson {
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	third := len(all) / 3
	return lesson{name: name, rounds: rounds, train: all[third:], test: all[:third]}
}

var topics = map[string]string{
	"weather": "rain snow wind storm sun cloud cold warm fog thunder frost hail",
	"kitchen": "salt pepper oven bake butter flour soup taste onion simmer dough spice",
	"music":   "guitar drum chord melody song singer tempo album violin choir bass tune",
}

const filler = "the a of and is with for today some very this that was more our it"

// sentences makes up sentences of which a few words tell the topic. Those are
// compounds, like stormcloud: so many that no server hears all of them, while
// together they hear most.
func sentences(random *rand.Rand, n int) []example {
	labels := []string{"weather", "kitchen", "music"}
	common := strings.Fields(filler)
	all := make([]example, n)
	for i := range all {
		label := labels[i%len(labels)]
		special := strings.Fields(topics[label])
		words := make([]string, 10)
		for w := range words {
			if w < 2 {
				words[w] = special[random.IntN(len(special))] + special[random.IntN(len(special))]
			} else {
				words[w] = common[random.IntN(len(common))]
			}
		}
		random.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		all[i].label = label
		all[i].datum.AddString("text", strings.Join(words, " "))
	}
	return all
}

func flowers() ([]example, error) {
	rows, err := csv.NewReader(bytes.NewReader(iris)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read irises: %w", err)
	}
	names := []string{"sepal length", "sepal width", "petal length", "petal width"}
	all := make([]example, len(rows))
	for i, row := range rows {
		for j, name := range names {
			value, err := strconv.ParseFloat(row[j], 64)
			if err != nil {
				return nil, fmt.Errorf("read irises: line %d: %w", i+1, err)
			}
			all[i].datum.AddNum(name, value)
		}
		all[i].datum.AddNum("one", 1) // lets the classifier learn thresholds
		all[i].label = row[len(names)]
	}
	return all, nil
}
