// Package onnx writes a network in the form that an older OpenCV reads. It changes how numbers are spelled and never what
// they are.
package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrFormat is wrapped by the errors of what is no ONNX file, or of one whose limits are not constant.
var ErrFormat = errors.New("not a network that can be written anew")

// The fields that matter here (onnx.proto): of ModelProto the graph, of GraphProto nodes and initializers, of NodeProto and
// AttributeProto and TensorProto what they are named after.
const (
	modelGraph       = 7
	graphNode        = 1
	graphInitializer = 5
	nodeInput        = 1
	nodeOutput       = 2
	nodeOp           = 4
	nodeAttribute    = 5
	attributeName    = 1
	attributeFloat   = 2
	attributeTensor  = 5
	attributeType    = 20
	tensorType       = 2
	tensorName       = 8
	tensorRaw        = 9

	float = 1 // of TensorProto.DataType and AttributeProto.AttributeType
)

// ClipAttributes returns a copy of an ONNX file in which the limits of every Clip are attributes, as before version 11 of the
// operators, instead of inputs that are constant. OpenCV takes the former only, up to 4.6 at least. Everything else stays byte
// for byte, constants that nothing asks for any more among it.
func ClipAttributes(network []byte) ([]byte, error) {
	return rewrite(network, func(f field) ([]byte, error) {
		if f.number != modelGraph {
			return f.whole, nil
		}
		limits, err := constants(f.content)
		if err != nil {
			return nil, err
		}
		graph, err := rewrite(f.content, func(f field) ([]byte, error) {
			if f.number != graphNode {
				return f.whole, nil
			}
			node, err := clip(f.content, limits)
			return message(graphNode, node), err
		})
		return message(modelGraph, graph), err
	})
}

// clip returns a node; if it is a Clip with its limits as inputs, with them as attributes.
func clip(node []byte, limits map[string][]byte) ([]byte, error) {
	var inputs []string
	isClip := false
	err := each(node, func(f field) error {
		switch f.number {
		case nodeInput:
			inputs = append(inputs, string(f.content))
		case nodeOp:
			isClip = string(f.content) == "Clip"
		}
		return nil
	})
	if err != nil || !isClip || len(inputs) != 3 {
		return node, err
	}
	place := 0
	written, err := rewrite(node, func(f field) ([]byte, error) {
		if f.number != nodeInput {
			return f.whole, nil
		}
		if place++; place > 1 {
			return nil, nil
		}
		return f.whole, nil
	})
	for i, name := range []string{"min", "max"} {
		limit := limits[inputs[1+i]]
		if limit == nil {
			return nil, fmt.Errorf("%w: the limit %q of a Clip is no constant", ErrFormat, inputs[1+i])
		}
		attribute := message(attributeName, []byte(name))
		attribute = append(binary.AppendUvarint(attribute, attributeFloat<<3|5), limit...)
		attribute = binary.AppendUvarint(binary.AppendUvarint(attribute, attributeType<<3), float)
		written = append(written, message(nodeAttribute, attribute)...)
	}
	return written, err
}

// constants returns the four bytes of every single float32 of a graph that is constant, by its name.
func constants(graph []byte) (map[string][]byte, error) {
	all := map[string][]byte{}
	keep := func(name string, number []byte) {
		if len(number) == 4 {
			all[name] = number
		}
	}
	err := each(graph, func(f field) error {
		switch f.number {
		case graphInitializer:
			name, number, err := tensor(f.content)
			keep(name, number)
			return err
		case graphNode:
			var output string
			return each(f.content, func(f field) error {
				switch f.number {
				case nodeOutput:
					output = string(f.content)
				case nodeAttribute:
					return each(f.content, func(f field) error {
						if f.number != attributeTensor {
							return nil
						}
						_, number, err := tensor(f.content)
						keep(output, number)
						return err
					})
				}
				return nil
			})
		}
		return nil
	})
	return all, err
}

// tensor returns the name and the raw bytes of a tensor of float32, nil for one of another type.
func tensor(content []byte) (name string, raw []byte, err error) {
	is := false
	err = each(content, func(f field) error {
		switch f.number {
		case tensorType:
			is = f.value == float
		case tensorName:
			name = string(f.content)
		case tensorRaw:
			raw = f.content
		}
		return nil
	})
	if !is {
		raw = nil
	}
	return name, raw, err
}

// A field is one of a message of Protocol Buffers.
type field struct {
	number  uint64
	whole   []byte // with its key
	content []byte // of what has a length
	value   uint64 // of a varint
}

// each calls visit for every field of a message.
func each(message []byte, visit func(field) error) error {
	for rest := message; len(rest) > 0; {
		f, n, err := next(rest)
		if err != nil {
			return err
		}
		if err := visit(f); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// rewrite returns a message of what change makes of its fields.
func rewrite(message []byte, change func(field) ([]byte, error)) ([]byte, error) {
	written := make([]byte, 0, len(message))
	err := each(message, func(f field) error {
		changed, err := change(f)
		written = append(written, changed...)
		return err
	})
	return written, err
}

// next returns the first field of a message, and how long it is.
func next(b []byte) (f field, length int, err error) {
	key, n := binary.Uvarint(b)
	if n <= 0 {
		return f, 0, fmt.Errorf("%w: a key is cut off", ErrFormat)
	}
	f.number = key >> 3
	switch key & 7 {
	case 0:
		var m int
		if f.value, m = binary.Uvarint(b[n:]); m <= 0 {
			return f, 0, fmt.Errorf("%w: a number is cut off", ErrFormat)
		}
		n += m
	case 1:
		n += 8
	case 2:
		size, m := binary.Uvarint(b[n:])
		if m <= 0 || size > uint64(len(b)-n-m) {
			return f, 0, fmt.Errorf("%w: a field is cut off", ErrFormat)
		}
		n += m
		f.content = b[n : n+int(size)]
		n += int(size)
	case 5:
		n += 4
	default:
		return f, 0, fmt.Errorf("%w: there is no wire type %d", ErrFormat, key&7)
	}
	if n > len(b) {
		return f, 0, fmt.Errorf("%w: a field is cut off", ErrFormat)
	}
	f.whole = b[:n]
	return f, n, nil
}

// message returns a field with a length.
func message(number uint64, content []byte) []byte {
	b := binary.AppendUvarint(nil, number<<3|2)
	return append(binary.AppendUvarint(b, uint64(len(content))), content...)
}
