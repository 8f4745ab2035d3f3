package mqttwatch

import (
	"fmt"
	"strings"

	"facegate/configs/passage"
	"facegate/configs/show"
	"facegate/pipeline/attempt"
	"facegate/pipeline/order"
	"facegate/pipeline/publish"
)

// say says in words what a message says, "" for what there are no words for.
func say(t publish.Topic, value any) string {
	switch v := value.(type) {
	case publish.Event:
		return event(v)
	case publish.Alarm:
		return fmt.Sprintf("somebody was forced to ask for the door, seq %d, %s%s", v.Seq, dated(v.Time, v.Clock), replayed(v.Replayed))
	case publish.Availability:
		return map[publish.Availability]string{
			publish.Online: "the gate is there", publish.Stopped: "the gate was stopped", publish.Offline: "the gate is lost: the broker says so for it",
		}[v]
	case publish.Lock:
		return map[publish.Lock]string{
			publish.Locked: "the door is locked", publish.Unlocked: "the door is unlocked", publish.Jammed: "the lock cannot be driven",
		}[v]
	case publish.Leaf:
		return map[publish.Leaf]string{
			publish.Open: "the door stands open", publish.Closed: "the door is shut", publish.LeafUnknown: "the contact of the door cannot be read",
		}[v]
	case publish.Sign:
		return sign(t, v)
	case publish.Health:
		return health(v)
	case publish.Mode:
		return mode(v)
	case publish.Info:
		return fmt.Sprintf("facegate %s under profile %s, at door %s, way %s", v.Version, v.Profile, v.Door, v.Direction)
	case order.Open:
		return fmt.Sprintf("an order to open the door, nonce %s, signed with the key %s, from %s to %s", v.Nonce, v.Key, v.Issued, v.Expires)
	case order.Reply:
		says := fmt.Sprintf("the order with the nonce %s: %s", v.Nonce, v.Result)
		if v.Reason != nil {
			says += ", " + string(*v.Reason)
		}
		return says
	case publish.Unsigned:
		return "an order to open the door that nobody has signed, as of Home Assistant: " + string(show.Foreign(string(v)))
	case publish.Checkpoint:
		return checkpoint(t, string(v))
	case publish.AddCheckpoint:
		return request(string(v))
	case publish.Boot:
		return "the gate reads back what it says: start " + string(v)
	}
	return ""
}

// event says what happened at the door.
func event(e publish.Event) string {
	way := "in"
	if e.Direction == passage.Out {
		way = "out"
	}
	what := fmt.Sprintf("somebody was let %s by %s", way, e.Method)
	if e.Type == publish.Opened {
		what = "the door was opened: " + map[string]string{
			publish.Manual: "by hand", publish.Hold: "somebody holds it open", publish.Exit: "the exit button",
			publish.Schedule: "its schedule", publish.Fire: "the fire alarm",
			attempt.HomeAssistant.Method(): "Home Assistant, with an order that nobody has signed",
		}[e.Method]
	}
	return fmt.Sprintf("%s, seq %d, %s, %d ms from the frame%s", what, e.Seq, dated(e.Time, e.Clock), e.LatencyMS, replayed(e.Replayed))
}

func dated(at string, clock publish.Clock) string { return fmt.Sprintf("at %s (clock: %s)", at, clock) }

func replayed(is bool) string {
	if is {
		return ", replayed: it has waited, or may have been told before"
	}
	return ""
}

// sign says whether what a topic is for is so.
func sign(t publish.Topic, s publish.Sign) string {
	switch s {
	case publish.On:
		return t.Doc
	case publish.Off:
		return "It is not so: " + t.Doc
	}
	return "It cannot be told whether: " + t.Doc
}

func health(h publish.Health) string {
	var not []string
	for _, c := range h.Conditions {
		not = append(not, c.Name)
	}
	says := "the gate is " + h.State
	if len(not) > 0 {
		says += ": " + strings.Join(not, ", ")
	}
	return says
}

func mode(m publish.Mode) string {
	ways := strings.Join(m.Ways, ", ")
	if ways == "" {
		ways = "nothing"
	}
	faces := "faces are looked at"
	if !m.Faces {
		faces = "no face is looked at"
	}
	return fmt.Sprintf("the door is opened by %s; %s; schedule: %s", ways, faces, m.Schedule)
}

// checkpoint says how far an audit log has come, as the gate says it or a witness. Whether the signatures are right, who has the keys can tell.
func checkpoint(t publish.Topic, note string) string {
	switch {
	case note == "" && t.From == publish.Witness:
		return "the witness knows nothing of this gate"
	case note == "":
		return "nothing is asked of a witness any more"
	}
	text, signatures, _ := strings.Cut(note, "\n\n")
	lines := strings.Split(text, "\n")
	if len(lines) < 2 {
		return ""
	}
	says := "the audit log of the gate has " + lines[1] + " entries"
	if t.From == publish.Witness {
		says = "a witness knows the audit log of the gate with " + lines[1] + " entries"
	}
	return says + "; signed by " + string(show.Foreign(strings.Join(signers(lines[0], signatures), ", ")))
}

// signers returns the names that stand before signatures, of which the gate's is the origin of its log.
func signers(origin, signatures string) (names []string) {
	for line := range strings.Lines(signatures) {
		if words := strings.Fields(line); len(words) == 3 {
			names = append(names, strings.Replace(words[1], origin, "the gate", 1))
		}
	}
	return names
}

// request says what a witness is asked for.
func request(body string) string {
	if body == "" {
		return "nothing is asked of this witness any more"
	}
	head, signed, _ := strings.Cut(body, "\n\n")
	old, _, _ := strings.Cut(strings.TrimPrefix(head, "old "), "\n")
	return "a witness that knows " + old + " entries is asked to cosign: " + checkpoint(publish.Topic{From: publish.Gate}, signed)
}
