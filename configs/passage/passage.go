// Package passage holds the words for going through a door. A configuration, a document and an event share them.
package passage

// A Direction is the way through the door that a gate guards.
type Direction string

// The directions.
const (
	In  Direction = "in"
	Out Direction = "out"
)

// A Way is a way in without a face.
type Way string

// The ways. Of an intercom and a key the gate knows nothing: they open the same door.
const (
	Card     Way = "card"
	PIN      Way = "pin"
	QR       Way = "qr"
	Intercom Way = "intercom"
	Key      Way = "key"
)

// Ways returns every way.
func Ways() []Way { return []Way{Card, PIN, QR, Intercom, Key} }

// Second reports whether the gate can ask for w besides a face, and hold the two to be of one person.
func (w Way) Second() bool { return w == Card || w == PIN || w == QR }

// A Means is what somebody shows, or does, to be let in by a rule of the door.
type Means string

// The means. A card whose number is all that it tells can be copied; one that proves a key to its reader cannot.
const (
	ByFace       Means = "face"
	ByPass       Means = "pass"
	ByVisitor    Means = "visitor"
	ByCardUID    Means = "card-uid"
	ByCardSecure Means = "card-secure"
	ByPIN        Means = "pin"
	ByOrder      Means = "order"

	ByHomeAssistant Means = "home-assistant" // an order that nobody has signed
)

// Afar reports whether whoever asks by m is not at the door, and is nobody whom the gate knows.
func (m Means) Afar() bool { return m == ByOrder || m == ByHomeAssistant }
