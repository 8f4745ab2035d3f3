package evdev

import "facegate/device/keypad"

// Codes of keys (linux/input-event-codes.h) that are more than what they type.
const (
	keyEsc        = 1
	key1          = 2
	keyBackspace  = 14
	keyEnter      = 28
	keyLeftShift  = 42
	keyRightShift = 54
	keyKPStar     = 55
	keyCapsLock   = 58
	keyNumLock    = 69
	keyKP7        = 71
	keyKP1        = 79
	keyKPEnter    = 96
	keyDelete     = 111
	keyNumeric0   = 512 // of a telephone
	keyNumeric1   = 513
)

// rows are keys side by side on a keyboard as it is sold in the United States, which readers type on: what each types by itself,
// and with shift.
var rows = []struct {
	first          uint16
	plain, shifted string
}{
	{key1, "1234567890-=", "!@#$%^&*()_+"},
	{16, "qwertyuiop[]", "QWERTYUIOP{}"},
	{30, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
	{43, `\zxcvbnm,./`, "|ZXCVBNM<>?"},
	{keyKPStar, "*", "*"},
	{57, " ", " "},
	{keyKP7, "789-456+1230.", "789-456+1230."}, // of a keypad, whatever NumLock says
	{98, "/", "/"},
	{keyNumeric0, "0123456789*#", "0123456789*#"},
}

// char returns what a key types, 0 for nothing.
func char(code uint16, shift bool) byte {
	for _, r := range rows {
		if n := int(code) - int(r.first); n >= 0 && n < len(r.plain) {
			if shift {
				return r.shifted[n]
			}
			return r.plain[n]
		}
	}
	return 0
}

// padKey returns the key of a keypad, 0 for none.
func padKey(code uint16, shift bool) byte {
	switch code {
	case keyEnter, keyKPEnter:
		return keypad.Enter
	case keyEsc, keyBackspace, keyDelete:
		return keypad.Clear
	}
	switch c := char(code, shift); {
	case c >= '0' && c <= '9', c == keypad.Star, c == keypad.Enter:
		return c
	}
	return 0
}
