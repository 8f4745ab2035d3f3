package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	sumdb "golang.org/x/mod/sumdb/note"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/witness"
	"facegate/cmd/facegate/internal/witness/logtest"
	"facegate/pipeline/publish/childtest"
	"facegate/pipeline/publish/loopback"
	"facegate/pipeline/publish/mosquittotest"
)

// newWitness makes a witness that follows logs, by the commands, and returns its file and what verifies what it signs.
func newWitness(t *testing.T, logs ...*logtest.Log) (path string, key sumdb.Verifier, id string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "witness.db")
	facegate(t.Context(), "witness", "create", path, "--name", "residents.example/witness").want(t, exitOK, "residents.example/witness+", "created")
	for i, l := range logs {
		facegate(t.Context(), "witness", "add", path, l.Key(t)).want(t, exitOK, fmt.Sprint("logs that are followed: ", i+1), "")
	}
	w, err := witness.Open(path)
	must(t, err)
	defer w.Close()
	return path, w.Verifier(), w.KeyID()
}

// TestWitnessFiles carries requests and notes on a stick, and forgets a log.
func TestWitnessFiles(t *testing.T) {
	log, fork := logtest.Numbered(t, 1, "entry", 9), logtest.Numbered(t, 1, "other", 9)
	path, key, _ := newWitness(t, log)
	request := filepath.Join(t.TempDir(), "request")
	sign := func(body []byte, flags ...string) printout {
		must(t, os.WriteFile(request, body, 0o600))
		return facegate(t.Context(), append([]string{"witness", "sign", path, request}, flags...)...)
	}
	scanned := strings.ReplaceAll(strings.TrimSpace(string(log.Request(t, 0, 5))), "\n", "\r\n") // from a code
	first := sign([]byte(scanned))
	first.want(t, exitOK, log.Origin(), "")
	if tree := logtest.Cosigned(t, log, key, []byte(first.out)); tree.N != 5 {
		t.Errorf("%+v", tree)
	}
	sign(log.Request(t, 0, 7)).want(t, exitRefused, first.out, "take the note")
	sign(fork.Request(t, 5, 5)).want(t, exitRefused, first.out, "another tree")
	sign(fork.Request(t, 5, 9)).want(t, exitRefused, first.out, "another past")
	var answer witnessAnswer
	sign(log.Request(t, 0, 7), "--json").decodeAs(t, exitRefused, &answer)
	if answer.Cosigned || answer.Note != first.out {
		t.Errorf("%+v", answer)
	}
	sign([]byte("hello\n")).want(t, exitFailed, "", "no request")
	sign(logtest.Numbered(t, 2, "entry", 5).Request(t, 0, 5)).want(t, exitFailed, "", "witness add")
	facegate(t.Context(), "witness", "list", path).want(t, exitOK, "IT HAS TWO HISTORIES", "")

	facegate(t.Context(), "witness", "forget", path, log.Origin()).want(t, exitUnconfirmed, "", "--yes")
	answering(t.Context(), "n\n", "witness", "forget", path, log.Origin()).want(t, exitUnconfirmed, "", "not confirmed")
	answering(t.Context(), "y\n", "witness", "forget", path, log.Origin()).want(t, exitOK, "is forgotten: size 5", "for good")
	sign(fork.Request(t, 0, 3)).want(t, exitOK, log.Origin(), "")
	var list witnessList
	facegate(t.Context(), "witness", "list", path, "--json").decode(t, &list)
	if len(list.Logs) != 1 || list.Logs[0].Size != 3 || len(list.Forgotten) != 1 || list.Forgotten[0].Size != 5 || list.Forgotten[0].Fork == "" {
		t.Errorf("%+v", list)
	}
}

// TestWitnessByBroker has a witness serve the gates of two sites by way of a mosquitto that lets it do what the shipped list does. One of them
// was set back, and is shown how far it had come.
func TestWitnessByBroker(t *testing.T) {
	hq, depot, strange := logtest.Numbered(t, 1, "entry", 9), logtest.Numbered(t, 2, "entry", 9), logtest.Numbered(t, 3, "entry", 9)
	path, key, id := newWitness(t, hq, depot)
	account := loopback.NewAccount()
	b := mosquittotest.NewGuarded(t, account, "topic read facegate/+/+/audit/checkpoint/"+id, "topic readwrite facegate/+/+/audit/cosignature/"+id,
		"topic readwrite facegate/+/+/audit/checkpoint/#")
	b.Start(t)
	gates := subscribe(t, b.URL(), account)
	ask := func(gate string, body []byte) {
		token := gates.client.Publish("facegate/"+gate+"/audit/checkpoint/"+id, 1, true, body)
		if !token.WaitTimeout(time.Minute) || token.Error() != nil {
			t.Fatalf("ask: %v", token.Error())
		}
	}
	size := func(gate string, log *logtest.Log) int64 {
		all := gates.on("facegate/" + gate + "/audit/cosignature/" + id)
		if len(all) == 0 {
			return -1
		}
		if last := all[len(all)-1].Payload(); len(last) > 0 {
			return logtest.Cosigned(t, log, key, last).N
		}
		return 0
	}
	becomes := func(gate string, log *logtest.Log, want int64) {
		t.Helper()
		gatetest.Eventually(t, fmt.Sprintf("%s hears of size %d", gate, want), func() bool { return size(gate, log) == want })
	}
	ask("hq/north", hq.Request(t, 0, 5)) // before there is a witness

	password := filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(password, []byte(account.Password), 0o600))
	url := "tcp://" + newTap(t, "tcp", "127.0.0.1:0", b.URL()).listener.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan printout, 1)
	serve := func() {
		ended <- facegate(ctx, "witness", "serve", path, "--mqtt", url, "--username", account.Username, "--password-file", password)
	}
	go serve()
	becomes("hq/north", hq, 5)
	facegate(t.Context(), "witness", "list", path).want(t, exitHeld, "", "systemctl stop")
	ask("depot/gate", depot.Request(t, 3, 9))
	becomes("depot/gate", depot, 0) // an empty answer: it knows nothing
	ask("depot/gate", depot.Request(t, 0, 9))
	becomes("depot/gate", depot, 9)
	ask("hq/north", hq.Request(t, 5, 8))
	becomes("hq/north", hq, 8)
	ask("hq/north", hq.Request(t, 0, 3)) // it was set back
	heard := len(gates.on("facegate/hq/north/audit/cosignature/" + id))
	gatetest.Eventually(t, "it is answered again", func() bool { return len(gates.on("facegate/hq/north/audit/cosignature/"+id)) > heard })
	becomes("hq/north", hq, 8)
	ask("hq/south", strange.Request(t, 0, 3)) // whom nobody follows
	cancel()
	(<-ended).want(t, exitOK, "", "cosigned")

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	heard = len(gates.on("facegate/hq/north/audit/cosignature/" + id))
	go serve() // and what the broker has retained is asked again, and answered once
	gatetest.Eventually(t, "it is answered again", func() bool { return len(gates.on("facegate/hq/north/audit/cosignature/"+id)) > heard })
	becomes("hq/north", hq, 8)
	cancel()
	(<-ended).want(t, exitOK, "", "connected")
	if n := len(gates.on("facegate/hq/north/audit/cosignature/" + id)); n > heard+2 {
		t.Errorf("%d answers to one request", n-heard)
	}
	if all := gates.on("facegate/hq/south/audit/cosignature/" + id); len(all) > 0 {
		t.Errorf("a log that nobody follows was answered: %q", all[0].Payload())
	}
}

// TestWitnessServeRefuses has what the command says of what it cannot do.
func TestWitnessServeRefuses(t *testing.T) {
	path, _, _ := newWitness(t)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, exitUsage, "--listen or --mqtt"},
		{[]string{"--listen", "nowhere"}, exitFailed, "--listen"},
		{[]string{"--mqtt", "http://broker"}, exitFailed, "--mqtt"},
		{[]string{"--mqtt", "tcp://192.0.2.1:1883"}, exitFailed, "--plaintext"},
		{[]string{"--mqtt", "tcp://127.0.0.1:1883", "--site", "a/b"}, exitFailed, "site"},
	} {
		facegate(t.Context(), append([]string{"witness", "serve", path}, c.args...)...).want(t, c.code, "", c.says)
	}
	facegate(t.Context(), "witness", "serve", path+".none", "--listen", "127.0.0.1:0").want(t, exitFailed, "", "witness create")
}

// A served is a witness in a process of its own.
type served struct {
	cmd *exec.Cmd
	url string
	log record
}

// startWitness starts the program, which serves a witness in these ways until the test is over.
func startWitness(t *testing.T, path string, ways ...string) *served {
	t.Helper()
	s := &served{cmd: exec.Command(os.Args[0], append([]string{"witness", "serve", path}, ways...)...)}
	s.cmd.Env = append(os.Environ(), asProgram+"=1")
	s.cmd.Stderr = &s.log
	must(t, childtest.Start(s.cmd))
	t.Cleanup(func() { s.cmd.Process.Kill(); s.cmd.Wait() })
	return s
}

// serveWitness starts the program, and returns once it is served over HTTP.
func serveWitness(t *testing.T, path string) *served {
	t.Helper()
	s := startWitness(t, path, "--listen", "127.0.0.1:0")
	at := regexp.MustCompile(`the witness is served" at=(\S+)`)
	gatetest.Eventually(t, "the witness is served", func() bool {
		found := at.FindStringSubmatch(s.log.String())
		if found != nil {
			s.url = "http://" + found[1] + "/add-checkpoint"
		}
		return found != nil
	})
	return s
}

// stop ends the program as a service manager does.
func (s *served) stop(t *testing.T) {
	t.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("the witness ended with %v: %s", err, s.log.String())
	}
}

// ask returns the status and the body that a request is answered with, 0 for none.
func (s *served) ask(client *http.Client, request []byte) (int, string) {
	r, err := client.Post(s.url, "text/plain", bytes.NewReader(request))
	if err != nil {
		return 0, ""
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, ""
	}
	return r.StatusCode, string(text)
}

// TestWitnessKilled kills a witness at random points while gates ask at a time, and checks after each start that it remembers whatever it had
// cosigned, and cosigns no other history.
func TestWitnessKilled(t *testing.T) {
	kills, gates := 6, 8
	if os.Getenv("FACEGATE_SLOW") != "" {
		kills, gates = 300, 32
	}
	const most = 1 << 12
	logs, forks, cosigned := make([]*logtest.Log, gates), make([]*logtest.Log, gates), make([]int64, gates)
	for i := range gates {
		logs[i], forks[i] = logtest.New(t, i), logtest.New(t, i)
	}
	path, _, _ := newWitness(t, logs...)
	client := &http.Client{Timeout: time.Minute}
	for kill := range kills {
		s := serveWitness(t, path)
		for i := range gates {
			must(t, remembers(s, client, t, logs[i], forks[i], &cosigned[i]))
		}
		var all sync.WaitGroup
		began := make(chan struct{}, gates*most)
		for i := range gates {
			all.Go(func() {
				for {
					logs[i].Append(t, fmt.Sprint("entry ", logs[i].Size))
					forks[i].Append(t, fmt.Sprint("other ", forks[i].Size))
					status, _ := s.ask(client, logs[i].Request(t, cosigned[i], logs[i].Size))
					if status != http.StatusOK {
						return // it was killed
					}
					cosigned[i] = logs[i].Size
					began <- struct{}{}
				}
			})
		}
		for range 1 + kill*7%23 { // so many cosignatures later, at whatever it is at
			<-began
		}
		s.cmd.Process.Kill()
		s.cmd.Wait()
		all.Wait()
	}
	var all int64
	for _, n := range cosigned {
		all += n
	}
	t.Logf("%d kills, while %d gates were cosigned %d entries", kills, gates, all)
}

// remembers checks that a witness is where a log has seen it, or one step further, whose answer was lost.
func remembers(s *served, client *http.Client, t *testing.T, log, fork *logtest.Log, cosigned *int64) error {
	if log.Size == 0 {
		return nil
	}
	status, body := s.ask(client, log.Request(t, log.Size, log.Size))
	if status == http.StatusOK { // it is at the newest
		*cosigned = log.Size
	} else if want := fmt.Sprintf("%d\n", *cosigned); status != http.StatusConflict || body != want {
		return fmt.Errorf("after a kill: %d %q, and %d or %d were cosigned", status, body, *cosigned, log.Size)
	}
	if *cosigned == 0 {
		return nil
	}
	if status, body := s.ask(client, fork.Request(t, *cosigned, *cosigned)); status != http.StatusConflict {
		return fmt.Errorf("another history: %d %q", status, body)
	}
	if status, body := s.ask(client, fork.Request(t, *cosigned, fork.Size)); status == http.StatusOK && fork.Size != *cosigned {
		return errors.New("another history was cosigned: " + strings.TrimSpace(body))
	}
	return nil
}
