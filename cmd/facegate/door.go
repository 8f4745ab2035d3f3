package main

type doorCommand struct {
	Status  doorStatusCommand  `cmd:"" help:"Say how the door is: what is wired, what each line says, why the door is open, what is wrong and what to do."`
	Test    doorTestCommand    `cmd:"" help:"Give one pulse of the door, time it, and say what is wired wrongly; on a terminal with questions. It is noted with your name, told to the broker, and bounded: a rest of three pulses, 30 pulses and 5 minutes an hour."`
	Watch   doorWatchCommand   `cmd:"" help:"Show for two minutes what the door does and what its lines say. It is noted with your name, and bounded: ten times an hour, tests with it."`
	Lines   doorLinesCommand   `cmd:"" help:"List the GPIO lines of this board: what each is called, how it is set, who uses it, and which the configuration uses."`
	Hold    doorHoldCommand    `cmd:"" help:"Hold the door open, as for moving furniture. It is noted with your name before the door opens, bounded by door.max_open, and ended by its time, by release, and by a restart of the gate."`
	Release doorReleaseCommand `cmd:"" help:"End a hold before its time. It is noted with your name."`
	Safe    doorSafeCommand    `cmd:"" help:"Release the relay, and what else the gate drives, with the gate stopped. It never opens a door that fails secure. systemd calls this after every stop."`
}
