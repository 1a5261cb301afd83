//go:build !windows

package listen

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// kinEnv is the descriptor that NewKin leaves to a child.
const kinEnv = "WEIR_KIN_FD"

// NewKin makes the way to a child that is about to start; its KinOf finds it. Call done after cmd.Start.
func NewKin(cmd *exec.Cmd) (k *Kin, done func(), err error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, nil, err
	}
	conn, err := unixConn(ours)
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, kinEnv+"="+strconv.Itoa(firstFD+len(cmd.ExtraFiles)))
	cmd.ExtraFiles = append(cmd.ExtraFiles, theirs)
	return &Kin{conn}, func() { _ = theirs.Close() }, nil
}

// KinOf gives the way to the process that has started this one to take its place; nil if none has. Call it once, before other
// descriptors are opened: it takes the marker out of the environment.
func KinOf() (*Kin, error) {
	marker := os.Getenv(kinEnv)
	_ = os.Unsetenv(kinEnv)
	if marker == "" {
		return nil, nil
	}
	fd, err := strconv.Atoi(marker)
	if err != nil || fd < firstFD {
		return nil, fmt.Errorf("%w: %s=%q is no descriptor", ErrKin, kinEnv, marker)
	}
	syscall.CloseOnExec(fd)
	conn, err := unixConn(os.NewFile(uintptr(fd), "kin"))
	if err != nil {
		return nil, err
	}
	return &Kin{conn}, nil
}

// Send says a word.
func (k *Kin) Send(w Word) error { return k.send(w, nil) }

func (k *Kin) send(w Word, rights []byte) error {
	_ = k.conn.SetWriteDeadline(time.Now().Add(KinWrite))
	if _, _, err := k.conn.WriteMsgUnix([]byte{byte(w)}, rights, nil); err != nil {
		return fmt.Errorf("%w: %w", ErrKin, err)
	}
	return nil
}

// Dial makes a connection to the other process, whose Next gives its end of it with the word.
func (k *Kin) Dial(w Word) (net.Conn, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	err = k.send(w, syscall.UnixRights(int(theirs.Fd())))
	_ = theirs.Close()
	if err != nil {
		_ = ours.Close()
		return nil, err
	}
	return unixConn(ours)
}

// Next waits for the next word, and the connection that comes with it, if one does: it is the caller's to close. After ErrDropped,
// of a connection that the other process sees closed, there may be another word; any other error says that the way has ended.
func (k *Kin) Next() (Word, net.Conn, error) {
	var word [1]byte // one at a time, so that each has its own connection
	rights := make([]byte, syscall.CmsgSpace(4))
	n, rn, flags, _, err := k.conn.ReadMsgUnix(word[:], rights)
	if err == nil && n == 0 {
		err = net.ErrClosed
	}
	if err != nil {
		return 0, nil, err
	}
	conn, err := received(rights[:rn])
	if err == nil && conn == nil && flags&syscall.MSG_CTRUNC != 0 {
		err = syscall.EMFILE // as the system says that it had none to give
	}
	if err != nil {
		return Word(word[0]), nil, fmt.Errorf("%w: %w", ErrDropped, err)
	}
	return Word(word[0]), conn, nil
}

// received makes a connection of the descriptor that has come with a word; nil if none has.
func received(rights []byte) (net.Conn, error) {
	if len(rights) == 0 {
		return nil, nil
	}
	list, err := syscall.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKin, err)
	}
	for i := range list {
		fds, err := syscall.ParseUnixRights(&list[i])
		if err != nil || len(fds) == 0 {
			continue
		}
		for _, fd := range fds[1:] {
			_ = syscall.Close(fd)
		}
		syscall.CloseOnExec(fds[0])
		return unixConn(os.NewFile(uintptr(fds[0]), "kin"))
	}
	return nil, nil
}

// socketPair makes two ends of a stream that no child gets by chance.
func socketPair() (a, b *os.File, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrKin, err)
	}
	syscall.CloseOnExec(pair[0])
	syscall.CloseOnExec(pair[1])
	return os.NewFile(uintptr(pair[0]), "kin"), os.NewFile(uintptr(pair[1]), "kin"), nil
}

// unixConn makes a connection of a file, which it closes.
func unixConn(f *os.File) (*net.UnixConn, error) {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKin, err)
	}
	conn, ok := c.(*net.UnixConn)
	if !ok {
		_ = c.Close()
		return nil, fmt.Errorf("%w: %w", ErrKin, errors.New("no unix socket"))
	}
	return conn, nil
}
