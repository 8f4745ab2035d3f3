package main

type mqttCommand struct {
	Status mqttStatusCommand `cmd:"" help:"Say how the connection to the broker is: since when, whether it is encrypted, what the broker keeps from everybody, what waits, what is wrong and what to do."`
	Watch  mqttWatchCommand  `cmd:"" help:"Show what the broker gives of the gate's topics, message by message in words, with what is missing or wrong. It listens as the gate's user and as another client, and disturbs nobody."`
}
