package main

type mqttCommand struct {
	Forget mqttForgetCommand `cmd:"" help:"Have the broker forget this gate: remove all that it retains of it, and the gate from Home Assistant. A running gate goes on telling events, and says nothing that is retained until it is started again. It works on a stopped gate too."`
	Status mqttStatusCommand `cmd:"" help:"Say how the connection to the broker is: since when, whether it is encrypted, what the broker keeps from everybody, what waits, what is wrong and what to do."`
	Test   mqttTestCommand   `cmd:"" help:"See whether the broker serves this gate: address, encryption, account, and an access list that gives back what the gate tells. A running gate says what came of its own connection."`
	Watch  mqttWatchCommand  `cmd:"" help:"Show what the broker gives of the gate's topics, message by message in words, with what is missing or wrong. It listens as the gate's user and as another client, and disturbs nobody."`
}
