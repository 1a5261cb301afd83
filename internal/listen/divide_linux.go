package listen

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// CanDivide says that Divide works here.
const CanDivide = true

// Divide has the system give what comes from known peers to the sockets that have the address of c now, and all else to those
// that are opened next. Until there are such, nothing changes. The socket has to be one of an address that is shared (ShareControl).
// When these sockets are closed, all goes to the others.
func Divide(c syscall.RawConn, d Division) error {
	if d.size() > maxDivided {
		return fmt.Errorf("%w: there are %d peers, more than %d", ErrDivide, d.size(), maxDivided)
	}
	code, err := bpf.Assemble(d.program())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDivide, err)
	}
	filter := make([]unix.SockFilter, len(code))
	for i, x := range code {
		filter[i] = unix.SockFilter{Code: x.Op, Jt: x.Jt, Jf: x.Jf, K: x.K}
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	var failed error
	err = c.Control(func(fd uintptr) {
		failed = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &program)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDivide, err)
	}
	return nil
}

const (
	network  = 0xFFF00000 // SKF_NET_OFF: an offset from there on is one into the IP header
	idOffset = 12         // of the destination's number in a packet of SRT
	mixer    = 0x9E3779B1 // spreads ports over the key of a peer
	chunk    = 200        // comparisons that lead to one end: jumps are short
)

// program is a classic BPF program that returns the number of a socket in the group, in which they are in the order of
// their opening. One out of range is any of them. Peers are told apart by a key of their address and port: whose
// key is that of another by chance is taken for it.
//
//	A = the key; if it is one of a chunk: return a socket of ours; ...; return one of the others
func (d *Division) program() (code []bpf.Instruction) {
	var four, six []uint32
	for _, p := range d.Peers {
		if p.Addr().Is4() {
			four = append(four, key4(p))
		} else {
			six = append(six, key6(p))
		}
	}
	if len(d.IDs) > 0 {
		code = append(code, bpf.LoadAbsolute{Off: idOffset, Size: 4})
		code = append(code, d.known(d.IDs)...)
	}
	if len(d.Peers) > 0 {
		known4 := append(load4(), d.known(four)...)
		known6 := append(load6(), d.known(six)...)
		code = append(code,
			bpf.LoadAbsolute{Off: network, Size: 1}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: 4, SkipTrue: 1}, bpf.Jump{Skip: uint32(len(known4)) + 1},
		)
		code = append(code, known4...)
		code = append(code, bpf.Jump{Skip: uint32(len(known6))})
		code = append(code, known6...)
	}
	return append(code, d.others()...)
}

// others returns one of the sockets of the other process: always the same for a port.
func (d *Division) others() []bpf.Instruction {
	if d.Sockets <= 1 {
		return []bpf.Instruction{bpf.RetConstant{Val: 1}}
	}
	n := uint32(d.Sockets)
	return append(loadPort4(),
		bpf.ALUOpConstant{Op: bpf.ALUOpMod, Val: n}, bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: n}, bpf.RetA{})
}

// known returns one of our sockets if A is one of the keys.
func (d *Division) known(keys []uint32) (code []bpf.Instruction) {
	for part := 0; len(keys) > 0; part++ {
		n := min(len(keys), chunk)
		for i, key := range keys[:n] {
			code = append(code, bpf.JumpIf{Cond: bpf.JumpEqual, Val: key, SkipTrue: uint8(n - i)}) // to the end of the chunk
		}
		code = append(code, bpf.Jump{Skip: 1}, bpf.RetConstant{Val: uint32(part % max(1, d.Sockets))})
		keys = keys[n:]
	}
	return code
}

// loadPort4 has A be the port that a packet over IPv4 comes from. Over IPv6 it is some number that stays the same.
func loadPort4() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.RawInstruction{Op: 0xb1, K: network}, // ldx 4*([0]&0xf)
		bpf.LoadIndirect{Off: network, Size: 2},
	}
}

// load4 has A be the key of who sends a packet over IPv4.
func load4() []bpf.Instruction {
	return append(loadPort4(),
		bpf.ALUOpConstant{Op: bpf.ALUOpMul, Val: mixer}, bpf.TAX{},
		bpf.LoadAbsolute{Off: network + 12, Size: 4}, bpf.ALUOpX{Op: bpf.ALUOpAdd},
	)
}

func key4(p netip.AddrPort) uint32 {
	ip := p.Addr().As4()
	return binary.BigEndian.Uint32(ip[:]) + uint32(p.Port())*mixer
}

// load6 is load4 over IPv6, whose header has no extensions.
func load6() []bpf.Instruction {
	code := []bpf.Instruction{bpf.LoadAbsolute{Off: network + 40, Size: 2}}
	for word := range uint32(4) {
		code = append(code,
			bpf.ALUOpConstant{Op: bpf.ALUOpMul, Val: mixer}, bpf.TAX{},
			bpf.LoadAbsolute{Off: network + 8 + 4*word, Size: 4}, bpf.ALUOpX{Op: bpf.ALUOpAdd},
		)
	}
	return code
}

func key6(p netip.AddrPort) uint32 {
	ip := p.Addr().As16()
	key := uint32(p.Port())
	for word := range 4 {
		key = binary.BigEndian.Uint32(ip[4*word:]) + key*mixer
	}
	return key
}
