package people

import (
	"context"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
)

// Records are every question that a technician or a person may put to a gate about people, and every order. Whoever holds
// them need not know whether the gate runs: a Register answers in process, and a control.Client by way of the gate's socket.
//
// Who asks is known from where the Records came, and no question says it: a Register is bound to an actor by As, and who is
// at the other end of a socket is for the kernel to say.
//
// Errors carry a hint. Those that tell answers apart are listed by Kinds, and are the same both ways, by errors.Is.
type Records interface {
	// People lists everybody enrolled, by label.
	People(ctx context.Context) ([]Person, error)

	// Show returns all that is held of a person, but for the template.
	Show(ctx context.Context, label string) (File, error)

	// Form returns what is held under the number of a form: of whoever is on the list by it, of consents that are over, and of receipts
	// that wait. Nothing at all is an answer too.
	Form(ctx context.Context, r FormRequest) (Form, error)

	// Join puts somebody on the list who gives no face, with a pass if that is asked for, whose token is kept nowhere else.
	Join(ctx context.Context, r JoinRequest) (Joined, error)

	// Relabel corrects a label.
	Relabel(ctx context.Context, old, label string) (Person, error)

	// SetGroups puts a person into groups that the rules of the door name, and takes them out of all others, at once. In which a person
	// is, People and Show tell. It refuses with ErrGroup where no rule names one.
	SetGroups(ctx context.Context, r GroupsRequest) (Person, error)

	// Erase removes a person, who does not match any more when it returns, with a receipt. The error is ErrOwed if something
	// could not be destroyed yet. A consent that is audit.Withdrawn is kept as one that was withdrawn. If it is audit.FaceWithdrawn
	// the person stays on the list without a face.
	Erase(ctx context.Context, who Who, why audit.Reason) (Erasure, error)

	// IssuePass gives a person a new pass, whose token is kept nowhere else. The old one does nothing any more.
	IssuePass(ctx context.Context, label string) (template.Token, error)

	// Visits returns what the gate keeps of visitors' passes, and of the offices that issue them. AddOffice has the passes of an
	// office open the door, and RemoveOffice none of them any more.
	Visits(ctx context.Context) (Visits, error)
	AddOffice(ctx context.Context, r OfficeRequest) (Office, error)
	RemoveOffice(ctx context.Context, name string) (Office, error)

	// RevokeVisit has a visitor's pass open nothing any more. ShowVisit says what one with these letters comes to at this door; it is
	// not used by that.
	RevokeVisit(ctx context.Context, r Revocation) (Visit, error)
	ShowVisit(ctx context.Context, pass string) (ShownVisit, error)

	// Operators returns who opens the door from afar. AddOperator has the orders of whoever has a key open the door, and RemoveOperator
	// none of them any more.
	Operators(ctx context.Context) (Operators, error)
	AddOperator(ctx context.Context, r OperatorRequest) (Operator, error)
	RemoveOperator(ctx context.Context, name string) (Operator, error)

	// SetPIN gives a person a PIN, and a number if they have none. RemovePIN takes the PIN for duress or, with the number, both.
	SetPIN(ctx context.Context, r PINRequest) (PINGiven, error)
	RemovePIN(ctx context.Context, label string, duress bool) error

	// Number returns what names a person at a keypad. Renumber gives them another one.
	Number(ctx context.Context, label string) (string, error)
	Renumber(ctx context.Context, label string) (string, error)

	// RemoveCard takes a card from a person, by its Credential.ID. It opens nothing any more.
	RemoveCard(ctx context.Context, label, id string) error

	// Receipts lists the files of receipts that nobody has fetched, such as those of expired enrolments.
	Receipts(ctx context.Context) ([]string, error)

	// Fetched says that somebody has the receipt with this id (see receipt.ID), and it need not be kept.
	Fetched(ctx context.Context, id string) error

	// Prove returns the newest proof that the audit log holds a receipt of this device (see package receipt/proof), and says so where
	// it does not hold it any more.
	Prove(ctx context.Context, receipt string) (string, error)

	// Verify checks the audit log, also against trees of it that were seen before.
	Verify(ctx context.Context, seen []tlog.Tree) (AuditReport, error)

	// Checkpoint returns the signed checkpoint of the audit log as it is.
	Checkpoint(ctx context.Context) (Checkpoint, error)

	// WitnessRequest returns what the witness with a verifier key is asked to cosign, as a file for who carries it: the body of an
	// add-checkpoint request (https://c2sp.org/tlog-witness). With anew the witness is asked as one that knows nothing of the gate, as one that
	// has lost its memory. It refuses with ErrNoWitness.
	WitnessRequest(ctx context.Context, key string, anew bool) (string, error)

	// TakeCosigned takes in what a witness has made of such a request, a signed note. It refuses with ErrNoWitness, and with
	// store.ErrRolledBack if the witness has seen more of the audit log than there is.
	TakeCosigned(ctx context.Context, signed string) (Cosigned, error)

	// Device returns the identity of the device.
	Device(ctx context.Context) (Device, error)

	// Backup makes a sealed copy of people, consents, templates and what people come in by, for a gate that has lost them.
	Backup(ctx context.Context) (Backup, error)

	// Lockdown makes every template unusable, and nobody matches when it returns. EndLockdown lets people be captured again.
	Lockdown(ctx context.Context) (Facts, error)
	EndLockdown(ctx context.Context) error

	// ResetLockout lets the faces of those open the door again whom somebody tried too often to be taken for.
	ResetLockout(ctx context.Context) error

	// TurnFacesOff has no face looked at, and nobody captured, until TurnFacesOn. Nothing is destroyed.
	TurnFacesOff(ctx context.Context, reason string) error
	TurnFacesOn(ctx context.Context) error

	// Epoch says how far a change of epoch has come. BeginEpoch begins one, and everybody matches as before; where faces are
	// compared 1:1 it refuses. EndEpoch destroys the templates of the earlier ones, and their people have to be captured again.
	Epoch(ctx context.Context) (Epoch, error)
	BeginEpoch(ctx context.Context) (Epoch, error)
	EndEpoch(ctx context.Context) (Epoch, error)

	// Clock says what is known of the time. ConfirmClock notes that a technician vouches for the date, which was seen a
	// moment ago: what waits for a right clock is done then.
	Clock(ctx context.Context) (ClockStatus, error)
	ConfirmClock(ctx context.Context, seen time.Time) (ClockStatus, error)
}

// Who names one person: by label or, with another token than the zero one, by the pass that they hold.
type Who struct {
	Label string
	Pass  template.Token
}

// ByPass reports whether somebody is named by their pass.
func (w Who) ByPass() bool { return w.Pass != template.Token{} }

func (w Who) stored() store.Who {
	if w.ByPass() {
		return store.ByPass(w.Pass)
	}
	return store.ByLabel(w.Label)
}
