package evaluate

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"facegate/configs/hint"
)

// ErrPairs is wrapped by the errors of a pairs file that breaks its format.
var ErrPairs = errors.New("pairs file is invalid")

// A Pair is two pictures to be called same or different, by their path <person>/<picture> without the extension.
type Pair struct {
	A, B string
	Same bool // whether they show one person
}

// ParsePairs reads the pairs of Labeled Faces in the Wild (Huang et al. 2007, pairs.txt), one slice for each fold: a
// line with the number of folds F and of pairs P, then for each fold P lines "name i j" of one person and P lines
// "name i name j" of two, separated by tabs. Its errors wrap ErrPairs and give the line, unless r itself failed.
func ParsePairs(r io.Reader) ([][]Pair, error) {
	p := pairParser{lines: bufio.NewScanner(r)}
	folds, err := p.parse()
	if ioErr := p.lines.Err(); ioErr != nil && !errors.Is(ioErr, bufio.ErrTooLong) {
		return nil, fmt.Errorf("pairs file: %w", ioErr)
	}
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("%w: line %d: %w", ErrPairs, p.line, err),
			"give pairs.txt of Labeled Faces in the Wild, view 2")
	}
	return folds, nil
}

type pairParser struct {
	lines *bufio.Scanner
	line  int
}

func (p *pairParser) next() ([]string, error) {
	p.line++
	if !p.lines.Scan() {
		return nil, errors.New("the file ends too early")
	}
	return strings.Fields(p.lines.Text()), nil
}

func (p *pairParser) parse() ([][]Pair, error) {
	head, err := p.next()
	if err != nil {
		return nil, err
	}
	if len(head) != 2 {
		return nil, errors.New("want two numbers: folds and pairs a fold")
	}
	folds, err := positive(head[0])
	if err != nil {
		return nil, err
	}
	if folds < 2 {
		return nil, errors.New("want at least two folds: a threshold is chosen on the others")
	}
	pairs, err := positive(head[1])
	if err != nil {
		return nil, err
	}
	var all [][]Pair
	for range folds {
		fold, err := p.fold(pairs)
		if err != nil {
			return nil, err
		}
		all = append(all, fold)
	}
	p.line++
	if p.lines.Scan() && strings.TrimSpace(p.lines.Text()) != "" {
		return nil, errors.New("more lines than the first line says")
	}
	return all, nil
}

func (p *pairParser) fold(pairs int) ([]Pair, error) {
	var fold []Pair
	for _, same := range []bool{true, false} {
		for range pairs {
			fields, err := p.next()
			if err != nil {
				return nil, err
			}
			pair, err := parsePair(fields, same)
			if err != nil {
				return nil, err
			}
			fold = append(fold, pair)
		}
	}
	return fold, nil
}

func parsePair(fields []string, same bool) (Pair, error) {
	if same {
		if len(fields) != 3 {
			return Pair{}, errors.New("want a name and two numbers")
		}
		fields = []string{fields[0], fields[1], fields[0], fields[2]}
	}
	if len(fields) != 4 {
		return Pair{}, errors.New("want a name and a number, twice")
	}
	a, err := picture(fields[0], fields[1])
	if err != nil {
		return Pair{}, err
	}
	b, err := picture(fields[2], fields[3])
	if err != nil {
		return Pair{}, err
	}
	return Pair{a, b, same}, nil
}

func picture(name, number string) (string, error) {
	n, err := positive(number)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s/%s_%04d", name, name, n), nil
}

func positive(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a positive number", s)
	}
	return int(n), nil
}

// A Verification is the outcome of the LFW protocol for one scorer.
type Verification struct {
	Name     string    `json:"name"`
	Accuracy float64   `json:"accuracy"`       // mean over the folds
	StdErr   float64   `json:"standard_error"` // of that mean: sample standard deviation / sqrt(folds)
	Folds    []float64 `json:"folds"`          // accuracy of each
	Pairs    int       `json:"pairs"`

	// Rejected counts pairs with a picture that is not among the samples because it gave no vector, or was not in the
	// folder. They are called different: an error if they show one person.
	Rejected int `json:"rejected"`
}

// Verify runs the view 2 protocol of Labeled Faces in the Wild (Huang et al. 2007): for each fold the threshold that
// is best on all the others. The first picture of a pair is the enrolled one.
func Verify(folds [][]Pair, samples []Sample, s Scorer) (*Verification, error) {
	if s.Len() != len(samples) {
		return nil, fmt.Errorf("%d samples, but the scorer has %d", len(samples), s.Len())
	}
	if len(folds) < 2 {
		return nil, fmt.Errorf("%d folds: %w", len(folds), ErrTooFew)
	}
	index := make(map[string]int, len(samples))
	for i, sample := range samples {
		index[strings.TrimSuffix(sample.Picture, path.Ext(sample.Picture))] = i
	}
	v := &Verification{Name: s.String()}
	scored := make([][]decision, len(folds))
	for f, fold := range folds {
		v.Pairs += len(fold)
		for _, pair := range fold {
			d := decision{same: pair.Same, score: math.Inf(-1)}
			a, okA := index[pair.A]
			b, okB := index[pair.B]
			if okA && okB {
				var score [1]float32
				s.Score(score[:], []int{b}, []int{a})
				d.score = float64(score[0])
			} else {
				v.Rejected++
			}
			scored[f] = append(scored[f], d)
		}
	}
	for f, fold := range scored {
		threshold := bestThreshold(slices.Concat(slices.Concat(scored[:f]...), slices.Concat(scored[f+1:]...)))
		v.Folds = append(v.Folds, accuracy(fold, threshold))
	}
	v.Accuracy, v.StdErr = meanAndError(v.Folds)
	return v, nil
}

// A decision is to be taken on a pair by its score.
type decision struct {
	score float64 // -Inf for a pair that cannot be compared
	same  bool
}

// bestThreshold returns the threshold with the most right decisions, half-way between two scores; of several the
// highest. It sorts the decisions.
func bestThreshold(decisions []decision) float64 {
	slices.SortFunc(decisions, func(a, b decision) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	// Going down from above the highest score, each pair of one person turns right and each other pair wrong.
	best, threshold := 0, math.Inf(1)
	gain := 0
	for i, d := range decisions {
		if math.IsInf(d.score, -1) {
			break
		}
		if d.same {
			gain++
		} else {
			gain--
		}
		last := i == len(decisions)-1 || math.IsInf(decisions[i+1].score, -1)
		switch {
		case gain <= best || !last && decisions[i+1].score == d.score:
		case last:
			best, threshold = gain, d.score
		default:
			best, threshold = gain, (d.score+decisions[i+1].score)/2
		}
	}
	return threshold
}

func accuracy(decisions []decision, threshold float64) float64 {
	var right int64
	for _, d := range decisions {
		if (d.score >= threshold) == d.same {
			right++
		}
	}
	return ratio(right, int64(len(decisions)))
}

func meanAndError(values []float64) (mean, stdErr float64) {
	n := float64(len(values))
	for _, v := range values {
		mean += v / n
	}
	var sum float64
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sum / (n - 1) / n)
}
