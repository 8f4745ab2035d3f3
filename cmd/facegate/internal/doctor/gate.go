package doctor

import (
	"fmt"
	"strings"

	"facegate/cmd/facegate/internal/health"
	"facegate/device/probe"
	"facegate/store/clock"
)

// Of returns the part that a key of the configuration is about, a dotted path.
func Of(key string) health.Part {
	first, _, _ := strings.Cut(key, ".")
	first, _, _ = strings.Cut(first, "[")
	if part, ok := map[string]health.Part{
		"profile": health.Profile, "camera": health.Camera, "door": health.Door, "prompt": health.Door, "readers": health.Entry,
		"vision": health.Faces, "match": health.Faces, "liveness": health.Faces, "decide": health.Faces, "state_dir": health.Disk,
		"keys_dir": health.Disk, "anchor_dir": health.Disk, "key_file": health.Key, "mqtt": health.Broker, "control": Control, "kiosk": health.Screen,
		"metrics": health.Metrics, "witness": health.Witness,
	}[first]; ok {
		return part
	}
	return Configuration
}

// Stopped returns what a gate that does not run is to a doctor: whoever asks has seen by then what keeps it from running.
func Stopped(c health.Condition) []Finding {
	return []Finding{{Service, Wrong, "the gate does not run: " + c.Reason, c.Todo}}
}

// Clock says whether a gate would believe its clock.
func Clock(r clock.Reading) []Finding {
	state := Advice
	if !r.Kept {
		state = Wrong
	}
	return when(!r.Synced, health.Clock, state, "no time server has set the clock of this machine",
		"timedatectl set-ntp true, and see what it says: timedatectl timesync-status; where there is no network: facegate clock confirm")
}

// Seen returns what is wrong with a camera by what was measured of it.
func Seen(v probe.Verdict) (found []Finding) {
	for _, f := range v.Findings {
		found = append(found, Finding{health.Camera, Wrong, f.Says, f.Todo})
	}
	return found
}

// Rate says whether a camera that the gate reads sends as many frames a second as are wanted.
func Rate(sends float64, wanted int) []Finding {
	return when(sends < probe.SlowBelow*float64(wanted), health.Camera, Wrong,
		fmt.Sprintf("the camera sends %.0f frames a second, and %d are wanted", sends, wanted),
		"facegate doctor --camera measures why: the dark, a damaged cable, or a size that its bus does not carry")
}
