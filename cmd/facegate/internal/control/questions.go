package control

import (
	"cmp"
	"context"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/device/probe"
	"facegate/pipeline/template"
	"facegate/store/audit"
)

// table is every question that has one answer: where it is asked, whose it is, and what answers it. Server and Client both
// read it, and each method of people.Records and Running stands below with what it sends.
//
// The fields are exported for the Server, which walks through them.
type table struct {
	Process question[none, process]
	Status  question[none, status.Status]
	Device  question[none, people.Device]
	Audit   question[places, people.AuditReport]

	Checkpoint     question[none, people.Checkpoint]
	WitnessRequest question[witnessKey, signedText]
	TakeCosigned   question[signedText, people.Cosigned]

	People    question[none, []people.Person]
	Show      question[person, people.File]
	Form      question[people.FormRequest, people.Form]
	Join      question[people.JoinRequest, joined]
	Relabel   question[relabelling, people.Person]
	SetGroups question[people.GroupsRequest, people.Person]
	Erase     question[person, people.Erasure]
	EraseOwn  question[ownPass, people.Erasure]
	Withdraw  question[withdrawal, people.Erasure]
	Pass      question[person, letters]
	PIN       question[people.PINRequest, given]
	RemovePIN question[removal, none]
	Number    question[person, number]
	Renumber  question[person, number]

	RemoveCard question[card, none]

	Receipts question[none, []string]
	Fetched  question[receiptID, none]
	Prove    question[receiptFile, proofText]

	Visits       question[none, people.Visits]
	AddOffice    question[people.OfficeRequest, people.Office]
	RemoveOffice question[officeName, people.Office]
	RevokeVisit  question[people.Revocation, people.Visit]
	ShowVisit    question[visitorPass, people.ShownVisit]

	Operators      question[none, people.Operators]
	AddOperator    question[people.OperatorRequest, people.Operator]
	RemoveOperator question[operatorName, people.Operator]

	Clock        question[none, people.ClockStatus]
	ConfirmClock question[date, people.ClockStatus]
	Door         question[none, status.Door]
	TestCamera   question[none, probe.Verdict]
	TestDoor     question[none, status.DoorTest]
	HoldDoor     question[hold, none]
	ReleaseDoor  question[none, none]
	ForgetMQTT   question[none, status.Forgotten]
	Backup       question[none, people.Backup]
	FacesOff     question[reason, none]
	FacesOn      question[none, none]
	ResetLockout question[none, none]
	Epoch        question[none, people.Epoch]
	BeginEpoch   question[none, people.Epoch]

	EndEpoch    question[none, people.Epoch]
	Lockdown    question[none, people.Facts]
	EndLockdown question[none, none]
}

func newTable() table {
	return table{
		Process:        ofHost("GET /process", everybodys, func(h Host) process { name, _ := h.Process(); return process{name} }),
		Status:         ofGate("GET /status", everybodys, Running.Status),
		Device:         ofRecords("GET /device", everybodys, bare(people.Records.Device)),
		Audit:          ofRecords("GET /audit", eithers, places.verify),
		Checkpoint:     ofRecords("GET /audit/checkpoint", eithers, bare(people.Records.Checkpoint)),
		WitnessRequest: ofRecords("POST /audit/request", eithers, witnessKey.request),
		TakeCosigned:   ofRecords("POST /audit/cosigned", eithers, signedText.take),
		People:         ofRecords("GET /people", offices, bare(people.Records.People)),
		Show:           ofRecords("POST /person", offices, person.show),
		Form:           ofRecords("POST /form", offices, form),
		Join:           ofRecords("POST /join", offices, join),
		Relabel:        ofRecords("POST /relabel", offices, relabelling.relabel),
		SetGroups:      ofRecords("POST /groups", offices, setGroups),
		Erase:          ofRecords("POST /erase", officesTogether, person.erase),
		EraseOwn:       ofRecords("POST /erase/own", offices, ownPass.erase),
		Withdraw:       ofRecords("POST /erase/withdrawn", offices, withdrawal.erase),
		Pass:           ofRecords("POST /pass", offices, person.issuePass),
		PIN:            ofRecords("POST /pin", offices, setPIN),
		RemovePIN:      ofRecords("POST /pin/remove", offices, removal.remove),
		Number:         ofRecords("POST /pin/number", offices, person.number),
		Renumber:       ofRecords("POST /pin/renumber", offices, person.renumber),

		RemoveCard: ofRecords("POST /card/remove", offices, card.remove),

		Receipts: ofRecords("GET /receipts", offices, bare(people.Records.Receipts)),
		Fetched:  ofRecords("POST /receipts/fetched", offices, receiptID.fetched),
		Prove:    ofRecords("POST /receipts/prove", eithers, receiptFile.prove),

		Visits:       ofRecords("GET /visits", offices, bare(people.Records.Visits)),
		AddOffice:    ofRecords("POST /offices", offices, addOffice),
		RemoveOffice: ofRecords("POST /offices/remove", offices, officeName.remove),
		RevokeVisit:  ofRecords("POST /visits/revoke", offices, revokeVisit),
		ShowVisit:    ofRecords("POST /visits/show", offices, visitorPass.show),

		Operators:      ofRecords("GET /operators", eithers, bare(people.Records.Operators)),
		AddOperator:    ofRecords("POST /operators", technicians, addOperator),
		RemoveOperator: ofRecords("POST /operators/remove", technicians, operatorName.remove),

		Clock:        ofRecords("GET /clock", everybodys, bare(people.Records.Clock)),
		ConfirmClock: ofRecords("POST /clock/confirm", technicians, date.confirmClock),
		Door:         ofGate("GET /door", technicians, Running.Door),
		TestCamera:   ofGate("POST /camera/test", technicians, Running.TestCamera),
		TestDoor:     ofGate("POST /door/test", technicians, Running.TestDoor),
		HoldDoor:     ofGateAbout("POST /door/hold", technicians, hold.hold),
		ReleaseDoor:  ofGateAbout("POST /door/release", technicians, none.release),
		ForgetMQTT:   ofGate("POST /mqtt/forget", technicians, Running.ForgetMQTT),
		Backup:       ofRecords("POST /backup", eithers, bare(people.Records.Backup)),
		FacesOff:     ofRecords("POST /faces/off", eithers, reason.facesOff),
		FacesOn:      ofRecords("POST /faces/on", technicians, order(people.Records.TurnFacesOn)),
		ResetLockout: ofRecords("POST /lockout/reset", technicians, order(people.Records.ResetLockout)),
		Epoch:        ofRecords("GET /epoch", eithers, bare(people.Records.Epoch)),
		BeginEpoch:   ofRecords("POST /epoch/begin", technicians, bare(people.Records.BeginEpoch)),

		EndEpoch:    ofRecords("POST /epoch/end", bothsTogether, bare(people.Records.EndEpoch)),
		Lockdown:    ofRecords("POST /templates/destroy", bothsTogether, bare(people.Records.Lockdown)),
		EndLockdown: ofRecords("POST /templates/destroy/end", eithers, order(people.Records.EndLockdown)),
	}
}

var (
	_ people.Records = (*Client)(nil)
	_ Running        = (*Client)(nil)
)

// A process is one process of the gate.
type process struct {
	Name string `json:"name"`
}

// Process asks for the name of the process of the gate that answers. Each has another one.
func (c *Client) Process(ctx context.Context) (name string, err error) {
	p, err := ask(ctx, c, c.table.Process, none{})
	return p.Name, err
}

// Status implements Running.
func (c *Client) Status(ctx context.Context) (status.Status, error) {
	return ask(ctx, c, c.table.Status, none{})
}

// Device implements people.Records.
func (c *Client) Device(ctx context.Context) (people.Device, error) {
	return ask(ctx, c, c.table.Device, none{})
}

// places are trees of the audit log that were seen before.
type places struct {
	Seen []place `json:"seen,omitempty"`
}

// Verify implements people.Records.
func (c *Client) Verify(ctx context.Context, seen []tlog.Tree) (people.AuditReport, error) {
	var p places
	for _, t := range seen {
		p.Seen = append(p.Seen, place(t))
	}
	return ask(ctx, c, c.table.Audit, p)
}

func (p places) verify(ctx context.Context, r people.Records) (people.AuditReport, error) {
	var seen []tlog.Tree
	for _, t := range p.Seen {
		seen = append(seen, tlog.Tree(t))
	}
	return r.Verify(ctx, seen)
}

// Checkpoint implements people.Records.
func (c *Client) Checkpoint(ctx context.Context) (people.Checkpoint, error) {
	return ask(ctx, c, c.table.Checkpoint, none{})
}

// A witnessKey is the verifier key of a witness.
type witnessKey struct {
	Key  string `json:"key"`
	Anew bool   `json:"anew,omitempty"` // it is to be asked as one that knows nothing
}

// A signedText is a signed note, or what has one.
type signedText struct {
	Text string `json:"text"`
}

// WitnessRequest implements people.Records.
func (c *Client) WitnessRequest(ctx context.Context, key string, anew bool) (string, error) {
	t, err := ask(ctx, c, c.table.WitnessRequest, witnessKey{key, anew})
	return t.Text, err
}

func (q witnessKey) request(ctx context.Context, r people.Records) (signedText, error) {
	text, err := r.WitnessRequest(ctx, q.Key, q.Anew)
	return signedText{text}, err
}

// TakeCosigned implements people.Records.
func (c *Client) TakeCosigned(ctx context.Context, signed string) (people.Cosigned, error) {
	return ask(ctx, c, c.table.TakeCosigned, signedText{signed})
}

func (q signedText) take(ctx context.Context, r people.Records) (people.Cosigned, error) {
	return r.TakeCosigned(ctx, q.Text)
}

// People implements people.Records.
func (c *Client) People(ctx context.Context) ([]people.Person, error) {
	return ask(ctx, c, c.table.People, none{})
}

// A person is somebody by label.
type person struct {
	Label string `json:"label"`
}

func (p *person) Clean() error { return people.CleanLabel(&p.Label) }

// Show implements people.Records.
func (c *Client) Show(ctx context.Context, label string) (people.File, error) {
	return ask(ctx, c, c.table.Show, person{label})
}

func (p person) show(ctx context.Context, r people.Records) (people.File, error) {
	return r.Show(ctx, p.Label)
}

// Form implements people.Records.
func (c *Client) Form(ctx context.Context, r people.FormRequest) (people.Form, error) {
	return ask(ctx, c, c.table.Form, r)
}

func form(q people.FormRequest, ctx context.Context, r people.Records) (people.Form, error) {
	return r.Form(ctx, q)
}

// A joined is a people.Joined with the letters of the pass.
type joined struct {
	people.Person
	Pass token `json:"pass,omitzero"`
}

func (j joined) clear() { template.Token(j.Pass).Clear() }

// Join implements people.Records.
func (c *Client) Join(ctx context.Context, r people.JoinRequest) (people.Joined, error) {
	j, err := ask(ctx, c, c.table.Join, r)
	return people.Joined{Person: j.Person, Pass: template.Token(j.Pass)}, err
}

func join(q people.JoinRequest, ctx context.Context, r people.Records) (joined, error) {
	j, err := r.Join(ctx, q)
	return joined{j.Person, token(j.Pass)}, err
}

type relabelling struct {
	Label string `json:"label"`
	To    string `json:"to"`
}

func (q *relabelling) Clean() error {
	return cmp.Or(people.CleanLabel(&q.Label), people.CleanLabel(&q.To))
}

// Relabel implements people.Records.
func (c *Client) Relabel(ctx context.Context, old, label string) (people.Person, error) {
	return ask(ctx, c, c.table.Relabel, relabelling{old, label})
}

func (q relabelling) relabel(ctx context.Context, r people.Records) (people.Person, error) {
	return r.Relabel(ctx, q.Label, q.To)
}

// SetGroups implements people.Records.
func (c *Client) SetGroups(ctx context.Context, r people.GroupsRequest) (people.Person, error) {
	return ask(ctx, c, c.table.SetGroups, r)
}

func setGroups(q people.GroupsRequest, ctx context.Context, r people.Records) (people.Person, error) {
	return r.SetGroups(ctx, q)
}

// A withdrawal names a person who withdraws their consent.
type withdrawal struct {
	Label string `json:"label"`
	Stays bool   `json:"stays,omitempty"` // on the list, without the face
}

func (q *withdrawal) Clean() error { return people.CleanLabel(&q.Label) }

// An ownPass has the letters of the pass of a person who is to be erased. Who has it there is the second person.
type ownPass struct {
	Pass      token `json:"pass"`
	Withdrawn bool  `json:"withdrawn,omitempty"`
	Stays     bool  `json:"stays,omitempty"` // on the list, without the face that was withdrawn
}

// Erase implements people.Records. A withdrawal is asked for by one clerk, because the law has it be as easy as the consent was.
func (c *Client) Erase(ctx context.Context, who people.Who, why audit.Reason) (people.Erasure, error) {
	switch {
	case who.ByPass():
		return ask(ctx, c, c.table.EraseOwn, ownPass{
			Pass: token(who.Pass), Withdrawn: why == audit.Withdrawn, Stays: why == audit.FaceWithdrawn,
		})
	case why == audit.Withdrawn, why == audit.FaceWithdrawn:
		return ask(ctx, c, c.table.Withdraw, withdrawal{who.Label, why == audit.FaceWithdrawn})
	}
	return ask(ctx, c, c.table.Erase, person{who.Label})
}

func (p person) erase(ctx context.Context, r people.Records) (people.Erasure, error) {
	return r.Erase(ctx, people.Who{Label: p.Label}, audit.Requested)
}

func (q withdrawal) erase(ctx context.Context, r people.Records) (people.Erasure, error) {
	why := audit.Withdrawn
	if q.Stays {
		why = audit.FaceWithdrawn
	}
	return r.Erase(ctx, people.Who{Label: q.Label}, why)
}

func (o ownPass) erase(ctx context.Context, r people.Records) (people.Erasure, error) {
	defer template.Token(o.Pass).Clear()
	why := audit.Requested
	switch {
	case o.Stays:
		why = audit.FaceWithdrawn
	case o.Withdrawn:
		why = audit.Withdrawn
	}
	return r.Erase(ctx, people.Who{Pass: template.Token(o.Pass)}, why)
}

// letters are those of a pass.
type letters struct {
	Pass token `json:"pass"`
}

func (l letters) clear() { template.Token(l.Pass).Clear() }

// IssuePass implements people.Records.
func (c *Client) IssuePass(ctx context.Context, label string) (template.Token, error) {
	issued, err := ask(ctx, c, c.table.Pass, person{label})
	return template.Token(issued.Pass), err
}

func (p person) issuePass(ctx context.Context, r people.Records) (letters, error) {
	t, err := r.IssuePass(ctx, p.Label)
	if err != nil {
		return letters{}, err
	}
	return letters{token(t)}, nil
}

// Visits implements people.Records.
func (c *Client) Visits(ctx context.Context) (people.Visits, error) {
	return ask(ctx, c, c.table.Visits, none{})
}

// AddOffice implements people.Records.
func (c *Client) AddOffice(ctx context.Context, r people.OfficeRequest) (people.Office, error) {
	return ask(ctx, c, c.table.AddOffice, r)
}

func addOffice(q people.OfficeRequest, ctx context.Context, r people.Records) (people.Office, error) {
	return r.AddOffice(ctx, q)
}

type officeName struct {
	Name string `json:"name"`
}

func (q *officeName) Clean() error { return people.CleanOffice(&q.Name) }

// RemoveOffice implements people.Records.
func (c *Client) RemoveOffice(ctx context.Context, name string) (people.Office, error) {
	return ask(ctx, c, c.table.RemoveOffice, officeName{name})
}

func (q officeName) remove(ctx context.Context, r people.Records) (people.Office, error) {
	return r.RemoveOffice(ctx, q.Name)
}

// RevokeVisit implements people.Records.
func (c *Client) RevokeVisit(ctx context.Context, r people.Revocation) (people.Visit, error) {
	return ask(ctx, c, c.table.RevokeVisit, r)
}

func revokeVisit(q people.Revocation, ctx context.Context, r people.Records) (people.Visit, error) {
	return r.RevokeVisit(ctx, q)
}

// A visitorPass has the letters of one.
type visitorPass struct {
	Pass string `json:"pass"`
}

// ShowVisit implements people.Records.
func (c *Client) ShowVisit(ctx context.Context, pass string) (people.ShownVisit, error) {
	return ask(ctx, c, c.table.ShowVisit, visitorPass{pass})
}

func (q visitorPass) show(ctx context.Context, r people.Records) (people.ShownVisit, error) {
	return r.ShowVisit(ctx, q.Pass)
}

// Operators implements people.Records.
func (c *Client) Operators(ctx context.Context) (people.Operators, error) {
	return ask(ctx, c, c.table.Operators, none{})
}

// AddOperator implements people.Records.
func (c *Client) AddOperator(ctx context.Context, r people.OperatorRequest) (people.Operator, error) {
	return ask(ctx, c, c.table.AddOperator, r)
}

func addOperator(q people.OperatorRequest, ctx context.Context, r people.Records) (people.Operator, error) {
	return r.AddOperator(ctx, q)
}

type operatorName struct {
	Name string `json:"name"`
}

func (q *operatorName) Clean() error { return people.CleanOperator(&q.Name) }

// RemoveOperator implements people.Records.
func (c *Client) RemoveOperator(ctx context.Context, name string) (people.Operator, error) {
	return ask(ctx, c, c.table.RemoveOperator, operatorName{name})
}

func (q operatorName) remove(ctx context.Context, r people.Records) (people.Operator, error) {
	return r.RemoveOperator(ctx, q.Name)
}

// A given is a people.PINGiven that is overwritten once it has been sent.
type given people.PINGiven

func (g given) clear() { clear(g.PIN) }

// SetPIN implements people.Records.
func (c *Client) SetPIN(ctx context.Context, r people.PINRequest) (people.PINGiven, error) {
	g, err := ask(ctx, c, c.table.PIN, r)
	return people.PINGiven(g), err
}

func setPIN(q people.PINRequest, ctx context.Context, r people.Records) (given, error) {
	defer clear(q.PIN)
	g, err := r.SetPIN(ctx, q)
	return given(g), err
}

// A removal names whose PIN is to be removed.
type removal struct {
	Label  string `json:"label"`
	Duress bool   `json:"duress,omitempty"` // the one for duress alone
}

func (q *removal) Clean() error { return people.CleanLabel(&q.Label) }

// RemovePIN implements people.Records.
func (c *Client) RemovePIN(ctx context.Context, label string, duress bool) error {
	_, err := ask(ctx, c, c.table.RemovePIN, removal{label, duress})
	return err
}

func (q removal) remove(ctx context.Context, r people.Records) (none, error) {
	return none{}, r.RemovePIN(ctx, q.Label, q.Duress)
}

// A number names somebody at a keypad.
type number struct {
	Number string `json:"number"`
}

// Number implements people.Records.
func (c *Client) Number(ctx context.Context, label string) (string, error) {
	n, err := ask(ctx, c, c.table.Number, person{label})
	return n.Number, err
}

func (p person) number(ctx context.Context, r people.Records) (number, error) {
	n, err := r.Number(ctx, p.Label)
	return number{n}, err
}

// Renumber implements people.Records.
func (c *Client) Renumber(ctx context.Context, label string) (string, error) {
	n, err := ask(ctx, c, c.table.Renumber, person{label})
	return n.Number, err
}

func (p person) renumber(ctx context.Context, r people.Records) (number, error) {
	n, err := r.Renumber(ctx, p.Label)
	return number{n}, err
}

// A card is one of somebody's.
type card struct {
	Label string `json:"label"`
	ID    string `json:"id"`
}

func (q *card) Clean() error { return people.CleanLabel(&q.Label) }

// RemoveCard implements people.Records.
func (c *Client) RemoveCard(ctx context.Context, label, id string) error {
	_, err := ask(ctx, c, c.table.RemoveCard, card{label, id})
	return err
}

func (q card) remove(ctx context.Context, r people.Records) (none, error) {
	return none{}, r.RemoveCard(ctx, q.Label, q.ID)
}

// Receipts implements people.Records.
func (c *Client) Receipts(ctx context.Context) ([]string, error) {
	return ask(ctx, c, c.table.Receipts, none{})
}

type receiptID struct {
	ID string `json:"id"`
}

// Fetched implements people.Records.
func (c *Client) Fetched(ctx context.Context, id string) error {
	_, err := ask(ctx, c, c.table.Fetched, receiptID{id})
	return err
}

func (q receiptID) fetched(ctx context.Context, r people.Records) (none, error) {
	return none{}, r.Fetched(ctx, q.ID)
}

// A receiptFile is the file of a receipt, of which the first line counts.
type receiptFile struct {
	Receipt string `json:"receipt"`
}

// A proofText is a proof that the audit log holds a receipt.
type proofText struct {
	Proof string `json:"proof"`
}

// Prove implements people.Records.
func (c *Client) Prove(ctx context.Context, receipt string) (string, error) {
	p, err := ask(ctx, c, c.table.Prove, receiptFile{receipt})
	return p.Proof, err
}

func (q receiptFile) prove(ctx context.Context, r people.Records) (proofText, error) {
	proof, err := r.Prove(ctx, q.Receipt)
	return proofText{proof}, err
}

// Clock implements people.Records.
func (c *Client) Clock(ctx context.Context) (people.ClockStatus, error) {
	return ask(ctx, c, c.table.Clock, none{})
}

type date struct {
	Seen time.Time `json:"seen"`
}

// ConfirmClock implements people.Records.
func (c *Client) ConfirmClock(ctx context.Context, seen time.Time) (people.ClockStatus, error) {
	return ask(ctx, c, c.table.ConfirmClock, date{seen})
}

func (d date) confirmClock(ctx context.Context, r people.Records) (people.ClockStatus, error) {
	return r.ConfirmClock(ctx, d.Seen)
}

// Door implements Running.
func (c *Client) Door(ctx context.Context) (status.Door, error) {
	return ask(ctx, c, c.table.Door, none{})
}

// TestCamera implements Running.
func (c *Client) TestCamera(ctx context.Context) (probe.Verdict, error) {
	return ask(ctx, c, c.table.TestCamera, none{})
}

// TestDoor implements Running.
func (c *Client) TestDoor(ctx context.Context) (status.DoorTest, error) {
	return ask(ctx, c, c.table.TestDoor, none{})
}

// ForgetMQTT implements Running.
func (c *Client) ForgetMQTT(ctx context.Context) (status.Forgotten, error) {
	return ask(ctx, c, c.table.ForgetMQTT, none{})
}

// A hold is a status.DoorHold that was typed.
type hold struct {
	For    time.Duration `json:"for_ns"`
	Reason string        `json:"reason"`
}

func (q *hold) Clean() error { return people.CleanReason(&q.Reason) }

// HoldDoor implements Running.
func (c *Client) HoldDoor(ctx context.Context, q status.DoorHold) error {
	_, err := ask(ctx, c, c.table.HoldDoor, hold(q))
	return err
}

func (q hold) hold(ctx context.Context, g Running) (none, error) {
	return none{}, g.HoldDoor(ctx, status.DoorHold(q))
}

// ReleaseDoor implements Running.
func (c *Client) ReleaseDoor(ctx context.Context) error {
	_, err := ask(ctx, c, c.table.ReleaseDoor, none{})
	return err
}

func (none) release(ctx context.Context, g Running) (none, error) {
	return none{}, g.ReleaseDoor(ctx)
}

// Backup implements people.Records.
func (c *Client) Backup(ctx context.Context) (people.Backup, error) {
	return ask(ctx, c, c.table.Backup, none{})
}

type reason struct {
	Reason string `json:"reason,omitempty"`
}

func (q *reason) Clean() error { return people.CleanReason(&q.Reason) }

// TurnFacesOff implements people.Records.
func (c *Client) TurnFacesOff(ctx context.Context, why string) error {
	_, err := ask(ctx, c, c.table.FacesOff, reason{why})
	return err
}

func (q reason) facesOff(ctx context.Context, r people.Records) (none, error) {
	return none{}, r.TurnFacesOff(ctx, q.Reason)
}

// TurnFacesOn implements people.Records.
func (c *Client) TurnFacesOn(ctx context.Context) error {
	_, err := ask(ctx, c, c.table.FacesOn, none{})
	return err
}

// ResetLockout implements people.Records.
func (c *Client) ResetLockout(ctx context.Context) error {
	_, err := ask(ctx, c, c.table.ResetLockout, none{})
	return err
}

// Epoch implements people.Records.
func (c *Client) Epoch(ctx context.Context) (people.Epoch, error) {
	return ask(ctx, c, c.table.Epoch, none{})
}

// BeginEpoch implements people.Records.
func (c *Client) BeginEpoch(ctx context.Context) (people.Epoch, error) {
	return ask(ctx, c, c.table.BeginEpoch, none{})
}

// EndEpoch implements people.Records.
func (c *Client) EndEpoch(ctx context.Context) (people.Epoch, error) {
	return ask(ctx, c, c.table.EndEpoch, none{})
}

// Lockdown implements people.Records.
func (c *Client) Lockdown(ctx context.Context) (people.Facts, error) {
	return ask(ctx, c, c.table.Lockdown, none{})
}

// EndLockdown implements people.Records.
func (c *Client) EndLockdown(ctx context.Context) error {
	_, err := ask(ctx, c, c.table.EndLockdown, none{})
	return err
}
