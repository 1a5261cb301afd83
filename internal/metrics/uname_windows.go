package metrics

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/windows"
)

func uname() system {
	host, _ := os.Hostname() // empty where it is not known
	v := windows.RtlGetVersion()
	return system{
		"Windows", clean(host), fmt.Sprintf("%d.%d", v.MajorVersion, v.MinorVersion),
		fmt.Sprint(v.BuildNumber), runtime.GOARCH,
	}
}
