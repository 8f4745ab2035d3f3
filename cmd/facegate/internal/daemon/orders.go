package daemon

import (
	"time"

	"facegate/cmd/facegate/internal/remote"
	"facegate/cmd/facegate/internal/unsigned"
	"facegate/configs"
	"facegate/pipeline/publish/orders"
	"facegate/store"
)

// openOrders makes the desk of orders from afar, which are attempts like those at the readers. Without an operator whose key is
// registered none are taken.
func (d *Daemon) openOrders() *orders.Desk {
	kept, c := d.store.Credentials().Orders(), d.config
	carrier := remote.New(remote.Parts{
		Find: func(payload []byte) (store.Given, error) { return kept.Find(payload, c.Site, c.Gate) },
		Ask:  d.answer,
		Log:  d.log,

		Spend: kept.Spend,
	})
	return orders.New(orders.Parts{Handle: carrier.Carry, Wanted: kept.Wanted, Now: time.Now, Log: d.log})
}

// openHome makes the desk of orders of Home Assistant, which nobody signs, nil where the configuration takes none.
func (d *Daemon) openHome() *orders.Desk {
	if !d.config.MQTT.HomeAssistant.Orders() {
		return nil
	}
	d.log.Warn(configs.UnsignedWords, "hint", adviceUnsigned)
	carrier := unsigned.New(unsigned.Parts{Ask: d.answer, Log: d.log})
	return orders.New(orders.Parts{Handle: carrier.Carry, Now: time.Now, Log: d.log})
}

// adviceUnsigned is what to do about it.
const adviceUnsigned = "mqtt.home_assistant.unsigned_orders says so; see on the broker who may write to cmd/home-assistant/# of this gate, or use " +
	"signed orders (docs/orders.md)"
