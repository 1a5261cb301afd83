// Package leak fails a package's tests that leave goroutines behind.
package leak

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"
)

// patience is for how long goroutines may take to end after the last test.
const patience = 5 * time.Second

// Main is a TestMain. A fuzzer has goroutines of its own, which are not counted.
func Main(m *testing.M) {
	before := runtime.NumGoroutine()
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if fuzz := flag.Lookup("test.fuzz"); fuzz != nil && fuzz.Value.String() != "" {
		os.Exit(code)
	}
	for end := time.Now().Add(patience); code == 0 && runtime.NumGoroutine() > before; {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			fmt.Printf("goroutines are left:\n%s\n", stacks[:runtime.Stack(stacks, true)])
			code = 1
		}
		time.Sleep(time.Millisecond) // outside of all tests
	}
	os.Exit(code)
}
