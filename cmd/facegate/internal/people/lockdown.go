package people

import (
	"context"
	"encoding/hex"
	"errors"

	"facegate/pipeline/template"
	"facegate/store"
)

// Lockdown implements Records, and gathers the facts.
func (b bound) Lockdown(context.Context) (Facts, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.scheme.clear()
	clear(b.lapsed)
	b.claims.close()
	all, err := b.store.People()
	if err != nil {
		return Facts{}, err
	}
	err = b.store.Lockdown().Begin(b.by)
	unwritten := new(store.LockdownError)
	if err != nil && !errors.As(err, &unwritten) {
		return Facts{}, err
	}
	b.ranks.read(b.store)
	return b.facts(all, unwritten.Err), nil
}

// facts gathers what is known of a lockdown, before which all were enrolled.
func (b bound) facts(all []store.Person, undone error) Facts {
	f := Facts{
		Time: b.store.Clock().Verdict().Wall.UTC(), Device: b.device().Fingerprint, KeyStore: b.store.Device().KeyStore, People: len(all),
		Former: b.store.Retention().Former(),
	}
	for _, p := range all {
		if p.Record != (template.RecordID{}) {
			f.Templates++
		}
		if p.Record != (template.RecordID{}) && p.Scheme == template.SchemeS2 {
			f.Bound++
		}
		if p.Consent.Guardian != "" {
			f.Guardians++
		}
		if !p.Near.IsZero() {
			f.Near++
		}
	}
	log, unread := b.store.Log().Read()
	f.AuditSize, f.AuditRoot = log.Tree.N, hex.EncodeToString(log.Tree.Hash[:])
	if undone = errors.Join(undone, unread); undone != nil {
		f.Undone = "the records do not say that the templates are destroyed: " + undone.Error()
	}
	return f
}

// EndLockdown implements Records.
func (b bound) EndLockdown(context.Context) error { return b.store.Lockdown().End(b.by) }
