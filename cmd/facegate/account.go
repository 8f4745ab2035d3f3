package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"facegate/configs/address"
	"facegate/configs/hint"
	"facegate/pipeline/publish"
)

// accountFlags say as whom to connect to a broker from a machine that need not be a gate.
type accountFlags struct {
	CAFile       string `placeholder:"FILE" help:"Certificates that sign the broker's. Otherwise those of the system."`
	CertFile     string `placeholder:"FILE" help:"Certificate to show to the broker."`
	CertKeyFile  string `placeholder:"FILE" help:"Its private key."`
	Username     string `placeholder:"NAME" help:"User of the broker, who may read and write what the documents say."`
	PasswordFile string `placeholder:"FILE" help:"File with the password."`
	Plaintext    bool   `help:"The broker may be another machine without TLS. What is said can be listened to, held back and changed on its way."`
}

// config returns how to reach the brokers at these addresses, which flag has given. The client id is to end in something else each time.
func (f accountFlags) config(flag string, brokers []string) (publish.Config, error) {
	cfg := publish.Config{
		ClientID: "facegate", Username: f.Username, PasswordFile: f.PasswordFile, CAFile: f.CAFile,
		CertFile: f.CertFile, KeyFile: f.CertKeyFile, Plaintext: f.Plaintext,
	}
	for _, text := range brokers {
		a, err := address.Parse(text)
		if err != nil {
			return publish.Config{}, hint.Wrap(fmt.Errorf("%s %w", flag, err), "%s", address.Advice)
		}
		cfg.Brokers = append(cfg.Brokers, a)
	}
	return cfg, nil
}

// adviceInFlags returns the advice of err, which speaks of a configuration, in the words of the command line. flag gives the address.
func adviceInFlags(err error, flag string) string {
	words := strings.NewReplacer(
		"mqtt.plaintext: true", "--plaintext", "mqtt.broker", flag, "mqtt.ca_file", "--ca-file", "mqtt.cert_file", "--cert-file",
		"mqtt.key_file", "--cert-key-file", "mqtt.username", "--username", "mqtt.password_file", "--password-file", "mqtt.client_id", "the client id",
		"the service's user", "this user")
	advice := hint.Of(err)
	if f := new(publish.Fault); errors.As(err, &f) {
		advice = cmp.Or(advice, f.Hint)
	}
	return words.Replace(advice)
}
