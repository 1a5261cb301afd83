package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
)

// memoryLimit has garbage collected in time: the race detector takes several times the memory that
// was ever in use.
const memoryLimit = 2 << 30

// TestMain runs the tests, several at once, and checks that together they leave no descriptor
// open.
func TestMain(m *testing.M) {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen { // the tests wait for real time more than they work
		_ = flag.Set("test.parallel", strconv.Itoa(3*runtime.NumCPU())) // it is a flag of every test
	}
	debug.SetMemoryLimit(memoryLimit)
	before := descriptors()
	code := m.Run()
	for _, dir := range []string{clips.dir, program.dir} {
		if dir != "" {
			_ = os.RemoveAll(dir) // the system clears what stays
		}
	}
	apiClient.CloseIdleConnections()
	if !poll(func() bool { return len(descriptors()) <= len(before) }) {
		fmt.Printf("FAIL: descriptors before: %v\nafter: %v\n", before, descriptors())
		code = max(code, 1)
	}
	os.Exit(code)
}

// stacks returns the goroutines with the label of a server, in the form of a debug=1 profile.
// Labels are inherited, so these are all that the server has started, and no other test's.
func stacks(label string) string {
	var all bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&all, 1) // a buffer takes everything
	var ours []string
	for s := range strings.SplitSeq(all.String(), "\n\n") {
		if strings.Contains(s, `"server":"`+label+`"`) {
			ours = append(ours, s)
		}
	}
	return strings.Join(ours, "\n\n")
}

// goroutines counts them.
func goroutines(label string) int { return goroutinesIn(label, "") }

// goroutinesIn counts those that are in a function.
func goroutinesIn(label, function string) (n int) {
	for s := range strings.SplitSeq(stacks(label), "\n\n") {
		if !strings.Contains(s, function) {
			continue
		}
		for line := range strings.Lines(s) { // the first may be the profile's title
			var count int
			if _, err := fmt.Sscanf(line, "%d @", &count); err == nil {
				n += count
				break
			}
		}
	}
	return n
}

// descriptors lists what this process has open, but for what the runtime keeps.
func descriptors() (list []string) {
	names, _ := filepath.Glob("/proc/self/fd/*")
	for _, name := range names {
		to, err := os.Readlink(name)
		if err == nil && !strings.HasPrefix(to, "anon_inode:") && !strings.HasPrefix(to, "/proc/") {
			list = append(list, to)
		}
	}
	return list
}

// sockets lists the sockets of this process whose local port is one of the server's.
func (f *fixture) sockets() (list []string) {
	open := map[string]bool{}
	for _, d := range descriptors() {
		open[d] = true
	}
	table, _ := os.ReadFile("/proc/net/tcp")
	for line := range strings.Lines(string(table)) {
		words := strings.Fields(line)
		for _, a := range []string{f.rtmp, f.rtmps, f.api, f.http, f.https, f.post} {
			var port int
			_, _ = fmt.Sscanf(a, "127.0.0.1:%d", &port)
			if len(words) > 9 && strings.HasSuffix(words[1], fmt.Sprintf(":%04X", port)) && open["socket:["+words[9]+"]"] {
				list = append(list, strings.Join(words[1:4], " "))
			}
		}
	}
	return list
}
