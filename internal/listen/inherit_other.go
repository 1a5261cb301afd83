//go:build !windows

package listen

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// firstFD is the first descriptor after standard input, output and error.
const firstFD = 3

// Inherit takes the sockets that LISTEN_FDS and LISTEN_PID (systemd) and our own variable name,
// and removes these variables, so that programs we start do not take them for theirs. Call it
// once, before other descriptors are opened.
func Inherit() (*Inherited, error) {
	in := &Inherited{}
	fds, err := systemdFDs()
	if err == nil {
		err = in.add(fds, true)
	}
	if err == nil {
		fds, err = ownFDs(os.Getenv(socketsEnv))
	}
	if err == nil {
		err = in.add(fds, false)
	}
	for _, name := range []string{"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", socketsEnv} {
		_ = os.Unsetenv(name)
	}
	if err != nil {
		_ = in.Close()
		return nil, err
	}
	return in, nil
}

// systemdFDs lists the descriptors of systemd's protocol (sd_listen_fds(3)).
func systemdFDs() ([]int, error) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil // none, or meant for another process
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > maxInherited {
		return nil, fmt.Errorf("%w: LISTEN_FDS=%q is no count", ErrInherited, os.Getenv("LISTEN_FDS"))
	}
	fds := make([]int, n)
	for i := range fds {
		fds[i] = firstFD + i
	}
	return fds, nil
}

func ownFDs(list string) ([]int, error) {
	if list == "" {
		return nil, nil
	}
	words := strings.Split(list, ",")
	if len(words) > maxInherited {
		return nil, fmt.Errorf("%w: %s has more than %d", ErrInherited, socketsEnv, maxInherited)
	}
	fds := make([]int, len(words))
	for i, word := range words {
		fd, err := strconv.Atoi(word)
		if err != nil || fd < firstFD {
			return nil, fmt.Errorf("%w: %s=%q is no list of descriptors", ErrInherited, socketsEnv, list)
		}
		fds[i] = fd
	}
	return fds, nil
}

func (in *Inherited) add(fds []int, keep bool) error {
	for _, fd := range fds {
		syscall.CloseOnExec(fd)
		f := os.NewFile(uintptr(fd), "inherited socket "+strconv.Itoa(fd))
		s := &inherited{file: f, keep: keep}
		if l, err := net.FileListener(f); err == nil {
			if tcp, ok := l.Addr().(*net.TCPAddr); ok {
				s.at = tcp.AddrPort()
			}
			_ = l.Close()
		} else if c, err := net.FilePacketConn(f); err == nil {
			if udp, ok := c.LocalAddr().(*net.UDPAddr); ok {
				s.at, s.udp = udp.AddrPort(), true
			}
			_ = c.Close()
		}
		in.sockets = append(in.sockets, s)
		if !s.at.IsValid() {
			return fmt.Errorf("%w: descriptor %d is no TCP or UDP socket that listens", ErrInherited, fd)
		}
	}
	return nil
}

// Pass leaves sockets (of Open, OpenPacket) to a child that is about to start; its Inherit
// finds them. Call done after cmd.Start: it closes the copies made for the child.
func Pass(cmd *exec.Cmd, sockets ...syscall.Conn) (done func(), err error) {
	var files []*os.File
	done = func() {
		for _, f := range files {
			_ = f.Close()
		}
	}
	for _, s := range sockets {
		f, err := duplicate(s)
		if err != nil {
			done()
			return nil, fmt.Errorf("listen: pass a socket on: %w", err)
		}
		files = append(files, f)
	}
	pass(cmd, files)
	return done, nil
}

// Pass leaves the sockets still held to a child that is about to start.
func (in *Inherited) Pass(cmd *exec.Cmd) error {
	if in == nil {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	var files []*os.File
	for _, s := range in.sockets {
		files = append(files, s.file)
	}
	pass(cmd, files)
	return nil
}

func pass(cmd *exec.Cmd, files []*os.File) {
	if len(files) == 0 {
		return
	}
	var list []string
	for i := range files {
		list = append(list, strconv.Itoa(firstFD+len(cmd.ExtraFiles)+i))
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, files...)
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, socketsEnv+"="+strings.Join(list, ","))
}

// duplicate copies a descriptor. Unlike the File methods of the net package it leaves the
// socket non-blocking, so the accept loop of the original can still be ended.
func duplicate(s syscall.Conn) (*os.File, error) {
	raw, err := s.SyscallConn()
	if err != nil {
		return nil, err
	}
	var copied int
	var failed error
	err = raw.Control(func(fd uintptr) {
		syscall.ForkLock.RLock() // no child between the two calls
		defer syscall.ForkLock.RUnlock()
		if copied, failed = syscall.Dup(int(fd)); failed == nil {
			syscall.CloseOnExec(copied)
		}
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(copied), "socket"), nil
}
