package durabletest

import (
	"os"
	"syscall"
)

// InMemory has the tests of a package keep their folders in memory, which is faster and does for a disk where no test pulls the plug.
// Where /dev/shm has less than 1 GiB of room, as in containers, they stay on the disk. TestMain calls it.
func InMemory() { inMemory("/dev/shm", 1<<30) }

// inMemory takes folder for temporary ones if it has that many bytes of room.
func inMemory(folder string, room uint64) {
	var of syscall.Statfs_t
	if syscall.Statfs(folder, &of) == nil && of.Bavail*uint64(of.Bsize) >= room {
		os.Setenv("TMPDIR", folder)
	}
}
