package config

import (
	"reflect"
	"strings"
	"testing"
)

// registries are addresses, and what they mean.
var registries = map[string]Registry{
	"redis://127.0.0.1:6379/0":          {Hosts: []string{"127.0.0.1:6379"}},
	"redis://localhost":                 {Hosts: []string{"localhost:6379"}},
	"redis://localhost/":                {Hosts: []string{"localhost:6379"}},
	"redis://[::1]/3":                   {Hosts: []string{"[::1]:6379"}, DB: 3},
	"redis://[::1]:7/3":                 {Hosts: []string{"[::1]:7"}, DB: 3},
	"rediss://u:p%40s%2F@r:1/15":        {Hosts: []string{"r:1"}, TLS: true, User: "u", Password: "p@s/", DB: 15},
	"redis://:p@ss@r":                   {Hosts: []string{"r:6379"}, Password: "p@ss"},
	"redis+sentinel://a:1,b/mymaster/2": {Hosts: []string{"a:1", "b:26379"}, Sentinel: true, Master: "mymaster", DB: 2},
	"rediss+sentinel://:x@a/m":          {Hosts: []string{"a:26379"}, TLS: true, Sentinel: true, Master: "m", Password: "x"},
	"redis+sentinel://a/m?sentinel_user=s&sentinel_password=x%26": {Hosts: []string{"a:26379"}, Sentinel: true, Master: "m", SentinelUser: "s", SentinelPassword: "x&"},
	"redis+cluster://u:p@a:7000,b:7001,c":                         {Hosts: []string{"a:7000", "b:7001", "c:6379"}, Cluster: true, User: "u", Password: "p"},
	"rediss+cluster://configuration.of.it/":                       {Hosts: []string{"configuration.of.it:6379"}, TLS: true, Cluster: true},
}

// notRegistries are addresses with a mistake, and what is said of it.
var notRegistries = map[string]string{
	"127.0.0.1:6379":                          "does not begin with redis://",
	"http://TOPSECRET@a":                      "does not begin with redis://",
	"redis+ring://a":                          "does not begin with redis://",
	"redis+://a":                              "does not begin with redis://",
	"+cluster://a":                            "does not begin with redis://",
	"redis://":                                "has no host",
	"redis://:6379":                           "has no host",
	"redis://a,b":                             "has more than one host",
	"redis://u:TOPSECRET":                     "has a port, of host 1, that is not",
	"redis://a:0":                             "has a port, of host 1",
	"redis://a:65536":                         "has a port",
	"redis://::1":                             "that is not host:port",
	"redis://a/x":                             "has a database that is not a number",
	"redis://a/-1":                            "has a database",
	"redis://a/0/1":                           "has more behind its hosts",
	"redis://a/0?db=1":                        "has a parameter that is none",
	"redis://u:TOPSECRET/x@a":                 "has a user or a password with a sign",
	"redis://u:TOPSECRET%2@a":                 "has a user or a password with a sign",
	"redis+sentinel://u:TOPSECRET@a":          "does not say which master",
	"redis+sentinel://a/m/x":                  "has a database",
	"redis+sentinel://a/m?password=TOPSECRET": "has a parameter that is none",
	"redis://a?sentinel_password=TOPSECRET":   "has a parameter that is none",
	"redis://a b":                             "has a blank",
	"redis+cluster://u:TOPSECRET@a/0":         "has a path",
	"redis+cluster://" + strings.Repeat("a,", 64) + "a": "has more than 64 hosts",
}

func TestParseRegistry(t *testing.T) {
	for address, want := range registries {
		if got, err := ParseRegistry(address); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", address, got, err, want)
		}
		bare := want
		bare.User, bare.Password, bare.SentinelUser, bare.SentinelPassword = "", "", "", ""
		if again, err := ParseRegistry(want.String()); err != nil || !reflect.DeepEqual(again, bare) {
			t.Errorf("%s is shown as %s: %+v, %v", address, want, again, err)
		}
	}
	for address, says := range notRegistries {
		_, err := ParseRegistry(address)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "TOPSECRET") {
			t.Errorf("%s: %v; want %s", address, err, says)
		}
	}
}

// TestRegistryChecked holds that a mistake in an address is found when a configuration is checked, with its line, and that
// what is right is kept.
func TestRegistryChecked(t *testing.T) {
	text := func(settings string) (*Config, error) {
		return load(Options{File: "a"}, nil, func(string) ([]byte, error) {
			return []byte("listen 1935; vhost __defaultVhost__ {\ncluster {\n" + settings + "\n} }\n"), nil
		})
	}
	_, err := text("registry redis://u:TOPSECRET@a/x;")
	if err == nil || !strings.Contains(err.Error(), "line 3: vhost __defaultVhost__ has cluster.registry whose address has a database") || strings.Contains(err.Error(), "TOPSECRET") {
		t.Errorf("a bad address: %v", err)
	}
	for settings, bad := range map[string]string{"lease 0;": "lease", "lease 61;": "lease", "placement there;": "placement"} {
		if _, err := text(settings); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", settings, err)
		}
	}
	for settings, bad := range map[string]string{
		"registry_ca ca.pem;":                                "line 3: vhost __defaultVhost__ has cluster.registry_ca and no registry that is reached over TLS",
		"registry redis://:TOPSECRET@a; registry_ca ca.pem;": "no registry that is reached over TLS: its address is to begin with rediss",
		"registry rediss://:TOPSECRET@a; registry_ca ca.pem; } } vhost two { cluster { registry rediss://:TOPSECRET@a;": "vhosts __defaultVhost__ and two have the same cluster.registry, and different registry_ca",
		"registry redis://a/x; registry_ca ca.pem;": "has cluster.registry whose address has a database",
	} {
		if _, err := text(settings); err == nil || !strings.Contains(err.Error(), bad) || strings.Contains(err.Error(), "TOPSECRET") || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s: %v", settings, err)
		}
	}
	for settings, ca := range map[string]string{
		"registry rediss://a;": "", "registry rediss+cluster://a; registry_ca ca.pem;": "ca.pem",
		"registry rediss://a; registry_ca ca.pem; } } vhost two { cluster { registry rediss://a; registry_ca ca.pem;": "ca.pem",
		"registry rediss://a; registry_ca ca.pem; } } vhost two { cluster { registry rediss://b;":                     "ca.pem",
	} {
		if c, err := text(settings); err != nil || c.Vhosts[0].Cluster.RegistryCA != ca {
			t.Errorf("%s: %v", settings, err)
		}
	}
	c, err := text("registry redis://a/1; lease 7; placement least;")
	if err != nil {
		t.Fatal(err)
	}
	k := c.Vhosts[0].Cluster
	if k.Registry != "redis://a/1" || k.Lease.Seconds() != 7 || k.Placement != "least" {
		t.Errorf("%q %v %q", k.Registry, k.Lease, k.Placement)
	}
	c, err = text("")
	if err != nil {
		t.Fatal(err)
	}
	if k := c.Vhosts[0].Cluster; k.Registry != "" || k.Lease.Seconds() != 5 || k.Placement != "here" {
		t.Errorf("by default: %q %v %q", k.Registry, k.Lease, k.Placement)
	}
}

func FuzzParseRegistry(f *testing.F) {
	for address := range registries {
		f.Add(address)
	}
	for address := range notRegistries {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		r, err := ParseRegistry(address)
		if err == nil && (len(r.Hosts) == 0 || len(r.Hosts) > maxRegistryHosts || r.DB < 0 || r.Sentinel != (r.Master != "")) {
			t.Errorf("%q: %+v", address, r)
		}
	})
}
