package packaging

import (
	"bufio"
	"path/filepath"
	"strings"
	"testing"
)

// oldest is the version of systemd on which each line of the units has to do what it says: that of Ubuntu 22.04 is 249, and those of
// Debian 12 and 13 are newer.
const oldest = 249

// since returns the versions of systemd that brought what the units use, from its NEWS. What is older than version 230 is 0.
func since() map[string]int {
	all := map[string]int{
		"StartLimitIntervalSec": 230, "MemoryMax": 231, "ReadWritePaths": 231, "RestrictRealtime": 231, "MemorySwapMax": 232,
		"ProtectControlGroups": 232,
		"ProtectKernelModules": 232, "ProtectKernelTunables": 232, "ProtectSystem=strict": 232, "RemoveIPC": 232, "RestrictNamespaces": 233,
		"StateDirectory": 235, "StateDirectoryMode": 235, "ConfigurationDirectory": 235, "RuntimeDirectoryPreserve": 235,
		"IPAddressDeny": 235, "IPAddressAllow": 235, "LockPersonality": 235, "PrivateMounts": 239, "SystemCallFilter=@system-service": 239,
		"Type=exec": 240, "WatchdogSignal": 240, "ProtectHostname": 242, "RestrictSUIDSGID": 242, "ProtectKernelLogs": 244,
		"ProtectClock": 245, "ProtectProc": 247,
	}
	for key := range strings.FieldsSeq(`Description Documentation Wants After ConditionPathExists WantedBy
		Type Type=notify ExecStart ExecStopPost Restart RestartSec TimeoutStartSec TimeoutStopSec WatchdogSec NotifyAccess KillMode
		KillMode=mixed User Group SupplementaryGroups UMask RuntimeDirectory RuntimeDirectoryMode ProtectSystem ProtectHome PrivateTmp
		LimitCORE LimitMEMLOCK Environment TasksMax CPUQuota DevicePolicy DeviceAllow RestrictAddressFamilies NoNewPrivileges
		CapabilityBoundingSet AmbientCapabilities SystemCallArchitectures SystemCallFilter SystemCallFilter=adjtimex
		SystemCallErrorNumber`) {
		all[key] = 0
	}
	return all
}

// TestOldSystemd checks that the units have no line that the oldest systemd does not know: it would pass over it, with a word in
// the journal that nobody reads, and the gate would lack a part of its sandbox.
func TestOldSystemd(t *testing.T) {
	for _, unit := range []string{"facegate.service", "facegate-update.service"} {
		lines := bufio.NewScanner(strings.NewReader(string(read(t, filepath.Join("../../configs", unit)))))
		for lines.Scan() {
			key, value, set := strings.Cut(lines.Text(), "=")
			if !set || strings.HasPrefix(key, "#") {
				continue
			}
			keys := []string{key}
			switch key {
			case "Type", "KillMode", "SystemCallFilter": // of which values came later than the key
				keys = append(keys, key+"="+value)
			}
			if key+"="+value == "ProtectSystem=strict" {
				keys = append(keys, key+"="+value)
			}
			for _, k := range keys {
				if version, known := since()[k]; !known || version > oldest {
					t.Errorf("%s: systemd %d does not know %s (since %d, listed %t)", unit, oldest, k, version, known)
				}
			}
		}
	}
}
