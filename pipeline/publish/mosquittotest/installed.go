package mosquittotest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"facegate/pipeline/publish/loopback"
)

// debian is the main file of Debian 12's mosquitto 2.0.11, which reads the folder that the shipped file is installed in.
const debian = `pid_file /run/mosquitto/mosquitto.pid

persistence true
persistence_location /var/lib/mosquitto/

log_dest file /var/log/mosquitto/mosquitto.log

include_dir /etc/mosquitto/conf.d
`

// Installed returns a Broker, not started, with the shipped file (configs/mosquitto.conf, wherever that is) below Debian's own, and
// the users and rights that its comments tell to make. All paths are moved into a folder of the test, and so is the listener.
func Installed(t testing.TB, shipped string, users ...loopback.Account) *Broker {
	t.Helper()
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	b := newBroker(t)
	dir := filepath.Dir(b.socket)
	b.conf = filepath.Join(dir, "etc/mosquitto/mosquitto.conf")
	for _, folder := range []string{"etc/mosquitto/conf.d", "var/lib/mosquitto", "var/log/mosquitto", "run/mosquitto"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	move := func(text string) string { return moved(text, dir) }
	var passwords strings.Builder
	for _, u := range users {
		passwords.WriteString(password(t, u))
	}
	b.install(t, map[string]string{
		"mosquitto.conf":       move(debian) + user(),
		"conf.d/facegate.conf": strings.Replace(move(string(text)), "listener 1883 127.0.0.1", "listener 0 "+b.socket, 1),
		"facegate.acl":         rights(string(text)),
		"facegate.passwd":      passwords.String(),
	})
	return b
}

// moved returns a configuration with all paths in dir.
func moved(text, dir string) string {
	return regexp.MustCompile(`(?m) (/(etc|var|run)/)`).ReplaceAllString(text, " "+dir+"$1")
}

// Example gives an installed Broker the shipped file for TLS besides (configs/mosquitto-tls.conf, wherever that is), with what lies in
// /etc/mosquitto/certs by name. It returns the address of its listener, "unix:///path".
func (b *Broker) Example(t testing.TB, shipped string, certs map[string]string) string {
	t.Helper()
	text, err := os.ReadFile(shipped)
	if err == nil {
		err = os.Mkdir(filepath.Join(filepath.Dir(b.conf), "certs"), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"conf.d/facegate-tls.conf": strings.Replace(moved(string(text), filepath.Dir(b.socket)), "listener 8883", "listener 0 "+b.socket+"-site", 1),
	}
	for name, content := range certs {
		files["certs/"+name] = content
	}
	b.install(t, files)
	return "unix://" + b.socket + "-site"
}

// rights returns the access list that stands in the comments of the shipped file, for the gate north of the site hq.
func rights(shipped string) string {
	var list strings.Builder
	for _, line := range regexp.MustCompile(`(?m)^#   ((?:user|topic) .*)$`).FindAllStringSubmatch(shipped, -1) {
		fmt.Fprintln(&list, strings.Replace(line[1], "facegate_example_main", "facegate_hq_north", 1))
	}
	return list.String()
}

// install writes files below /etc/mosquitto of an installed Broker.
func (b *Broker) install(t testing.TB, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(filepath.Dir(b.conf), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Secure gives an installed Broker the listener with TLS that the shipped file speaks of, with a certificate and its key in PEM. It
// returns its address, "unix:///path".
func (b *Broker) Secure(t testing.TB, certificate, key string) string {
	t.Helper()
	socket := b.socket + "-tls"
	etc := filepath.Dir(b.conf)
	b.install(t, map[string]string{
		"tls.crt": certificate, "tls.key": key,
		"conf.d/tls.conf": fmt.Sprintf("listener 0 %s\ncertfile %s/tls.crt\nkeyfile %[2]s/tls.key\n", socket, etc),
	})
	return "unix://" + socket
}
