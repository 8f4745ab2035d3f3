package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/pipeline/publish/childtest"
)

// metricsAt returns where the metrics of a gate are, as its log says.
func (p *program) metricsAt(t *testing.T) (address string) {
	t.Helper()
	gatetest.Eventually(t, "the metrics are served", func() bool {
		at := regexp.MustCompile(`what monitoring reads is served" at=(\S+)`).FindStringSubmatch(p.log.String())
		if at != nil {
			address = at[1]
		}
		return at != nil
	})
	return address
}

// metrics reads the metrics of a gate.
func (p *program) metrics(t *testing.T) string {
	t.Helper()
	resp, err := http.Get("http://" + p.metricsAt(t) + "/metrics")
	must(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	return string(text)
}

// TestPrometheus has a real Prometheus, with the rules that are shipped, read a real gate whose broker is away, and raise the alert
// that says so; and that nothing answers, once the gate is gone. It waits for seconds where the rules wait for minutes.
func TestPrometheus(t *testing.T) {
	if os.Getenv("FACEGATE_SLOW") == "" {
		t.Skip("takes half a minute; FACEGATE_SLOW is not set")
	}
	path, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not installed (apt-get install prometheus)")
	}
	site := gatetest.NewSite(t)
	gate := launch(t, site, nil, gatetest.Settings{
		"camera":  fmt.Sprintf("{source: replay, path: %s, fps: 5, loop: true}", emptyPlace(t, site)),
		"metrics": `{listen: "127.0.0.1:0"}`,
	})
	dir := t.TempDir()
	rules, err := os.ReadFile(filepath.Join(gatetest.Root(t), "configs/alerts.yaml"))
	must(t, err)
	soon := regexp.MustCompile(`for: \w+`).ReplaceAll(rules, []byte("for: 2s"))
	must(t, os.WriteFile(filepath.Join(dir, "alerts.yaml"), soon, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "prometheus.yaml"), fmt.Appendf(nil, "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"+
		"rule_files: [alerts.yaml]\nscrape_configs: [{job_name: facegate, static_configs: [{targets: [%q]}]}]\n", gate.metricsAt(t)), 0o600))
	ask := monitor(t, path, dir)

	fires := func(name string) func() bool {
		return func() bool { return strings.Contains(ask(`ALERTS{alertname="`+name+`",alertstate="firing"}`), name) }
	}
	gatetest.Eventually(t, "the alert that the broker is away is raised", fires("FacegateBrokerAway"))
	if all := ask(`ALERTS{alertstate="firing",severity="critical"}`); strings.Contains(all, "Facegate") {
		t.Errorf("of a gate without a broker it is said: %s", all)
	}
	if frames := ask("rate(facegate_camera_frames_total[10s]) > 1"); !strings.Contains(frames, "instance") {
		t.Errorf("the rate of frames is %s", frames)
	}
	gate.terminate(t)
	gatetest.Eventually(t, "the alert that nothing answers is raised", fires("FacegateSilent"))
}

// monitor starts Prometheus in a folder that has its configuration, and returns what asks it for an expression.
func monitor(t *testing.T, path, dir string) (ask func(expression string) string) {
	t.Helper()
	var log record
	cmd := exec.Command(path, "--config.file=prometheus.yaml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0")
	cmd.Dir, cmd.Stderr = dir, &log
	must(t, childtest.Start(cmd))
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("the log of Prometheus:\n%s", log.String())
		}
	})
	var address string
	gatetest.Eventually(t, "Prometheus listens", func() bool {
		at := regexp.MustCompile(`"Listening on" address=(\S+)`).FindStringSubmatch(log.String())
		if at != nil {
			address = at[1]
		}
		return at != nil
	})
	return func(expression string) string {
		q := "http://" + address + "/api/v1/query?" + (url.Values{"query": {expression}}).Encode()
		resp, err := http.Get(q)
		if err != nil {
			return "" // it is not ready yet
		}
		defer resp.Body.Close()
		var answer struct{ Data json.RawMessage }
		if json.NewDecoder(resp.Body).Decode(&answer) != nil {
			return ""
		}
		return string(answer.Data)
	}
}
