package main

import (
	"cmp"
	"context"
	"text/tabwriter"
	"time"

	"facegate/configs/show"
	"facegate/pipeline/publish"
)

type mqttStatusCommand struct {
	gateFlags
	jsonFlag
}

func (c *mqttStatusCommand) Run(ctx context.Context, t terminal) error {
	g, err := c.running(ctx)
	if err != nil {
		return err
	}
	s, err := g.Status(ctx)
	if err != nil {
		return err
	}
	return c.print(t, s.MQTT, func(w *tabwriter.Writer) { writeMQTT(w, s.MQTT, topicsOf(s.Site, s.Gate), time.Now()) })
}

// topicsOf returns what the topics of a gate begin with.
func topicsOf(site, gate string) string { return "facegate/" + site + "/" + gate + "/" }

// writeMQTT says how the connection to the broker is, of a gate whose topics begin with prefix.
func writeMQTT(w *tabwriter.Writer, m publish.Status, prefix string, now time.Time) {
	row := func(name, format string, args ...any) {
		show.Fprintf(w, "%s\t%s\n", name, show.Sprintf(format, args...))
	}
	if m.Broker != "" {
		row("broker", "%s, %s", m.Broker, encryption(m.TLS))
	}
	connected := "not connected"
	if m.Connected {
		d := time.Duration(m.ConnectedS) * time.Second
		connected = "connected since " + now.Add(-d).Format(time.DateTime) + ", for " + d.String()
	}
	row("connection", "%s", connected)
	if m.Err != "" {
		row("", "%s", show.Plain(m.Err))
		row("", "to do: %s", m.Hint)
	}
	for _, o := range m.Others {
		row("otherwise", "%s", show.Plain(cmp.Or(o.Err, o.Broker)))
		if o.Hint != "" {
			row("", "to do: %s", o.Hint)
		}
	}
	row("topics", "%s#", prefix)
	if m.Unsigned {
		row("orders", "%s", unsignedOrders)
	}
	for _, topic := range m.Withheld {
		row("withheld", "%s: nobody gets what the gate tells there", topic)
	}
	if m.Forgotten {
		row("retained", "nothing, since facegate mqtt forget; the gate says how it is once it is started again")
	}
	row("queue", "%d events wait, %d were given up", m.Queued, m.Dropped)
	if m.Store != "" {
		row("events", "seq %d is the newest of store %s", m.Seq, m.Store)
		row("", "%s", deliveredWords(m))
	}
}

// unsignedOrders is what is said of a gate that takes orders of Home Assistant.
const unsignedOrders = "Home Assistant opens the door, with orders that nobody signs: whoever may write to the broker may open this door"

func encryption(tls bool) string {
	if tls {
		return "encrypted (TLS)"
	}
	return "not encrypted"
}

// deliveredWords says how far the broker has given back what it was told.
func deliveredWords(m publish.Status) string {
	if m.Delivered == 0 {
		return "none was delivered since the start"
	}
	return string(show.Sprintf("seq %d was delivered last: the broker has given it back", m.Delivered))
}
