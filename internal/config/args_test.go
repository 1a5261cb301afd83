package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseArgs(t *testing.T) {
	for line, want := range map[string]Options{
		"":                    {Help: true},
		"-h":                  {Help: true},
		"-?":                  {Help: true},
		"--help":              {Help: true},
		"conf/a.conf":         {Help: true},
		"-c a.conf b":         {File: "a.conf", Help: true},
		"-c a.conf":           {File: "a.conf"},
		"-ca.conf":            {File: "a.conf"},
		"-tca.conf":           {File: "a.conf", Test: true},
		"-t -c a.conf":        {File: "a.conf", Test: true},
		"-tc a.conf":          {File: "a.conf", Test: true},
		"-c a.conf -t":        {File: "a.conf", Test: true},
		"-h -c a.conf":        {File: "a.conf"},
		"-c -e":               {File: "-e"},
		"-e":                  {EnvOnly: true},
		"-te":                 {EnvOnly: true, Test: true},
		"-v":                  {Version: true},
		"-V":                  {Version: true},
		"--version":           {Version: true},
		"-h -v":               {Version: true},
		"-g":                  {Signature: true},
		"-G":                  {Signature: true},
		"version":             {Word: "version", Args: []string{}},
		"bench rtmp -n 5":     {Word: "bench", Args: []string{"rtmp", "-n", "5"}},
		"health -c x":         {Word: "health", Args: []string{"-c", "x"}},
		"drain":               {Word: "drain", Args: []string{}},
		"-c a.conf -c b.conf": {File: "b.conf"},
	} {
		if got, err := ParseArgs(strings.Fields(line)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("ParseArgs(%s) = %+v, %v; want %+v", line, got, err, want)
		}
	}
	for line, want := range map[string]string{"-x": "invalid option -x", "-tx": "invalid option -x", "-c": "option -c needs", "-t -c": "option -c needs"} {
		if got, err := ParseArgs(strings.Fields(line)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("ParseArgs(%s) = %+v, %v; want %s", line, got, err, want)
		}
	}
	if !strings.Contains(Usage(), "-c FILE") {
		t.Error(Usage())
	}
}
