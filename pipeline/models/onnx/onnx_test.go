package onnx_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"facegate/pipeline/models/onnx"
)

// part is a field with a length, of parts one after the other.
func part(number uint64, parts ...[]byte) []byte {
	content := bytes.Join(parts, nil)
	b := binary.AppendUvarint(nil, number<<3|2)
	return append(binary.AppendUvarint(b, uint64(len(content))), content...)
}

func number(n, value uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, n<<3), value)
}

var zero, six = []byte{0, 0, 0, 0}, []byte{0, 0, 0xc0, 0x40}

// constant is a node with the tensor of a number.
func constant(name string, value []byte) []byte {
	tensor := part(5, number(2, 1), part(9, value))
	return part(1, part(2, []byte(name)), part(4, []byte("Constant")), part(5, part(1, []byte("value")), tensor, number(20, 4)))
}

func attribute(name string, value []byte) []byte {
	return part(5, part(1, []byte(name)), []byte{2<<3 | 5}, value, number(20, 1))
}

func network(nodes ...[]byte) []byte {
	graph := append([][]byte{}, nodes...)
	graph = append(graph, part(2, []byte("main")), part(5, number(2, 1), part(8, []byte("six")), part(9, six)))
	return bytes.Join([][]byte{number(1, 8), part(2, []byte("maker")), part(7, graph...), part(8, number(2, 18))}, nil)
}

func TestClipAttributes(t *testing.T) {
	other := part(1, part(1, []byte("x")), part(1, []byte("y")), part(1, []byte("z")), part(2, []byte("w")), part(4, []byte("Sum")))
	old := part(1, part(1, []byte("x")), part(2, []byte("v")), part(4, []byte("Clip")), attribute("min", zero))
	inputs := func(names ...string) (parts [][]byte) {
		for _, n := range names {
			parts = append(parts, part(1, []byte(n)))
		}
		return parts
	}
	rest := [][]byte{part(2, []byte("out")), part(3, []byte("clip")), part(4, []byte("Clip"))}
	before := network(constant("zero", zero), part(1, append(inputs("x", "zero", "six"), rest...)...), other, old)
	after := network(constant("zero", zero),
		part(1, append(append(inputs("x"), rest...), attribute("min", zero), attribute("max", six))...), other, old)
	got, err := onnx.ClipAttributes(before)
	if err != nil || !bytes.Equal(got, after) {
		t.Errorf("%v\ngot  %q\nwant %q", err, got, after)
	}
	if again, err := onnx.ClipAttributes(got); err != nil || !bytes.Equal(again, got) {
		t.Errorf("what is in that form already changes: %v", err)
	}
}

func TestClipAttributesRefuses(t *testing.T) {
	clip := part(1, part(1, []byte("x")), part(1, []byte("computed")), part(1, []byte("six")), part(4, []byte("Clip")))
	whole := network(constant("zero", zero))
	for name, text := range map[string][]byte{
		"a limit that is computed": network(clip),
		"a file that is cut off":   whole[:len(whole)-1],
		"a text":                   []byte("<html>no network</html>"),
		"a group":                  {1<<3 | 3},
		"a key without end":        {0x80},
		"a short fixed number":     {1<<3 | 5, 0},
	} {
		if _, err := onnx.ClipAttributes(text); !errors.Is(err, onnx.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzClipAttributes(f *testing.F) {
	f.Add(network(constant("zero", zero)))
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, err := onnx.ClipAttributes(text); err == nil {
			if again, err := onnx.ClipAttributes(got); err != nil || !bytes.Equal(again, got) {
				t.Errorf("again: %v", err)
			}
		}
	})
}
