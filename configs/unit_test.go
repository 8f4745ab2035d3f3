package configs

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// unitValue returns what the systemd unit sets key to.
func unitValue(t *testing.T, key string) string {
	t.Helper()
	text, err := os.ReadFile("facegate.service")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(key) + `=(.*)$`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("the unit does not set %s", key)
	}
	return string(m[1])
}

// mebibytes reads a size with the unit M or G, as systemd and Go write it.
func mebibytes(t *testing.T, size string) int {
	t.Helper()
	m := regexp.MustCompile(`^(\d+)([MG])(?:iB)?$`).FindStringSubmatch(size)
	if m == nil {
		t.Fatalf("%q is no size", size)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	if m[2] == "G" {
		n *= 1024
	}
	return n
}

// TestUnitBoundsMemory checks that Go collects its garbage before systemd ends the process for its size.
func TestUnitBoundsMemory(t *testing.T) {
	ours, all := mebibytes(t, unitValue(t, "Environment=GOMEMLIMIT")), mebibytes(t, unitValue(t, "MemoryMax"))
	if outside := all - ours; ours < 256 || outside < 256 {
		t.Errorf("GOMEMLIMIT is %d MiB and MemoryMax %d MiB: both Go and what is outside of it need 256 MiB", ours, all)
	}
}

// TestUnitLetsAskForTheTime checks that the gate may ask the kernel whether the clock is right, and cannot set it.
func TestUnitLetsAskForTheTime(t *testing.T) {
	text, err := os.ReadFile("facegate.service")
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]bool{
		"ProtectClock=yes": false, "SystemCallFilter=adjtimex": true, "CapabilityBoundingSet=": true, "AmbientCapabilities=": true,
	} {
		if got := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(line) + `$`).Match(text); got != want {
			t.Errorf("%s is in the unit: %v, want %v", line, got, want)
		}
	}
}

// TestUnitKeepsTheReason checks that a gate which fails again and again leaves its reason where facegate status looks.
func TestUnitKeepsTheReason(t *testing.T) {
	if got := unitValue(t, "RuntimeDirectoryPreserve"); got != "restart" && got != "yes" {
		t.Errorf("the runtime folder goes with each failure: RuntimeDirectoryPreserve=%s", got)
	}
}

// TestUnitKeepsTheKey checks that the gate cannot write where its key and configuration are, but to the folder of what was erased: systemd
// would make a folder writable that is named as that of the configuration.
func TestUnitKeepsTheKey(t *testing.T) {
	text, err := os.ReadFile("facegate.service")
	if err != nil {
		t.Fatal(err)
	}
	if unitValue(t, "ProtectSystem") != "strict" {
		t.Error("the system is not protected")
	}
	for line := range strings.Lines(string(text)) {
		for _, key := range []string{"ConfigurationDirectory", "ReadWritePaths", "BindPaths", "CacheDirectory", "LogsDirectory"} {
			if strings.HasPrefix(line, key+"=") && strings.TrimSpace(line) != "ReadWritePaths=-"+Defaults().AnchorDir {
				t.Errorf("the gate can write elsewhere than to its records and at run time: %s", line)
			}
		}
	}
}

// TestUnitWatches checks that a gate that hangs or is suspended is ended, and soon: a door may be open meanwhile.
func TestUnitWatches(t *testing.T) {
	seconds, err := strconv.Atoi(unitValue(t, "WatchdogSec"))
	if err != nil || seconds < 5 || seconds > 10 {
		t.Errorf("WatchdogSec is %d, %v: the door task goes round once a second, and a door is open for half a minute at most", seconds, err)
	}
	for key, want := range map[string]string{
		"WatchdogSignal": "SIGKILL", // a process that was suspended takes no other
		"NotifyAccess":   "main",    // feeds it, and not a command that follows a stop
		"Restart":        "always",
		"ExecStopPost":   "/usr/bin/facegate door safe --config /etc/facegate/facegate.yaml",
	} {
		if got := unitValue(t, key); got != want {
			t.Errorf("%s=%s, want %s", key, got, want)
		}
	}
}
