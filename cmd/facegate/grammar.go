package main

import (
	"reflect"
	"strings"
)

// grammar returns what the parser has to know to read args, to be filled by it: the one command that they begin with, or else all
// of them. To know all takes the parser longer than most commands take.
func grammar(args []string) any {
	if len(args) > 0 {
		if command, ok := commandNamed(args[0]); ok {
			version, _ := reflect.TypeFor[commandLine]().FieldByName("ShowVersion")
			return reflect.New(reflect.StructOf([]reflect.StructField{command, version})).Interface()
		}
	}
	return new(commandLine)
}

// commandNamed returns the field of the commandLine that is the command of a name, unless that command tells of all the others.
func commandNamed(name string) (command reflect.StructField, ok bool) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[commandLine]()) {
		called, renamed := field.Tag.Lookup("name")
		if !renamed {
			called = strings.ToLower(field.Name)
		}
		if _, isCommand := field.Tag.Lookup("cmd"); isCommand && called == name {
			return field, field.Type != reflect.TypeFor[manCommand]() && field.Type != reflect.TypeFor[completionCommand]()
		}
	}
	return command, false
}
