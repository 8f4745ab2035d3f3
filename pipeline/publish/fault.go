package publish

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"golang.org/x/sys/unix"

	"facegate/configs/address"
	"facegate/configs/show"
	"facegate/pipeline/publish/feed"
)

// A Fault is why there is no connection to the broker: a sentence, and what to do about it.
type Fault struct {
	Kind string // one word for each way in which it can fail; the same as long as the same is to be done
	says string
	Hint string
	err  error
	at   phase
}

// Error says in one sentence what is wrong. Unlike the cause it does not change from one attempt to the next.
func (f *Fault) Error() string { return f.says }

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.err }

// A phase is how far a connection had come when it failed.
type phase int

// The phases.
const (
	preparing  phase = iota // reading the files
	dialling                // for the network connection
	securing                // the TLS handshake
	greeting                // waiting for CONNACK
	announcing              // saying that the gate is online
	serving
)

// An explainer turns what went wrong with a broker into a Fault.
type explainer struct {
	cfg Config
	to  address.Address
	now time.Time         // by which certificates are judged
	own *x509.Certificate // that this gate shows, nil for none
}

func (e explainer) explain(at phase, err error) *Fault {
	if f := new(Fault); errors.As(err, &f) {
		return f
	}
	if at == dialling && errors.Is(err, errHandshake) {
		at = securing
	}
	var f *Fault
	switch at {
	case dialling:
		f = e.dial(err)
	case securing:
		f = e.handshake(err)
	case greeting:
		f = e.greeting(err)
	default:
		f = e.loss(at, err)
	}
	f.err, f.at = err, at
	return f
}

func (p *Publisher) explainer(to endpoint) explainer {
	e := explainer{cfg: p.cfg, to: to.Address, now: to.moment.at()}
	if to.own != nil {
		e.own = to.own.Leaf
	}
	return e
}

// fault returns a Fault whose sentence begins with the broker's address.
func (e explainer) fault(kind, says, advice string, args ...any) *Fault {
	return &Fault{Kind: kind, says: string(show.Whole(e.to.String() + " " + says)), Hint: string(show.Sprintf(advice, args...))}
}

// user returns as whom the gate connects.
func (e explainer) user() string { return cmp.Or(e.cfg.Username, "(none)") }

// unknown is the Fault of a cause that has no sentence of its own.
func (e explainer) unknown(says string, err error) *Fault {
	return e.fault("other", says+": "+bare(err), "Look into the broker's log, and see that this machine reaches %s.", e.to)
}

// bare returns what err says without the addresses, which differ from one attempt to the next, and the library's name. It
// may be what somebody else wrote.
func bare(err error) string {
	if op := new(net.OpError); errors.As(err, &op) {
		err = op.Err
	}
	if call := new(os.SyscallError); errors.As(err, &call) {
		err = call.Err
	}
	text := err.Error()
	for _, library := range []string{"tls: ", "x509: ", "publish: "} {
		text = strings.TrimPrefix(text, library)
	}
	return string(show.Foreign(text))
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// isClosed reports whether the other end has closed the connection.
func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}

// allow is the advice about the systemd unit, which lets the service reach this machine alone.
const allow = "name the broker's number in IPAddressAllow= of the unit (systemctl edit facegate), as the service may reach this " +
	"machine alone otherwise"

func (e explainer) dial(err error) *Fault {
	if dns := new(net.DNSError); errors.As(err, &dns) {
		return e.name(dns)
	}
	switch {
	case errors.Is(err, errElsewhere):
		return e.fault("elsewhere", "is another machine, to which nothing may go unencrypted: "+bare(err),
			"Write 127.0.0.1 in place of the name in mqtt.broker, and see what /etc/hosts says of it; for a broker elsewhere use ssl://, or "+
				"write mqtt.plaintext: true.")
	case errors.Is(err, unix.ECONNREFUSED):
		return e.fault("refused", "refuses the connection: nothing listens on that port",
			"Start the broker (systemctl status mosquitto), or correct the port in mqtt.broker.")
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EADDRNOTAVAIL):
		return e.fault("no-network", "is in a network that this machine has no way to",
			"Check the cable or the Wi-Fi, this machine's address and its gateway (ip address, ip route).")
	case errors.Is(err, unix.ENETDOWN):
		return e.fault("network-down", "cannot be reached: this machine's network is down", "Check the cable or the Wi-Fi (ip link).")
	case errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EHOSTDOWN):
		return e.fault("no-machine", "cannot be reached: no machine answers at that address",
			"Check that the broker's machine is switched on and in this network, and that no firewall turns this gate away.")
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return e.fault("forbidden", "cannot be reached: this machine does not permit it",
			"%s; look for a rule of the firewall too.", capital(allow))
	case errors.Is(err, unix.EAFNOSUPPORT):
		return e.fault("family", "has a kind of address (IPv4 or IPv6) that this machine does not have, or does not permit",
			"Write the other kind of address in mqtt.broker, or see RestrictAddressFamilies= of the unit.")
	case isTimeout(err), errors.Is(err, unix.ETIMEDOUT):
		return e.silence()
	}
	return e.unknown("cannot be reached", err)
}

func (e explainer) silence() *Fault {
	advice := "Check the address in mqtt.broker, that the broker's machine is switched on, and that no firewall drops the connection"
	if !e.to.OnBoard() {
		advice += "; " + allow
	}
	return e.fault("silent", "does not answer at all", "%s.", advice)
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// name explains why a host name has no address. The resolver gives a reason such as EPERM as text alone.
func (e explainer) name(dns *net.DNSError) *Fault {
	switch {
	case strings.Contains(dns.Err, unix.EPERM.Error()), strings.Contains(dns.Err, unix.EACCES.Error()):
		return e.fault("name-forbidden", "cannot be looked up: this machine does not permit a question to the name server",
			"Write the broker's number in place of its name in mqtt.broker; or allow the name server as well as the broker in "+
				"IPAddressAllow= of the unit (systemctl edit facegate).")
	case dns.IsNotFound:
		return e.fault("name-unknown", "has a name that no name server knows",
			"Check the spelling of mqtt.broker (getent hosts %s), or write its number.", e.to.Host)
	}
	return e.fault("name-silent", "cannot be looked up: no name server answers",
		"Check this machine's network and its name server (/etc/resolv.conf), or write the broker's number in mqtt.broker.")
}

func (e explainer) greeting(err error) *Fault {
	switch {
	case errors.Is(err, packets.ErrorRefusedBadProtocolVersion), errors.Is(err, errNoBroker):
		return e.fault("no-broker", "is no broker of MQTT 3.1.1",
			"Correct the address and the port in mqtt.broker: 1883 is usual, 8883 with TLS; a broker has to permit MQTT 3.1.1.")
	case errors.Is(err, packets.ErrorRefusedIDRejected):
		return e.fault("client-id", fmt.Sprintf("refuses the client id %q", e.cfg.ClientID),
			"Set mqtt.client_id to one that the broker takes: letters and digits, for some at most 23.")
	case errors.Is(err, packets.ErrorRefusedServerUnavailable):
		return e.fault("unavailable", "answers that it cannot serve now", "Look into the broker's log: it may be starting, or full.")
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(err, packets.ErrorRefusedNotAuthorised):
		return e.account(err)
	case errors.Is(err, errTooBig):
		return e.giant()
	case errors.Is(err, errTLSPort):
		return e.fault("tls-port", "is a port with TLS",
			"Write ssl:// in place of tcp:// in mqtt.broker, and give the CA file (mqtt.ca_file) of the broker's own authority.")
	case e.to.TLS && (isRemoteAlert(err) || errors.Is(err, errAsked)):
		return e.handshake(err)
	case isClosed(err):
		return e.closedEarly()
	case isTimeout(err):
		return e.fault("mute", "takes the connection and does not answer as a broker does",
			"See that the port in mqtt.broker is the broker's: ssl:// for a TLS port, tcp:// for one without; then look into its log.")
	}
	return e.unknown("was reached, and did not let this gate in", err)
}

func (e explainer) account(err error) *Fault {
	switch {
	case e.cfg.Username == "":
		return e.fault("no-user", "lets nobody in without a user name and a password", "Set mqtt.username and mqtt.password_file.")
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword):
		return e.fault("password", fmt.Sprintf("refuses the user name %q or its password", e.cfg.Username),
			"Check mqtt.username, and the password in mqtt.password_file.")
	}
	return e.fault("not-authorised", fmt.Sprintf("does not let the user %q in", e.cfg.Username),
		"Check mqtt.username, the password in mqtt.password_file, and that the broker permits this user and the client id %q.", e.cfg.ClientID)
}

func (e explainer) giant() *Fault {
	return e.fault("giant", fmt.Sprintf("announces a packet of more than %d bytes, which a gate has no use for", maxPacket),
		"See that it is the broker, and that no other program has used the client id %q there; another mqtt.client_id leaves "+
			"what waits for that one behind.", e.cfg.ClientID)
}

func (e explainer) closedEarly() *Fault {
	advice := "If it is a TLS port, write ssl:// in mqtt.broker; tcp:// is for one without. Otherwise the broker's log says why."
	if e.to.TLS {
		advice = "The broker's log says why; it may have too many clients, or refuse this address."
	}
	return e.fault("closed", "closes the connection without an answer", "%s", advice)
}

const adviceLost = "Look into the broker's log: it may have been restarted, or another client has this client id. " +
	"No event is lost by this."

// loss explains the end of a connection that the broker had granted.
func (e explainer) loss(at phase, err error) *Fault {
	switch {
	case errors.As(err, new(*unseen)):
		return e.kept(err)
	case errors.Is(err, feed.ErrKept):
		return &Fault{
			Kind: "outbox", says: "an event was delivered, and cannot be removed from this machine's disk: " + bare(err),
			Hint: "Make room on the disk, and look into its health (dmesg). The event is sent again meanwhile.",
		}
	case errors.Is(err, errTooBig):
		return e.giant()
	case errors.Is(err, errNoAck):
		return e.fault("no-ack", "does not acknowledge what it is sent", "Look into the broker's log: its disk may be full, or it is overloaded.")
	case isClosed(err) && at == announcing:
		return e.fault("unwelcome", "closes the connection as soon as the gate says that it is online",
			"Let the user %q write to facegate/%s/%s/#, and see that no other client has the client id %q.",
			e.user(), e.cfg.Site, e.cfg.Gate, e.cfg.ClientID)
	case isClosed(err):
		return e.fault("ended", "has ended the connection", adviceLost)
	case isTimeout(err), strings.Contains(err.Error(), "pingresp"):
		return e.fault("vanished", "does not answer any more", "Check the network between this machine and the broker, and that it runs. "+
			"No event is lost by this.")
	}
	f := e.unknown("was connected, and is not any more", err)
	f.Hint = adviceLost
	return f
}

// kept explains that a connection was given up because of err, an unseen.
func (e explainer) kept(err error) *Fault {
	u := new(unseen)
	errors.As(err, &u)
	return e.withheld([]string{strings.TrimPrefix(u.topic, e.cfg.topic(""))})
}

// withheld explains that the broker acknowledges what is published on topics of this gate, and gives it to nobody.
func (e explainer) withheld(topics []string) *Fault {
	var whole []string
	for _, name := range topics {
		whole = append(whole, e.cfg.topic(name))
	}
	waits := ""
	if slices.ContainsFunc(topics, func(name string) bool { return name == echo || name == pass || name == duress }) {
		waits = " Until then events wait."
	}
	place := e.cfg.topic("#")
	if slices.Contains(topics, discovery) {
		place += ", and " + e.cfg.topic(discovery) + ","
	}
	return e.fault("withheld", "does not give back what this gate tells on "+strings.Join(whole, ", "),
		"Let the user %q read and write %s in the broker's access list.%s", e.user(), place, waits)
}

// again explains a connection that is granted and ends after a short time, again and again.
func (e explainer) again(last *Fault) *Fault {
	if last.Kind != "ended" {
		return &Fault{
			Kind: last.Kind + "-again", says: last.says + ", again and again", Hint: last.Hint, err: last.err, at: last.at,
		}
	}
	f := e.fault("same-client-id", fmt.Sprintf("ends the connection again and again: another client has the client id %q", e.cfg.ClientID),
		"No two gates of one broker may have the same site and gate, or the same mqtt.client_id: give this one or the other a "+
			"name of its own. If there is only this one, the broker's log says why.")
	f.err, f.at = last.err, last.at
	return f
}

// remoteAlert returns the number of the alert by which the other end has ended TLS (RFC 8446, section 6). The type of it is
// the library's own secret.
func remoteAlert(err error) (number uint64, ok bool) {
	op := new(net.OpError)
	if !errors.As(err, &op) || op.Op != "remote error" {
		return 0, false
	}
	v := reflect.ValueOf(op.Err)
	if v.Kind() != reflect.Uint8 {
		return 0, false
	}
	return v.Uint(), true
}

func isRemoteAlert(err error) bool {
	_, ok := remoteAlert(err)
	return ok
}

// errAsked means that the broker had asked for a client certificate before it ended the connection.
var errAsked = errors.New("the broker asked for a client certificate")

// The alerts that have a sentence.
const (
	alertHandshakeFailure    = 40
	alertBadCertificate      = 42
	alertUnknownAuthority    = 48
	alertAccessDenied        = 49
	alertProtocolVersion     = 70
	alertInsufficientSafety  = 71
	alertUnrecognisedName    = 112
	alertCertificateRequired = 116
)

func (e explainer) handshake(err error) *Fault {
	alert, alerted := remoteAlert(err)
	closed := isClosed(err)
	asked := errors.Is(err, errAsked) && (closed || alerted)
	switch {
	case alert == alertCertificateRequired, asked && alert != alertProtocolVersion:
		return e.shown()
	case alert == alertProtocolVersion, strings.Contains(err.Error(), "unsupported protocol version"):
		return e.fault("tls-version", "speaks neither TLS 1.2 nor 1.3", "Update the broker, or let it speak TLS 1.2 (mosquitto: tls_version).")
	case alert == alertHandshakeFailure, alert == alertInsufficientSafety, strings.Contains(err.Error(), "unsupported cipher suite"):
		return e.fault("cipher", "has no cipher in common with this gate", "Let the broker use the usual ciphers of TLS 1.2 and 1.3 (mosquitto: ciphers).")
	case alert == alertUnrecognisedName:
		return e.fault("server-name", fmt.Sprintf("does not know itself by the name %q", e.to.Host), "Write the broker's own name in mqtt.broker.")
	case errors.As(err, new(tls.RecordHeaderError)):
		return e.fault("plain-port", "does not speak TLS",
			"ssl:// is for a TLS port, often 8883: write that one in mqtt.broker, or tcp:// for a port without TLS.")
	case closed:
		return e.fault("tls-closed", "closes the connection during the TLS handshake",
			"ssl:// is for a TLS port, often 8883: write that one in mqtt.broker, or tcp:// for a port without TLS. If it is one, "+
				"the broker's log says why.")
	case isTimeout(err):
		return e.fault("tls-silent", "takes the connection and does not answer to TLS",
			"ssl:// is for a TLS port, often 8883: write that one in mqtt.broker, or tcp:// for a port without TLS.")
	}
	return e.certificate(err)
}

// shown explains that the broker does not take the certificate that this gate shows.
func (e explainer) shown() *Fault {
	const renew = "Have a new one issued and put it into mqtt.cert_file (%s) and its key into mqtt.key_file; they are taken at the next attempt."
	switch {
	case e.own == nil:
		return e.fault("client-certificate", "wants a client certificate",
			"Name the certificate that the broker's authority has issued for this gate in mqtt.cert_file, and its key in mqtt.key_file; or let "+
				"the broker do without (mosquitto: require_certificate false).")
	case e.now.After(e.own.NotAfter):
		return e.fault("client-expired", "does not take this gate's certificate, which expired on "+day(e.own.NotAfter), renew, e.cfg.CertFile)
	case e.now.Before(e.own.NotBefore):
		return e.fault("client-not-yet-valid", "does not take this gate's certificate, which is not valid before "+day(e.own.NotBefore),
			"Set this machine's clock and the broker's, or have a new certificate issued.")
	}
	return e.fault("client-refused", "does not take this gate's certificate",
		"See that the authority of the certificate in mqtt.cert_file (%s) is one that the broker knows (mosquitto: cafile), that it is for a "+
			"client (extendedKeyUsage clientAuth) and not revoked; the broker's log says more.", e.cfg.CertFile)
}

// caveat says what is to be said of a connection though it serves, nil for nothing.
func (e explainer) caveat(s *secured) *Fault {
	switch {
	case s == nil:
		return nil
	case !s.early.IsZero():
		return e.fault("early-certificate", fmt.Sprintf("has a certificate that is not valid before %s, and is taken on %s, as the clock of this "+
			"machine is not known to be right", day(s.early), day(e.now)),
			"Set the clock (timedatectl), or let this machine reach a time server; until then only the authority in mqtt.ca_file vouches for the broker.")
	case s.asked && e.own != nil && e.now.After(e.own.NotAfter):
		return e.fault("client-expired", "takes this gate's certificate, which expired on "+day(e.own.NotAfter),
			"Renew it in mqtt.cert_file (%s) and mqtt.key_file before the broker asks for its date; if it is not %s today, set this machine's "+
				"clock (timedatectl).", e.cfg.CertFile, day(e.now))
	}
	return nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// certificate explains what is wrong with the broker's certificate.
func (e explainer) certificate(err error) *Fault {
	var invalid x509.CertificateInvalidError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		return e.dates(invalid.Cert)
	case errors.As(err, &host):
		return e.names(host)
	case errors.As(err, &authority) && e.cfg.CAFile != "":
		return e.fault("other-authority", "has a certificate that the authority in the CA file did not sign",
			"Put the certificate of the authority that signed the broker's into the CA file (mqtt.ca_file: %s).", e.cfg.CAFile)
	case errors.As(err, &authority), errors.As(err, new(x509.SystemRootsError)):
		return e.fault("unknown-authority", "has a certificate of an authority that this machine does not know",
			"Give the certificate of the authority that signed the broker's as the CA file (mqtt.ca_file).")
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return e.fault("no-server-certificate", "has a certificate that is not made for a server",
			"Have the broker's certificate made anew, for a server (extendedKeyUsage serverAuth).")
	case errors.As(err, &invalid), errors.As(err, new(x509.InsecureAlgorithmError)), errors.As(err, new(x509.UnhandledCriticalExtension)):
		return e.fault("unfit-certificate", "has a certificate that is not acceptable: "+bare(err), "Have the broker's certificate made anew.")
	}
	return e.unknown("was reached, and TLS with it failed", err)
}

// dates explains a certificate out of its time. A board without a battery begins in the past, and sees certificates that
// are not valid yet; one that has lost its clock may see any as expired.
func (e explainer) dates(c *x509.Certificate) *Fault {
	whose := "has a certificate that"
	if c.IsCA && c.CheckSignatureFrom(c) == nil {
		whose = "has a certificate of an authority whose own"
	}
	if e.now.Before(c.NotBefore) {
		return e.fault("not-yet-valid", fmt.Sprintf("%s is not valid before %s", whose, day(c.NotBefore)),
			"Set this machine's clock, by which it is %s (timedatectl); if that is right, have the certificate made anew. With the CA file of the "+
				"broker's authority (mqtt.ca_file) a gate connects before its clock is right.", day(e.now))
	}
	return e.fault("expired", fmt.Sprintf("%s expired on %s", whose, day(c.NotAfter)),
		"Renew the broker's certificate; if it is not %s today, set this machine's clock (timedatectl).", day(e.now))
}

// maxNames is how many names of a certificate are told. They are foreign text, and quoted.
const maxNames = 5

// names explains a certificate for other names.
func (e explainer) names(h x509.HostnameError) *Fault {
	var names []string
	for _, n := range h.Certificate.DNSNames {
		names = append(names, fmt.Sprintf("%q", n))
	}
	for _, ip := range h.Certificate.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return e.fault("no-name", "has a certificate without a name",
			"Have it made anew with subjectAltName %s; the common name alone does not count any more.", e.to.Host)
	}
	return e.fault("other-name", fmt.Sprintf("has a certificate for %s and not for %s",
		show.Foreign(strings.Join(names[:min(len(names), maxNames)], ", ")), e.to.Host),
		"Write one of its names in mqtt.broker, or have the certificate made anew with subjectAltName %s.", e.to.Host)
}
