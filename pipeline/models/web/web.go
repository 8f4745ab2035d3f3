// Package web gets a file of known size from a public address, by HTTPS alone.
package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"facegate/configs/hint"
)

// Why an address gives nothing. The errors carry what to do about it.
var (
	ErrInsecure = errors.New("it is not https")
	ErrAnswer   = errors.New("the server has another answer")
	ErrSize     = errors.New("what is there has another size")
	ErrReach    = errors.New("it cannot be reached")
)

// The bounds of one file. A server that sends a byte now and then is patiently waited for, up to Whole.
const (
	Patience  = 20 * time.Second // without a sign of the server
	Whole     = 20 * time.Minute // for all of a file, on a slow line
	redirects = 5                // public stores of files have two or three
)

// A Client gets files. Its zero value trusts the authorities of the system.
type Client struct {
	Authorities *x509.CertPool // nil for the system's
	Patience    time.Duration  // without a sign of the server; 0 for Patience
}

// Get returns the size bytes at an address. Whatever is longer or shorter is ErrSize, of which no more than size bytes and one
// are read. It follows redirects to https alone. It does not know what the bytes are: the caller compares their hash.
func (c Client) Get(ctx context.Context, address string, size int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, Whole)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, ErrInsecure)
	}
	if request.URL.Scheme != "https" {
		return nil, fmt.Errorf("%s: %w", address, ErrInsecure)
	}
	request.Header.Set("User-Agent", "facegate")
	client := c.client()
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return nil, unreached(address, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %w: %s", address, ErrAnswer, response.Status)
	}
	if n := response.ContentLength; n >= 0 && n != size {
		return nil, fmt.Errorf("%s: %w: %d bytes instead of %d", address, ErrSize, n, size)
	}
	return read(response.Body, address, size)
}

func read(body io.Reader, address string, size int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, size+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%s: %w: it is cut off after %d of %d bytes", address, ErrSize, len(data), size)
	case err != nil:
		return nil, unreached(address, err)
	case int64(len(data)) > size:
		return nil, fmt.Errorf("%s: %w: more than the %d bytes wanted", address, ErrSize, size)
	case int64(len(data)) < size:
		return nil, fmt.Errorf("%s: %w: it is cut off after %d of %d bytes", address, ErrSize, len(data), size)
	}
	return data, nil
}

// unreached says why there is no answer. What http says of a request begins with the address as well.
func unreached(address string, err error) error {
	if cause := errors.Unwrap(err); cause != nil && !errors.Is(err, ErrInsecure) {
		err = cause
	}
	if errors.Is(err, ErrInsecure) {
		return fmt.Errorf("%s: it leads elsewhere: %w", address, ErrInsecure)
	}
	err = fmt.Errorf("%s: %w: %w", address, ErrReach, err)
	if certificate := new(tls.CertificateVerificationError); errors.As(err, &certificate) {
		return hint.Wrap(err, "check the clock of this machine and its package ca-certificates; somebody may be listening on the line")
	}
	return hint.Wrap(err, "check the network; a proxy is taken from HTTPS_PROXY")
}

func (c Client) client() *http.Client {
	patience := c.Patience
	if patience == 0 {
		patience = Patience
	}
	dialer := &net.Dialer{Timeout: patience}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment,
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dialer.DialContext(ctx, network, address)
				return patient{conn, patience}, err
			},
			TLSClientConfig:     &tls.Config{RootCAs: c.Authorities, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: patience,
			DisableCompression:  true, // what is hashed is what was published
			ForceAttemptHTTP2:   false,
		},
		CheckRedirect: func(next *http.Request, before []*http.Request) error {
			if next.URL.Scheme != "https" {
				return ErrInsecure
			}
			if len(before) > redirects {
				return fmt.Errorf("%w: more than %d redirects", ErrAnswer, redirects)
			}
			return nil
		},
	}
}

// A patient connection gives up on a peer that says nothing for as long as patience.
type patient struct {
	net.Conn
	patience time.Duration
}

// Read implements net.Conn.
func (p patient) Read(b []byte) (int, error) {
	if err := p.SetReadDeadline(time.Now().Add(p.patience)); err != nil {
		return 0, err
	}
	return p.Conn.Read(b)
}
