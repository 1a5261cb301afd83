//go:build unix

package metrics

import "golang.org/x/sys/unix"

func uname() system {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return system{}
	}
	text := func(b []byte) string { return clean(unix.ByteSliceToString(b)) }
	return system{text(u.Sysname[:]), text(u.Nodename[:]), text(u.Release[:]), text(u.Version[:]), text(u.Machine[:])}
}
