package main

import (
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"facegate/store/durable"
)

// A place is where a configuration is written, and for whom.
type place struct {
	path string
	who  *user.User // of the service; nil for whoever writes
	disk durable.Disk
}

// ids returns the numbers of the service's user and its group, -1 for those of whoever writes.
func (p place) ids() (uid, gid int) {
	if p.who == nil {
		return -1, -1
	}
	uid, _ = strconv.Atoi(p.who.Uid)
	gid, _ = strconv.Atoi(p.who.Gid)
	return uid, gid
}

// rights returns what the configuration is open to: as the one that is there, or else to the group of the service. Where there is no
// such user yet everybody may read it, as the user will have to.
func (p place) rights() (mode fs.FileMode, uid, gid int) {
	if info, err := os.Stat(p.path); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			return info.Mode().Perm(), int(st.Uid), int(st.Gid)
		}
	}
	if _, gid = p.ids(); gid < 0 {
		return 0o644, -1, -1
	}
	return 0o640, -1, gid
}

// own gives a file to a user and a group, and what a link leads to never: the folder may be somebody else's.
func (p place) own(path string, uid, gid int) error {
	if uid < 0 && gid < 0 {
		return nil
	}
	return os.Lchown(path, uid, gid)
}
