package publish

import (
	"crypto/x509"
	"slices"
	"time"
)

// A Moment is what a machine knows of the time.
type Moment struct {
	Now   time.Time // by its clock
	Floor time.Time // has passed for certain
	Clock Clock     // whether Now can be trusted
}

// at returns the time by which certificates are judged. It is not before one that has passed for certain.
func (m Moment) at() time.Time {
	if m.Floor.After(m.Now) {
		return m.Floor
	}
	return m.Now
}

// doubted reports whether it may be much later than at says: a board without a clock of its own goes on at its start where it was
// switched off, or where it was made.
func (m Moment) doubted() bool { return m.Clock == Guess || m.Clock == Bad }

// trust says which certificates a broker may have.
type trust struct {
	host    string
	anchors []*x509.Certificate // nil for those of the system
	moment  Moment
}

// judge checks the certificate of a broker, chain[0], which the others lead to an authority, as TLS wants it: name, usage, signatures
// and times. Where the clock is doubted and the authority is named by the CA file, a time after the present one does as well; early says
// which one. What has expired by then, or by a time that has passed for certain, is refused in any case: nobody comes by a certificate of
// that authority by leading the clock astray, but with one that it has given out.
func (t trust) judge(chain []*x509.Certificate) (early time.Time, err error) {
	now := t.moment.at()
	if err = t.verify(chain, now); err == nil || len(t.anchors) == 0 || !t.moment.doubted() {
		return time.Time{}, err
	}
	for _, later := range t.beginnings(chain, now) {
		if t.verify(chain, later) == nil {
			return later, nil
		}
	}
	return time.Time{}, err
}

// maxBeginnings bounds how often the signatures of a chain are checked. A chain has two certificates, or three.
const maxBeginnings = 8

// beginnings returns when the certificates begin to be valid that are not valid yet. If all of a chain are valid at one time after now,
// they are at one of these.
func (t trust) beginnings(chain []*x509.Certificate, now time.Time) (all []time.Time) {
	for _, c := range slices.Concat(chain, t.anchors) {
		if c.NotBefore.After(now) && len(all) < maxBeginnings {
			all = append(all, c.NotBefore)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

func (t trust) verify(chain []*x509.Certificate, at time.Time) error {
	options := x509.VerifyOptions{DNSName: t.host, CurrentTime: at, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	if len(t.anchors) > 0 {
		options.Roots = x509.NewCertPool()
		for _, c := range t.anchors {
			options.Roots.AddCert(c)
		}
	}
	_, err := chain[0].Verify(options)
	return err
}
