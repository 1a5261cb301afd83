package server

import (
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"weir/internal/config"
)

// nodesTold is what the API tells of servers.
type nodesTold struct {
	Code  int
	Nodes []struct {
		ID, Registry, RTMP, HTTP, API string
		Self                          bool
		Claims                        *int
		Age                           *int64 `json:"age_ms"`
		Lease                         *int64 `json:"lease_ms"`
	}
	Registries []struct{ Registry, Away, Error string }
}

// servers asks an API which servers there are.
func servers(t *testing.T, at string) (told nodesTold) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}
	answer, err := client.Get("http://" + at + "/api/v1/nodes/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err == nil {
		err = json.Unmarshal(raw, &told)
	}
	if err != nil || told.Code != 0 {
		t.Fatalf("%s: %v", raw, err)
	}
	return told
}

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestLoneServer has a server without a registry tell of itself, where it listens, or where it was found.
func TestLoneServer(t *testing.T) {
	for _, all := range []bool{false, true} {
		rtmp, calls := free(t), free(t)
		_, rtmpPort, _ := net.SplitHostPort(rtmp)
		_, callsPort, _ := net.SplitHostPort(calls)
		listens := rtmp
		if all {
			listens = rtmpPort
		}
		r := launch(t, "listen "+listens+";\nhttp_api { enabled on; listen "+calls+"; }\nvhost __defaultVhost__ { }\n")
		told := servers(t, calls)
		if len(told.Nodes) != 1 || len(told.Registries) != 0 {
			t.Fatalf("%+v", told)
		}
		n := told.Nodes[0]
		if n.ID != r.identity.Service || !n.Self || n.Registry != "" || n.RTMP != "127.0.0.1:"+rtmpPort || n.API != "127.0.0.1:"+callsPort || n.HTTP != "" || *n.Age > 1000 || n.Lease != nil {
			t.Errorf("%+v", n)
		}
		r.stop()
	}
}

// TestNoRegistryCA has a server not start whose file of certificates is none.
func TestNoRegistryCA(t *testing.T) {
	c := config.Default()
	c.Listen = []string{free(t)}
	v := &config.Vhost{Name: config.DefaultVhost}
	v.Cluster.Registry, v.Cluster.RegistryCA = "rediss://127.0.0.1:1/0", "./none.pem"
	c.Vhosts = []*config.Vhost{v}
	_, err := New(Options{Config: c, Identity: Identity{Service: "launched"}, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "vhost "+v.Name) || !strings.Contains(err.Error(), "registry_ca ./none.pem: no such file") {
		t.Errorf("New = %v, want an error that names the vhost and the file", err)
	}
	if answers(c.Listen[0]) {
		t.Error("the RTMP port is open")
	}
}

// TestRegistryCA has a registry over TLS, whose authority the system does not know: a server that is told of it is in the list, one
// that is not says why.
func TestRegistryCA(t *testing.T) {
	dir, store := t.TempDir(), free(t)
	issue(t, dir, 7)
	host, port, _ := net.SplitHostPort(store)
	redis := exec.Command("redis-server", "--bind", host, "--port", "0", "--tls-port", port, "--tls-auth-clients", "no", "--save", "", "--appendonly", "no", "--requirepass", "TOPSECRET",
		"--tls-cert-file", dir+"/server.crt", "--tls-key-file", dir+"/server.key", "--tls-ca-cert-file", dir+"/server.crt", "--dir", dir, "--logfile", dir+"/log")
	if err := redis.Start(); err != nil {
		t.Fatalf("redis-server: %v (test/install.sh installs it)", err)
	}
	defer func() {
		_ = redis.Process.Kill()
		_ = redis.Wait()
	}()
	await(t, "redis-server", func() bool { return serial(store) == 7 })
	for _, ca := range []string{dir + "/server.crt", ""} {
		calls := free(t)
		more := ""
		if ca != "" {
			more = "registry_ca " + ca + "; "
		}
		r := launch(t, "listen "+free(t)+";\nhttp_api { enabled on; listen "+calls+"; }\nvhost __defaultVhost__ { cluster { registry rediss://:TOPSECRET@"+store+"/0; "+more+"} }\n")
		await(t, "the registry to answer, or not", func() bool {
			told := servers(t, calls)
			if len(told.Nodes) != 1 || !told.Nodes[0].Self || told.Nodes[0].ID != r.identity.Service || len(told.Registries) != 1 {
				t.Fatalf("%+v", told)
			}
			g := told.Registries[0]
			if g.Registry != "rediss://"+store+"/0" || told.Nodes[0].Registry != g.Registry || strings.Contains(g.Error, "TOPSECRET") {
				t.Fatalf("%+v", g)
			}
			if ca != "" {
				return g.Error == "" && told.Nodes[0].Lease != nil && *told.Nodes[0].Age < 2000
			}
			return g.Away != "" && strings.Contains(g.Error, "certificate signed by unknown authority: let registry_ca be")
		})
		r.stop()
	}
}
