package childtest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// asParent makes the test binary a process that starts a program and waits to be killed.
const asParent = "FACEGATE_CHILDTEST_PARENT"

// How long anything may take on a busy machine.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv(asParent) == "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command("cat")
	cmd.Stdin, cmd.ExtraFiles = os.Stdin, []*os.File{os.NewFile(3, "alive")}
	if err := Start(cmd); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("started")
	cmd.Wait()
}

// TestProgramEndsWithItsParent kills a process that has started a program. The program, which holds a pipe open, ends too.
func TestProgramEndsWithItsParent(t *testing.T) {
	alive, held, err := os.Pipe()
	must(t, err)
	defer alive.Close()
	parent := exec.Command(os.Args[0])
	parent.Env, parent.ExtraFiles = append(os.Environ(), asParent+"=1"), []*os.File{held}
	stdin, err := parent.StdinPipe() // kept open: it is not the end of its input by which the program ends
	must(t, err)
	defer stdin.Close()
	said, err := parent.StdoutPipe()
	must(t, err)
	must(t, parent.Start())
	held.Close()
	if text, err := io.ReadAll(io.LimitReader(said, int64(len("started")))); string(text) != "started" {
		t.Fatalf("it said %q, %v", text, err)
	}
	parent.Process.Kill()
	parent.Wait()
	must(t, alive.SetReadDeadline(time.Now().Add(patience)))
	if _, err := alive.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the program lives on: %v", err)
	}
}

// TestProgramOutlivesThread starts a program from a thread that ends. It goes on.
func TestProgramOutlivesThread(t *testing.T) {
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	must(t, err)
	said, err := cmd.StdoutPipe()
	must(t, err)
	thread := onThread(func() {
		if err := Start(cmd); err != nil {
			t.Error(err)
		}
	})
	task := filepath.Join("/proc/self/task", strconv.Itoa(thread))
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(task); os.IsNotExist(err) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the thread does not end")
		}
	}
	fmt.Fprint(stdin, "hello")
	stdin.Close()
	if text, err := io.ReadAll(said); string(text) != "hello" {
		t.Errorf("the program said %q, %v", text, err)
	}
	must(t, cmd.Wait())
}

// onThread calls f on a thread that ends then, and returns which. The first thread of a process does not end before it.
func onThread(f func()) (thread int) {
	done := make(chan int)
	go func() {
		runtime.LockOSThread() // the thread ends with a goroutine that does not unlock it
		if syscall.Gettid() == syscall.Getpid() {
			defer runtime.UnlockOSThread()
			done <- onThread(f)
			return
		}
		f()
		done <- syscall.Gettid()
	}()
	return <-done
}

// TestStartFails has no such program.
func TestStartFails(t *testing.T) {
	if err := Start(exec.Command("/nonexistent")); err == nil {
		t.Error("what is not there was started")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
