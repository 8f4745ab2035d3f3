package main

type mqttCommand struct {
	Status mqttStatusCommand `cmd:"" help:"Say how the connection to the broker is: since when, whether it is encrypted, what the broker keeps from everybody, what waits, what is wrong and what to do."`
}
