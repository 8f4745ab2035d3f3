package show

import "strings"

// Plain returns the text of an error without what only its authors understand: the names of packages in front of what they
// say, and the words that Go's libraries have for everyday trouble.
func Plain(text string) string {
	var said []string
	for _, part := range strings.Split(text, ": ") {
		if strings.HasPrefix(part, "parsing time ") { // what follows are layouts
			said = append(said, "a date is not written as it should be")
			break
		}
		if !internal(part) {
			said = append(said, everyday(part))
		}
	}
	if len(said) == 0 {
		return text
	}
	return strings.Join(said, ": ")
}

// internal reports whether a part of an error is the name of a package, of ours or of Go's.
func internal(part string) bool {
	switch part {
	case "anchor", "audit", "calibration", "checkpoint", "configs", "control", "device", "durable", "gate", "gpio", "health", "keyring",
		"letter", "loopback", "models", "pass", "pubkey", "publish", "receipt", "replay", "scan", "store", "template", "v4l2", "vision",
		"asn1", "base32", "bbolt", "gzip", "hex", "http", "image", "json", "net", "net/http", "os", "png", "strconv", "strconv.Atoi",
		"strconv.ParseFloat", "strconv.ParseInt", "strconv.ParseUint", "tls", "url", "x509", "yaml":
		return true
	}
	return false
}

// everyday returns a part of an error in words that are not Go's.
func everyday(part string) string {
	switch part {
	case "EOF", "unexpected EOF", "unexpected end of JSON input":
		return "it ends too early"
	case "context deadline exceeded", "i/o timeout", "Client.Timeout exceeded while awaiting headers":
		return "it took too long"
	case "invalid syntax":
		return "it is no number"
	case "context canceled":
		return "it was interrupted"
	case "request body too large":
		return "the request is too long"
	case "use of closed network connection", "server closed", "Server closed":
		return "the connection was closed"
	}
	switch {
	case strings.HasPrefix(part, "invalid character '"):
		return "it is no JSON"
	case strings.HasPrefix(part, "cannot unmarshal "):
		return "a value is not of the kind that is wanted"
	}
	return part
}
