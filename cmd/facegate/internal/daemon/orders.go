package daemon

import (
	"time"

	"facegate/cmd/facegate/internal/remote"
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
	})
	return orders.New(orders.Parts{Handle: carrier.Carry, Wanted: kept.Wanted, Now: time.Now, Log: d.log})
}
