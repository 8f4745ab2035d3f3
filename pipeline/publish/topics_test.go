package publish_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"facegate/pipeline/publish"
)

// TestTopics checks that the table says of each topic what is said on it, and that the page for consumers has them all.
func TestTopics(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "events.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, topic := range publish.Topics() {
		switch {
		case seen[topic.Name]:
			t.Errorf("%s is there twice", topic.Name)
		case topic.Retained && topic.QoS != 1, topic.QoS > 1:
			t.Errorf("%s is said at QoS %d, retained %t", topic.Name, topic.QoS, topic.Retained)
		case !slices.Contains([]publish.Party{publish.Gate, publish.Building, publish.Witness}, topic.From):
			t.Errorf("on %s speaks %q", topic.Name, topic.From)
		case !strings.HasSuffix(topic.Doc, "."):
			t.Errorf("of %s it says %q", topic.Name, topic.Doc)
		case len(topic.Words) > 0 && reflect.TypeOf(topic.Payload).Kind() != reflect.String:
			t.Errorf("%s has words, and is no text", topic.Name)
		}
		seen[topic.Name] = true
		row := slices.IndexFunc(strings.Split(string(page), "\n"), func(line string) bool {
			return strings.HasPrefix(line, "| `"+topic.Name+"` |")
		})
		if row < 0 {
			t.Errorf("docs/events.md says nothing of %s", topic.Name)
		}
	}
}
