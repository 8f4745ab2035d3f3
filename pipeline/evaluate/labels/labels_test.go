package labels_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/hint"
	"facegate/pipeline/embed"
	"facegate/pipeline/evaluate"
	"facegate/pipeline/evaluate/bypeople"
	"facegate/pipeline/evaluate/labels"
)

func pictures() []string {
	return []string{
		"anna/1.jpg", "anna/2.jpg", "bob/1.jpg", "bob/2.jpg", "bob/3.jpg", "carl/1.jpg", "dora/1.jpg", "dora/2.jpg", "emil/1.jpg",
	}
}

func TestExclude(t *testing.T) {
	for _, test := range []struct {
		name, list string
		gone       []string
		out        []labels.Exclusion
	}{
		{"nothing", "", nil, nil},
		{"a head alone", "name,name,reason\n", nil, nil},
		{
			"fewer pictures go", "bob,anna,one man\n",
			[]string{"anna/1.jpg", "anna/2.jpg"},
			[]labels.Exclusion{{Left: "anna", Kept: "bob", Reason: "one man"}},
		},
		{
			"of equal ones the later", "# looked at\n\ndora,anna,\"one, it seems\"\r\n",
			[]string{"dora/1.jpg", "dora/2.jpg"},
			[]labels.Exclusion{{Left: "dora", Kept: "anna", Reason: "one, it seems"}},
		},
		{
			"three names of one", "anna,carl,first\ncarl,bob,second\nanna,bob,third\n",
			[]string{"anna/1.jpg", "anna/2.jpg", "carl/1.jpg"},
			[]labels.Exclusion{{Left: "anna", Kept: "bob", Reason: "first"}, {Left: "carl", Kept: "bob", Reason: "first"}},
		},
		{
			"a picture of somebody else", "\ufeffname,name,reason\nbob/2.jpg,Somebody Else,wrong clothes\nemil,carl,twins no more\n",
			[]string{"bob/2.jpg", "emil/1.jpg"},
			[]labels.Exclusion{
				{Left: "emil", Kept: "carl", Reason: "twins no more"},
				{Left: "bob/2.jpg", Kept: "Somebody Else", Reason: "wrong clothes"},
			},
		},
	} {
		left, out, err := labels.Exclude(strings.NewReader(test.list), pictures())
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		want := slices.DeleteFunc(pictures(), func(p string) bool { return slices.Contains(test.gone, p) })
		if diff := cmp.Diff(want, left); diff != "" {
			t.Errorf("%s: pictures (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(test.out, out); diff != "" {
			t.Errorf("%s: left out (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestExcludeRefuses(t *testing.T) {
	for _, test := range []struct{ name, list, want string }{
		{"stranger", "name,name,reason\nanna,zoe,why\n", "line 2: there is nobody of the name zoe"},
		{"other case", "Anna,bob,why\n", "line 1: there is nobody of the name Anna"},
		{"no picture", "anna/9.jpg,bob,why\n", "line 1: there is no picture anna/9.jpg"},
		{"one name", "anna,anna,why\n", "line 1: anna is one name"},
		{"twice", "anna,bob,why\n\nbob,anna,why\n", "line 3: bob and anna stand in the list already"},
		{"picture twice", "anna/1.jpg,bob,why\nanna/1.jpg,carl,why\n", "line 2: anna/1.jpg stands in the list already"},
		{"no reason", "anna,bob,\n", "line 1: the reason is missing"},
		{"two fields", "anna,bob\n", "line 1: 2 fields, want 3"},
		{"four fields", "anna,bob,why,not\n", "line 1: 4 fields, want 3"},
		{"quote", "anna,bob,\"why\n", "line 1: extraneous"},
		{"control", "anna,bob,w\ahy\n", "line 1: a reason"},
		{"encoding", "anna,bob,w\xffhy\n", "line 1: the reason is not in UTF-8"},
		{"head in the middle", "anna,bob,why\nname,name,reason\n", "line 2: there is nobody of the name name"},
	} {
		left, out, err := labels.Exclude(strings.NewReader(test.list), pictures())
		if left != nil || out != nil || !errors.Is(err, labels.ErrList) || !strings.Contains(fmt.Sprint(err), test.want) || hint.Of(err) == "" {
			t.Errorf("%s: error %v, hint %q, want %q", test.name, err, hint.Of(err), test.want)
		}
	}
	_, _, err := labels.Exclude(iotest.ErrReader(io.ErrClosedPipe), pictures())
	if !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, labels.ErrList) {
		t.Errorf("reader's own error: %v", err)
	}
}

func TestGroups(t *testing.T) {
	names := []string{"anna", "bob", "carl"}
	got, err := labels.Groups(strings.NewReader("person,group\nbob,old\nanna, young \n"), names)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"bob": "old", "anna": "young"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"old", "young"}, labels.Names(got)); diff != "" {
		t.Error(diff)
	}
	for _, test := range []struct{ name, list, want string }{
		{"stranger", "bob,old\nzoe,old\n", "line 2: there is nobody of the name zoe"},
		{"twice", "bob,old\nbob,young\n", "line 2: bob is in the list already, in group old"},
		{"nobody", "person,group\n", "nobody is in it"},
		{"no group", "bob,\n", "line 1: the group is missing"},
		{"nothing but spaces", "bob, \n", "line 1: a group is missing"},
		{"three fields", "bob,old,3\n", "line 1: 3 fields, want 2"},
		{"control", "bob,o\x1bld\n", "line 1: a group"},
	} {
		groups, err := labels.Groups(strings.NewReader(test.list), names)
		if groups != nil || !errors.Is(err, labels.ErrList) || !strings.Contains(fmt.Sprint(err), test.want) || hint.Of(err) == "" {
			t.Errorf("%s: error %v, hint %q, want %q", test.name, err, hint.Of(err), test.want)
		}
	}
}

func FuzzLists(f *testing.F) {
	f.Add("person,group\nbob,old\n")
	f.Add("anna,bob,why\n\"bob/1.jpg\",x,\"a \"\"b\"\"\"\n")
	f.Fuzz(func(t *testing.T, list string) {
		if groups, err := labels.Groups(strings.NewReader(list), []string{"anna", "bob"}); (groups == nil) == (err == nil) {
			t.Fatalf("groups %v with error %v", groups, err)
		}
		left, out, err := labels.Exclude(strings.NewReader(list), pictures())
		if err != nil && (left != nil || out != nil || !errors.Is(err, labels.ErrList)) {
			t.Fatalf("left %v with error %v", left, err)
		}
		if err == nil && len(left) == len(pictures()) && len(out) > 0 {
			t.Fatalf("%v were left out, and nothing is gone", out)
		}
	})
}

// at returns a unit vector at an angle in a plane of its own, so that two of one plane have the cosine of their difference,
// and two of different planes 0.
func at(plane int, angle float64) embed.Vector {
	v := make(embed.Vector, 256)
	v[2*plane], v[2*plane+1] = float32(math.Cos(angle)), float32(math.Sin(angle))
	return v
}

func TestSuspects(t *testing.T) {
	angle := math.Acos
	var samples []evaluate.Sample
	subjects := map[string]int{}
	add := func(name string, vectors ...embed.Vector) {
		for i, v := range vectors {
			if _, ok := subjects[name]; !ok {
				subjects[name] = len(subjects)
			}
			samples = append(samples, evaluate.Sample{Subject: subjects[name], Picture: fmt.Sprintf("%s/%d.jpg", name, i+1), Vector: v})
		}
	}
	add("Zoe_Novak", at(0, 0), at(0, angle(0.7)))
	add("Anna_Berg", at(0, angle(0.7)+angle(0.875)), at(1, 0), at(1, 0.1)) // one of three pictures is Zoe's
	add("Jon_Gray", at(2, 0), at(2, 0.2))
	add("John_Gray", at(2, angle(0.5)))        // a slip of the pen, and not very like
	add("Gray,_John", at(2, 0.2+angle(0.375))) // the words the other way round
	add("Carl_Gray", at(3, 0))
	add("Karl_Gray", at(4, 0)) // another face
	for i := range 100 {
		add(fmt.Sprintf("Somebody_%03d", i), at(5+i, 0))
	}
	cosine, err := evaluate.NewCosine(samples)
	if err != nil {
		t.Fatal(err)
	}
	all, err := bypeople.Compare(t.Context(), samples, cosine, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range labels.Suspects(samples, cosine, all) {
		if !strings.HasPrefix(s.Names[0], "Somebody") { // whose names differ in one letter, and who are as strangers are
			got = append(got, fmt.Sprintf("%.3f %s %s %v", s.Score, s.Pictures[0], s.Pictures[1], s.Spelling))
		}
	}
	want := []string{
		"0.943 Gray,_John/1.jpg John_Gray/1.jpg true",
		"0.875 Anna_Berg/1.jpg Zoe_Novak/2.jpg false",
		"0.662 John_Gray/1.jpg Jon_Gray/2.jpg true",
		"0.375 Gray,_John/1.jpg Jon_Gray/2.jpg true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("suspects (-want +got):\n%s", diff)
	}
	strays := labels.Strays(samples, all)
	if diff := cmp.Diff([]labels.Stray{{Picture: "Anna_Berg/1.jpg", Score: 0, Others: 2}}, strays); diff != "" {
		t.Errorf("strays (-want +got):\n%s", diff)
	}
}
