package metrics

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// contentType is that of a text.
const contentType = "text/plain; version=0.0.4; charset=utf-8"

// A text is the text format of Prometheus, version 0.0.4: of each metric two comments, and a line for each series
// (prometheus.io/docs/instrumenting/exposition_formats).
type text struct{ bytes.Buffer }

// begin says what the samples that follow are.
func (t *text) begin(m Metric) {
	fmt.Fprintf(t, "# HELP %s %s\n# TYPE %[1]s %[3]s\n", m.Name, escape(m.Help, `\`, `\\`, "\n", `\n`), m.Kind)
}

// sample tells the number of one series.
func (t *text) sample(m Metric, value float64, labels []string) {
	fmt.Fprintf(t, "%s %s\n", seriesOf(m, labels), strconv.FormatFloat(value, 'f', -1, 64))
}

// seriesOf returns the name and the labels of a series.
func seriesOf(m Metric, labels []string) string {
	if len(labels) == 0 {
		return m.Name
	}
	pairs := make([]string, len(labels))
	for i, value := range labels {
		pairs[i] = fmt.Sprintf(`%s="%s"`, m.Labels[i], escape(value, `\`, `\\`, "\n", `\n`, `"`, `\"`))
	}
	return m.Name + "{" + strings.Join(pairs, ",") + "}"
}

func escape(s string, pairs ...string) string {
	if !strings.ContainsAny(s, "\\\n\"") {
		return s
	}
	return strings.NewReplacer(pairs...).Replace(s)
}
