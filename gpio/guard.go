package gpio

// Guard runs what must not panic. If it does, the process ends at once, and the relay on line is released on the way.
func Guard(line Line, run func()) {
	returned := false
	defer func() {
		if !returned {
			line.Set(false)
		}
	}()
	run()
	returned = true
}
