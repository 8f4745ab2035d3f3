package configs

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/configs/text"
	"facegate/configs/words"
)

// A Language is one that facegate itself has no notice in.
type Language struct {
	Notice    Included `yaml:"notice"` // file: the notice in that language, with the places of that in English
	Said      Included `yaml:"words"`  // file: what is said at the door, "" for English
	Place     string   `yaml:"place"`  // as of Words
	Purpose   string   `yaml:"purpose"`
	Necessity string   `yaml:"necessity"`
	Rights    string   `yaml:"rights"`
}

func (l Language) words() Words { return Words{l.Place, l.Purpose, l.Necessity, l.Rights} }

// An Included is a file that a configuration includes.
type Included struct {
	Path string
	text string
}

// UnmarshalText implements encoding.TextUnmarshaler. The file is read when all else is in order.
func (i *Included) UnmarshalText(path []byte) error {
	i.Path = string(path)
	return nil
}

// tags returns the languages of the operator, in the order of their names.
func (n *Notice) tags() (all []notice.Language) {
	for _, lang := range slices.Sorted(maps.Keys(n.Languages)) {
		all = append(all, notice.Language(lang))
	}
	return all
}

// foreign returns the languages of the operator as the notice wants them, in the order of their names.
func (n *Notice) foreign() (all []notice.Foreign) {
	for _, lang := range n.tags() {
		l := n.Languages[string(lang)]
		said, _ := words.Parse(l.Said.Path, []byte(l.Said.text)) // it was checked, and what is missing is said in English
		all = append(all, notice.Foreign{
			Language: lang, Words: notice.Words(l.words()), File: l.Notice.Path, Text: l.Notice.text, Says: said,
		})
	}
	return all
}

// Unsaid returns for each language of the operator's what is said in English at the door because its file of words lacks it.
func (c *Config) Unsaid() map[string][]string {
	unsaid := make(map[string][]string)
	for _, f := range c.Notice.foreign() {
		if missing := f.Says.Missing(); len(missing) > 0 {
			unsaid[string(f.Language)] = missing
		} else if c.Notice.Languages[string(f.Language)].Said.Path == "" {
			unsaid[string(f.Language)] = []string{"everything"}
		}
	}
	return unsaid
}

// further checks the languages of the operator, and includes their files.
func (d *document) further(cfg *Config) {
	for _, lang := range slices.Sorted(maps.Keys(cfg.Notice.Languages)) {
		key := "notice.languages." + lang
		tag, err := language.Parse(lang)
		d.check(err == nil && tag.String() == lang && !strings.HasPrefix(lang, "x-"), key, // browsers know no date in one of one's own
			"%q is no language; write its tag (BCP 47), such as de, ar or pt-BR", lang)
		d.check(!slices.Contains(notice.Languages(), notice.Language(lang)), key, "the notice in %s is facegate's own; write notice.%[1]s", lang)
		l := cfg.Notice.Languages[lang]
		d.statement(key+".place", &l.Place)
		d.statement(key+".purpose", &l.Purpose)
		d.statement(key+".necessity", &l.Necessity)
		d.statement(key+".rights", &l.Rights)
		d.include(key+".notice", &l.Notice, notice.MaxSize)
		if d.given[key+".words"] {
			d.include(key+".words", &l.Said, words.MaxSize)
			if _, err := words.Parse(l.Said.Path, []byte(l.Said.text)); err != nil && l.Said.text != "" {
				d.check(false, key+".words", "%v; %s", err, hint.Of(err))
			}
		}
		cfg.Notice.Languages[lang] = l
	}
	if len(d.errs) > 0 {
		return
	}
	p := cfg.Particulars()
	for _, f := range p.Statement.More {
		err := p.Check(f)
		d.check(err == nil, "notice.languages."+string(f.Language)+".notice", "%v; the notice in English, to be translated, is printed by: facegate notice --source", err)
	}
}

// statement brings what the operator says in a language into its one form, and refuses a gap.
func (d *document) statement(key string, value *string) {
	clean, err := text.Clean(strings.ReplaceAll(*value, "\n", " "))
	if err != nil {
		d.at([]string{key}, "cannot be printed as it stands: %v; %s", err, hint.Of(err))
		return
	}
	*value = clean
	d.plain(key, clean)
	d.check(strings.TrimSpace(clean) != "", key, "is empty; nobody can consent to a notice with a gap")
}

// include reads a file that the configuration includes.
func (d *document) include(key string, i *Included, limit int64) {
	d.absolute(key, i.Path)
	read, err := file.ReadShared(i.Path, limit)
	if err != nil {
		d.check(false, key, "cannot be read: %v; %s", err, hint.Of(err))
		return
	}
	if err := printed(string(read)); err != nil {
		d.check(false, key, "%s cannot be printed: %v", i.Path, err)
		return
	}
	i.text = string(read)
}

// printed refuses a text that is not UTF-8, or has characters that a terminal would obey.
func printed(s string) error {
	for line := range strings.Lines(s) {
		if _, err := text.Clean(strings.TrimRight(strings.ReplaceAll(line, "\t", " "), "\r\n")); errors.Is(err, text.ErrEncoding) || errors.Is(err, text.ErrCharacter) {
			return err
		}
	}
	return nil
}
