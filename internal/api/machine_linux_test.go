package api

import (
	"reflect"
	"testing"
	"testing/fstest"
	"time"
)

// kernel is what proc reads, by file.
var kernel = map[string]string{
	"proc/meminfo":       "MemTotal: 8000 kB\nMemFree: 3000 kB\nMemAvailable: 6500 kB\nBuffers: 500 kB\nCached: 2500 kB\nSwapTotal: 1000 kB\nSwapFree: 750 kB\n",
	"proc/stat":          "cpu  100 10 50 800 40 0 0 0 7 7\ncpu0 50 5 25 400 20 0 0 0 7 7\ncpu1 50 5 25 400 20 0 0 0 0 0\nintr 1 2 3\n",
	"proc/uptime":        "86400.50 172800.25\n",
	"proc/loadavg":       "0.50 0.40 0.30 1/93 14479\n",
	"proc/vmstat":        "nr_free_pages 5\npgpgin 300\npgpgout 600\n",
	"proc/diskstats":     " 8 0 sda 1 2 3 4 5 6 7 8 0 1500 9\n 8 1 sda1 1 2 3 4 5 6 7 8 0 900 9\n 7 0 loop0 0 0 0 0 0 0 0 0 0 100 0\n",
	"proc/net/dev":       "Inter-| Receive | Transmit\n face |bytes packets|bytes\n    lo: 10 1 0 0 0 0 0 0 11 1 0 0 0 0 0 0\n  eth0:20 1 0 0 0 0 0 0 21 1 0 0 0 0 0 0\n  eth1: 30 1 0 0 0 0 0 0 31 1 0 0 0 0 0 0\n",
	"proc/net/sockstat":  "sockets: used 15\nTCP: inuse 4 orphan 0 tw 2 alloc 1 mem 247\nUDP: inuse 1 mem 0\n",
	"proc/net/sockstat6": "TCP6: inuse 3\nUDP6: inuse 5\n",
	"proc/net/snmp":      "Ip: Forwarding\nIp: 1\nTcp: RtoMin CurrEstab InSegs\nTcp: 1 6 99\n",

	"sys/block/sda/device/model":       "disk",
	"sys/block/loop0/size":             "8",
	"sys/devices/system/cpu/cpu0/x":    "",
	"sys/devices/system/cpu/cpu1/x":    "",
	"sys/devices/system/cpu/cpu2/x":    "",
	"sys/devices/system/cpu/cpufreq/x": "",
}

func TestProc(t *testing.T) {
	root := fstest.MapFS{}
	for name, text := range kernel {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	want := sample{
		ok: true, busy: 160, ticks: 1000, readKB: 300, writtenKB: 600,
		diskBusy: map[string]time.Duration{"sda": 1500 * time.Millisecond},
		ramKB:    8000, ramUsedKB: 2000, swapKB: 1000, swapUsedKB: 250,
		cpus: 3, cpusOnline: 2, uptime: 86400.5, idleTime: 172800.25, load: [3]decimal{0.5, 0.4, 0.3},
		public: traffic{20, 21}, private: traffic{40, 42},
		conns: 9, connsOpen: 6, connsWaiting: 2, connsUDP: 6,
	}
	read := func(disks ...string) sample {
		s := proc{root}.sample(disks, func(name string) bool { return name == "eth0" })
		s.at = time.Time{}
		return s
	}
	if got := read(); !reflect.DeepEqual(got, want) {
		t.Errorf("sample = %+v\nwant %+v", got, want)
	}
	if got := read("loop0").diskBusy; got["loop0"] != 100*time.Millisecond || len(got) != 1 {
		t.Errorf("the disk that was named: %v", got)
	}
	for name, text := range kernel { // a cut file gives other numbers, never a panic
		for n := range len(text) {
			root[name] = &fstest.MapFile{Data: []byte(text[:n])}
			read()
		}
		delete(root, name)
		read()
	}
	if got := read(); got.ok {
		t.Error("ok without any file")
	}
}

func TestTakeSample(t *testing.T) {
	if s := takeSample(nil); !s.ok || s.cpu <= 0 || s.selfKB == 0 || s.uptime <= 0 {
		t.Errorf("sample = %+v", s)
	}
}
