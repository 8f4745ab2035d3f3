package v4l2

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/device"
	"facegate/device/v4l2/nodes"
)

// explain adds to err what a technician should do, and marks it as final where nothing will change until that is done.
func explain(path string, err error) error {
	const plugIn = "plug the camera in; facegate camera list shows the cameras, and their lasting names under /dev/v4l/by-id"
	switch {
	case isAny(err, unix.ENODEV): // it was there: a camera that resets itself is back at once
		return hint.Wrap(err, plugIn)
	case isAny(err, unix.ENOENT, unix.ENXIO):
		return device.AsFinal(hint.Wrap(err, plugIn))
	case isAny(err, nodes.ErrKind):
		return device.AsFinal(nodes.Advise(err))
	case isAny(err, ErrOther):
		return device.AsFinal(hint.Wrap(err, "plug the cameras in as they were; or, if this one is meant, restart facegate. The lasting "+
			"name that facegate camera list shows, as camera.device, goes with its camera"))
	case isAny(err, unix.EACCES, unix.EPERM):
		return device.AsFinal(hint.Wrap(err, "add the user that runs facegate to the group video: usermod -aG video USER"))
	case isAny(err, unix.ENOTTY, unix.EISDIR, errNotCamera, ErrNoFormat):
		return device.AsFinal(hint.Wrap(err, "use a UVC (USB) camera, and of its nodes the one that ends in index0 under "+
			"/dev/v4l/by-id; CSI cameras need libcamera and do not work here"))
	case isAny(err, unix.EBUSY):
		return hint.Wrap(err, "another program holds the camera; find it with: fuser -v %s", path)
	case isAny(err, unix.ENOSPC):
		return hint.Wrap(err, "the USB bus has no room for this stream: use mjpeg, a smaller size, or another port")
	case isAny(err, ErrBad, ErrFrozen):
		return flaw(err)
	case isAny(err, ErrHung, unix.EIO, unix.EPROTO):
		return hint.Wrap(err, device.AdviceDamaged)
	}
	return err
}

// flaw adds to what is wrong with a frame what a technician should do about a camera that sends such frames.
func flaw(err error) error {
	switch {
	case isAny(err, ErrFrozen):
		return hint.Wrap(err, "unplug the camera and plug it in again; if it comes again, use another cable, USB port or camera. If the "+
			"picture is meant to stand still, as that of a recording, set camera.frozen_after to 0s")
	case isAny(err, ErrOtherSize, device.ErrPictureSize):
		return hint.Wrap(err, "the camera does not keep to the size that it was set to: set camera.width and camera.height to "+
			"the size that it sends, at most 4096x4096, or camera.format to yuyv")
	case isAny(err, ErrProgressive, device.ErrNotJPEG, errors.ErrUnsupported):
		return hint.Wrap(err, "what this camera sends as MJPEG is something else: set camera.format to yuyv, or use another camera")
	}
	return hint.Wrap(err, device.AdviceDamaged)
}

func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

// withErrno gives err back the error number that webcam's StartStreaming reduces to its text.
func withErrno(err error) error {
	for _, e := range []unix.Errno{unix.EBUSY, unix.ENOSPC, unix.ENODEV, unix.EIO, unix.EPROTO, unix.ENOMEM} {
		if what, ok := strings.CutSuffix(err.Error(), ": "+e.Error()); ok {
			return fmt.Errorf("%s: %w", what, e)
		}
	}
	return err
}
