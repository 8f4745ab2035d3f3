package evaluate

// A step of a curve is a threshold and how many scores are at or above it.
type step struct {
	threshold         float64
	genuine, impostor int64
}

// A curve holds all that a threshold can do to two kinds of score, by rising threshold: at the first step all of
// them are accepted, at the last none.
type curve []step

func curveOf(genuine, impostor *Histogram) curve {
	c := curve{{edge(0), genuine.total, impostor.total}}
	for i := range bins {
		g, m := genuine.counts[i], impostor.counts[i]
		if g == 0 && m == 0 {
			continue
		}
		last := c[len(c)-1]
		c = append(c, step{edge(i + 1), last.genuine - g, last.impostor - m})
	}
	return c
}

// rates returns FMR and FNMR at step i.
func (c curve) rates(i int) (fmr, fnmr float64) {
	return ratio(c[i].impostor, c[0].impostor), ratio(c[0].genuine-c[i].genuine, c[0].genuine)
}

// auc is the trapezoid under the curve, which is the Mann-Whitney statistic with ties counted half.
func (c curve) auc() float64 {
	var area float64
	for i := 1; i < len(c); i++ {
		area += float64(c[i-1].impostor-c[i].impostor) * (float64(c[i-1].genuine) + float64(c[i].genuine)) / 2
	}
	return area / (float64(c[0].impostor) * float64(c[0].genuine))
}

// eer interpolates the rate between the two steps where FMR falls to FNMR or below, and returns the threshold of the
// second.
func (c curve) eer() (rate, threshold float64) {
	for i := 1; i < len(c); i++ {
		fmr, fnmr := c.rates(i)
		if fmr > fnmr {
			continue
		}
		before, beforeFNMR := c.rates(i - 1)
		w := (before - beforeFNMR) / (before - beforeFNMR + fnmr - fmr)
		return before + w*(fmr-before), c[i].threshold
	}
	return 0, 0
}
