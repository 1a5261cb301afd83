package rist

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"weir/internal/testkit/relay"
)

// program starts a tool of librist, which ends with the test; what it says is told if the test fails.
func program(t *testing.T, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if runtime.GOOS == "linux" {
			t.Fatalf("%v: make test installs it", err)
		}
		t.Skip(err)
	}
	var said logbook
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		late := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s says:\n%s", name, said.String())
		}
	})
}

// logbook keeps what a program says.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// freePort returns a UDP port of 127.0.0.1 that nobody has.
func freePort(t testing.TB) int {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).Port
}

// pair returns an even port that nobody has, nor the next.
func freePair(t testing.TB) string {
	t.Helper()
	media, control, err := listenPair("127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	defer media.Close()
	return media.LocalAddr().String()
}

const libristRate = 1000 // packets a second: 10 Mbps

// ristsender sends to a Receiver what it gets over UDP, and loses nothing on the way.
func TestLibristSends(t *testing.T) {
	for _, loss := range []float64{0, .05, .10} {
		for kind, name := range map[NACK]string{NACKRange: "range", NACKBitmask: "bitmask"} {
			t.Run(fmt.Sprintf("%v/%s", loss, name), func(t *testing.T) {
				t.Parallel()
				const n = 2500
				r := listenOn(t, Options{NACK: kind, CNAME: "weir"})
				d := readAll(t, r)
				to := r.Addr().String()
				if loss > 0 {
					even, _ := relay.NewPair(t, to, weather(loss), weather(loss))
					to = even.Addr()
				}
				port := freePort(t)
				program(t, "ristsender", "-p", "0", "-v", "6", "-i", fmt.Sprintf("udp://127.0.0.1:%d", port), "-o", "rist://"+to+"?buffer=1000")
				in := toPort(t, port)
				stop := make(chan struct{})
				var feeding sync.WaitGroup
				feeding.Go(func() { feed(t, -1, libristRate, stop, in) })
				defer feeding.Wait()
				defer close(stop)
				got := d.wait(t, n)
				first := numberIn(got[0].Data)
				whole(t, d.numbers(), first, first+n)
				st := r.Stats()
				if st.Lost != 0 || st.Restarts != 0 || st.Foreign+st.Malformed != 0 || st.RTT == 0 || loss > 0 && st.Recovered < uint64(n*loss*.7) {
					t.Errorf("%+v", st)
				}
				t.Logf("from %d on: %+v", first, st)
			})
		}
	}
}

// toPort returns a function that sends to a UDP port, where perhaps nobody is yet.
func toPort(t testing.TB, port int) func([]byte) error {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	return func(b []byte) error {
		_, err := conn.WriteToUDP(b, to)
		return err
	}
}

// ristreceiver hands on over UDP all that a Sender sends.
func TestLibristReceives(t *testing.T) {
	for _, loss := range []float64{0, .05, .10} {
		t.Run(fmt.Sprint(loss), func(t *testing.T) {
			t.Parallel()
			const n = 2500
			out, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			enlarge(out)
			var mu sync.Mutex
			var got []int
			var reading sync.WaitGroup
			reading.Go(func() {
				b := make([]byte, maxPacket)
				for {
					size, err := out.Read(b)
					if err != nil {
						return
					}
					mu.Lock()
					if size == MaxPayload {
						got = append(got, numberIn(b))
					}
					mu.Unlock()
				}
			})
			defer reading.Wait()
			defer out.Close()
			to := freePair(t)
			program(t, "ristreceiver", "-p", "0", "-v", "6", "-i", "rist://@"+to+"?buffer=1000", "-o", "udp://"+out.LocalAddr().String())
			if loss > 0 {
				even, _ := relay.NewPair(t, to, weather(loss), weather(loss))
				to = even.Addr()
			}
			s := dialTo(t, to, Options{CNAME: "weir"})
			eventually(t, func() error {
				if s.Heard() == 0 {
					return errors.New("ristreceiver does not answer")
				}
				return nil
			})
			feed(t, n+1000, libristRate, nil, s.WritePacket)
			eventually(t, func() error {
				mu.Lock()
				defer mu.Unlock()
				if len(got) == 0 || got[len(got)-1] < n {
					return fmt.Errorf("%d packets came, the last is %v", len(got), got[max(len(got)-1, 0):])
				}
				return nil
			})
			mu.Lock()
			defer mu.Unlock()
			whole(t, got, 20, n)
			st := s.Stats()
			if st.Lost+st.Foreign+st.Malformed != 0 || st.RTT == 0 || loss > 0 && st.Retransmitted < uint64(n*loss*.7) {
				t.Errorf("%+v", st)
			}
			t.Logf("from %d on: %+v", got[0], st)
		})
	}
}

// ffmpeg sends by the same library, a real stream.
func TestFFmpegSends(t *testing.T) {
	t.Parallel()
	r := listenOn(t, Options{})
	d := readAll(t, r)
	even, _ := relay.NewPair(t, r.Addr().String(), weather(.05), weather(.05))
	program(t, "ffmpeg", "-nostdin", "-loglevel", "warning", "-re", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-t", "4",
		"-c:v", "libx264", "-preset", "ultrafast", "-b:v", "4M", "-g", "30", "-pix_fmt", "yuv420p",
		"-f", "mpegts", "-rist_profile", "simple", "-pkt_size", "1316", "rist://"+even.Addr())
	got := d.wait(t, 500)
	last := map[int]byte{} // continuity counters by PID
	for _, p := range got {
		for b := p.Data; len(b) > 0; b = b[cell:] {
			pid := int(b[1]&0x1f)<<8 | int(b[2])
			if b[0] != syncByte || b[3]&0x10 == 0 { // without a payload the counter stays
				continue
			}
			count := b[3] & 0xf
			if was, known := last[pid]; known && count != (was+1)&0xf {
				t.Fatalf("PID %d: %d after %d", pid, count, was)
			}
			last[pid] = count
		}
	}
	if st := r.Stats(); len(last) < 3 || st.Lost != 0 || st.Recovered == 0 || st.Malformed != 0 {
		t.Errorf("%d PIDs, %+v", len(last), st)
	}
}
