package daemon

import (
	"time"

	"facegate/cmd/facegate/internal/codereader"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/status"
	"facegate/cmd/facegate/internal/watchdog"
	"facegate/device"
)

// codeLimit is for how long one frame may be searched for codes. It takes half a second of a slow board at the worst.
const codeLimit = 30 * time.Second

// openCodes makes what reads the codes that are held to the camera, unless the site has none read. It has frames of its own:
// neither faces that are off nor networks that are missing keep it from them.
func (d *Daemon) openCodes() {
	if !d.config.CodesRead() || !d.opensCamera() {
		return
	}
	box := device.NewMailbox()
	d.capture.Tee(box)
	d.codes = codereader.New(codereader.Parts{Mailbox: box, MaxAge: d.config.Camera.MaxAge, Now: time.Now, Log: d.log})
}

// codeTasks are the tasks that codes need.
func (d *Daemon) codeTasks() []task {
	if d.codes == nil {
		return nil
	}
	return []task{d.codes}
}

// codeEyes are the part that looks at codes.
func (d *Daemon) codeEyes() watchdog.Part {
	return watchdog.Part{Name: "what reads passes off the camera", Limit: codeLimit, Busy: func() time.Duration {
		if d.codes == nil {
			return 0
		}
		return d.codes.Busy()
	}}
}

// codesHealth says that passes cannot be read off the camera although it sends frames.
func (d *Daemon) codesHealth(s *status.Status) []health.Condition {
	unread := d.codes != nil && s.Camera.State == device.Streaming && d.codes.Blind()
	return health.When(unread, health.CodesUnread, health.Entry, health.Degraded, "passes that are held to the camera cannot be read: its frames cannot be decoded",
		"set camera.format to another one that facegate camera list shows; the other ways in work")
}
