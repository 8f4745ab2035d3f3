package people

import "facegate/pipeline/template"

// EraseDue keeps everybody from matching whose enrolment has ended, or may have. It erases those of whom it is certain, and
// who have certainly not been seen for long, and returns how many they were. Their receipts wait to be fetched. Those who
// were kept from matching by a clock that was wrong match again.
func (r *Register) EraseDue() (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.attend(); err != nil {
		return 0, err
	}
	ids, err := r.store.Retention().EraseDue()
	for _, id := range ids {
		r.dismiss(id)
	}
	return len(ids), err
}

// EraseOwed erases those whose erasure was asked for and found no room, and returns how many they were. Their receipts wait
// to be fetched.
func (r *Register) EraseOwed() (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids, err := r.store.Retention().EraseOwed()
	for _, id := range ids {
		r.dismiss(id)
	}
	return len(ids), err
}

// attend takes out of the index whose enrolment has ended, or may have by a clock that is not known to be right, and lets
// those in again of whom it was the clock that was wrong. r.mu must be held.
func (r *Register) attend() error {
	lapsed := r.store.Retention().Lapsed()
	back := make(map[template.PersonID]bool)
	for id := range r.lapsed {
		if !lapsed[id] {
			back[id] = true
		}
	}
	for id := range lapsed {
		r.forget(id)
	}
	if len(back) > 0 {
		if err := r.scheme.read(func(id template.PersonID) bool { return back[id] }); err != nil {
			return err
		}
	}
	r.lapsed = lapsed
	return nil
}
