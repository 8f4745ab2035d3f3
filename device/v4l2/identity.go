package v4l2

import (
	"errors"
	"fmt"

	"facegate/device/v4l2/nodes"
)

// ErrOther means that the node which the configuration names is of another camera than at the start of the process. The kernel
// gives a number to whichever camera it finds first, and what another camera sees is no reason to open this door. Whoever gives
// another kind of name to another camera means that one.
var ErrOther = errors.New("another camera than at the start has this name")

// find returns the node of the camera, and which camera it is of. That is the node which the configuration names, unless that is a
// number and the camera has come back under another one.
func (s *source) find() (path string, is nodes.Identity, err error) {
	path = s.cfg.Device
	is, err = s.identify(path)
	if s.first == nil || err == nil && is.Same(*s.first) {
		return path, is, err
	}
	if nodes.Numbered(s.cfg.Device) {
		if other, ok := s.elsewhere(); ok {
			s.cfg.Log.Info("the camera has come back under another number", "source", s.String(), "node", other,
				"hint", "set camera.device to its lasting name: facegate camera list")
			return other, *s.first, nil
		}
	}
	switch {
	case err != nil || is.Alike(*s.first):
	case nodes.Numbered(s.cfg.Device):
		err = fmt.Errorf("%w: it is %v, and was %v", ErrOther, is, *s.first)
	default:
		s.cfg.Log.Warn("another camera has the name now", "source", s.String(), "is", is.String(), "was", s.first.String())
		s.first = &is
	}
	return path, is, err
}

// elsewhere returns the node of the camera that there was at the start.
func (s *source) elsewhere() (path string, ok bool) {
	for _, path := range s.paths() {
		if is, err := s.identify(path); err == nil && is.Same(*s.first) {
			return path, true
		}
	}
	return "", false
}

// remember takes note of the camera that has begun to stream. A device manager may give it a lasting name only later.
func (s *source) remember(path string, is nodes.Identity) {
	if s.first == nil || s.first.Serial == "" {
		s.first = &is
	}
	s.at.Store(&path)
}

// node returns where the camera was found last.
func (s *source) node() string {
	if at := s.at.Load(); at != nil {
		return *at
	}
	return s.cfg.Device
}
