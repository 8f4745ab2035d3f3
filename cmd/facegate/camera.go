package main

type cameraCommand struct {
	List      cameraListCommand      `cmd:"" help:"List the cameras of this machine: names, formats, sizes, rates, and which nodes cannot be used and why. It needs no gate."`
	Test      cameraTestCommand      `cmd:"" help:"Measure for five seconds what the camera sends, and say what is wrong; it writes no picture. A running gate is asked: then it is noted with your name, and bounded as aiming is."`
	Aim       cameraAimCommand       `cmd:"" help:"Show for two minutes rate, size, light, sharpness and place of the nearest face, and what is wrong, to mount the camera; never a picture, nor who it is. It is noted with your name, and bounded: ten times an hour."`
	Prompt    cameraPromptCommand    `cmd:"" help:"Tell where whoever is asked to turn the head is to look, line by line until Ctrl-C, for a screen or a voice at the camera. It is noted in the log of the service."`
	Calibrate cameraCalibrateCommand `cmd:"" help:"Measure camera and light for a minute, say what is wrong and what to move, and propose limits for this place. Nobody is let in by face meanwhile. It is noted with your name, and bounded as aiming is."`
}
