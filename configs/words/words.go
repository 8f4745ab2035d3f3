// Package words has what whoever stands at a door is told: on the screen, in the list of the other ways in, and by whoever enrols them.
// There is one file for each language. English and Chinese are built in. Another is the operator's, and what it lacks is said in English.
package words

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"facegate/configs/hint"
	"facegate/configs/text"
)

// MaxSize is the greatest length of a file in bytes. That in English has some 3,000.
const MaxSize = 64 << 10

// maxWord is how many characters can be read of a screen in passing.
const maxWord = 100

// ErrFile says that a file is none of words.
var ErrFile = errors.New("this is no file of words")

//go:embed en.yaml zh.yaml
var files embed.FS

// Words are those of one language. The zero value is English.
type Words struct {
	texts map[string]string
}

// Say returns what is said for a key: in English where the language has no word for it, and "" for a key that there is not.
func (w Words) Say(key string) string {
	if said, ok := w.texts[key]; ok {
		return said
	}
	return english[key]
}

// Missing returns the keys for which the language has no word, sorted.
func (w Words) Missing() (keys []string) {
	for key := range english {
		if _, ok := w.texts[key]; !ok && w.texts != nil {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// List joins what stands in a row, as a sentence does: a, b or c.
func (w Words) List(all []string) string {
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	last := len(all) - 1
	return strings.Join(all[:last], w.Say("list-comma")) + w.Say("list-or") + all[last]
}

// Source returns the file of a language that is built in, to be translated; ok is false for another.
func Source(lang string) (file []byte, ok bool) {
	file, err := files.ReadFile(lang + ".yaml")
	return file, err == nil
}

// Of returns the words of a language that is built in, and those of English for another.
func Of(lang string) Words {
	if w, ok := builtIn[lang]; ok {
		return w
	}
	return builtIn["en"]
}

var (
	builtIn = map[string]Words{"en": read("en"), "zh": read("zh")}
	english = builtIn["en"].texts
)

// read reads a file that is built in. TestBuiltIn holds that it is whole.
func read(lang string) Words {
	file, _ := Source(lang)
	texts, _ := entries(lang, file, nil)
	return Words{texts}
}

// Parse reads the file of a language, of which name is said in errors. It refuses a key that there is not, one without a text, and a
// text that cannot be shown, each with its line.
func Parse(name string, file []byte) (Words, error) {
	texts, err := entries(name, file, english)
	if err != nil {
		return Words{}, hint.Wrap(err, "correct %s; the words in English, with every key, are printed by: facegate notice --words", name)
	}
	return Words{texts}, nil
}

// entries reads a file whose keys and marks have to be among those known, unless these are nil.
func entries(name string, file []byte, known map[string]string) (map[string]string, error) {
	if len(file) > MaxSize {
		return nil, fmt.Errorf("%s: %w: a text after each key is wanted, and nothing else", name, ErrFile)
	}
	parsed, err := parser.ParseBytes(file, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", name, ErrFile, yaml.FormatError(err, false, false))
	}
	texts := make(map[string]string)
	var faults []error
	for _, doc := range parsed.Docs {
		mapping, ok := doc.Body.(*ast.MappingNode)
		if !ok {
			return nil, fmt.Errorf("%s: %w: a text after each key is wanted, and nothing else", name, ErrFile)
		}
		for _, entry := range mapping.Values {
			key := entry.Key.GetToken()
			said, err := spoken(key.Value, entry.Value, known)
			if _, twice := texts[key.Value]; twice {
				err = errors.New("is set a second time")
			}
			if err != nil {
				faults = append(faults, fmt.Errorf("%s:%d: %s: %w", name, key.Position.Line, key.Value, err))
				continue
			}
			texts[key.Value] = said
		}
	}
	return texts, errors.Join(faults...)
}

// spoken returns the text of a key.
func spoken(key string, node ast.Node, known map[string]string) (string, error) {
	like, there := known[key]
	if known != nil && !there {
		return "", fmt.Errorf("nothing is called so; %s", nearest(key, known))
	}
	value, ok := node.(*ast.StringNode)
	if !ok || strings.TrimSpace(value.Value) == "" {
		return "", errors.New("a text is wanted here, in quotes if it has a colon or a #")
	}
	said := value.Value
	clean, err := text.Clean(strings.TrimSpace(said))
	switch {
	case err != nil:
		return "", fmt.Errorf("cannot be shown as it stands: %w", err)
	case utf8.RuneCountInString(said) > maxWord:
		return "", fmt.Errorf("is longer than %d characters", maxWord)
	case known != nil && strings.Contains(like, "@") != strings.Contains(said, "@"):
		return "", fmt.Errorf("has to have an @ where the English has one: %q", like)
	case strings.HasPrefix(key, "list-"):
		return said, nil // with the spaces around it
	}
	return clean, nil
}

// nearest names the key that was probably meant.
func nearest(key string, known map[string]string) string {
	keys := slices.Sorted(maps.Keys(known))
	return fmt.Sprintf("did you mean %q?", slices.MinFunc(keys, func(a, b string) int { return hint.Distance(key, a) - hint.Distance(key, b) }))
}
