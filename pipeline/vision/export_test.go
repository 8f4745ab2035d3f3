package vision

var ErrBusy = errBusy

// Remains counts the bytes other than zero in all memory of the Engine's own that can hold a face.
func (e *Engine) Remains() int {
	n := 0
	for _, m := range e.pictures() {
		if m.Empty() {
			continue
		}
		data, err := m.DataPtrUint8()
		if err != nil {
			panic(err)
		}
		for _, b := range data {
			if b != 0 {
				n++
			}
		}
	}
	for _, f := range e.faces[:cap(e.faces)] {
		if f.Score != 0 {
			n++
		}
	}
	return n
}

// Stale counts the networks that hold something of an earlier picture between their layers.
func (e *Engine) Stale() (n int) {
	for _, net := range e.nets() {
		if net.stale {
			n++
		}
	}
	return n
}
