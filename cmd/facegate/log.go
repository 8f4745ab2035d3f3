package main

import (
	"io"
	"log/slog"

	"facegate/configs/show"
)

// newLog returns a log in lines of text. Whoever reads it is a technician: errors are shown as they are elsewhere.
func newLog(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if err, ok := a.Value.Any().(error); ok {
				a.Value = slog.StringValue(show.Plain(err.Error()))
			}
			return a
		},
	}))
}
