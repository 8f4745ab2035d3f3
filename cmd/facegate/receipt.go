package main

type receiptCommand struct {
	Verify receiptVerifyCommand `cmd:"" help:"Check a receipt. It needs the file and the key of the device, and nothing else."`
	Show   receiptShowCommand   `cmd:"" help:"Print a receipt in words."`
	Prove  receiptProveCommand  `cmd:"" help:"Bring the file of a receipt up to date: with the proof of now that the audit log holds it, and who has witnessed that."`
	Fetch  receiptFetchCommand  `cmd:"" help:"Fetch the receipts that nobody has yet, such as those of expired enrolments."`
}
