package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Registry is where the Redis of a cluster is.
type Registry struct {
	Hosts          []string // host:port; of one Redis, of sentinels, or of some nodes of a Redis Cluster
	TLS            bool
	User, Password string
	DB             int
	Sentinel       bool   // Hosts are sentinels, who know where Master is
	Master         string // the name that they have for it
	// Of the sentinels, which often ask for none.
	SentinelUser, SentinelPassword string
	Cluster                        bool // Hosts are of a Redis Cluster
}

// String is the address without a user and a password.
func (r Registry) String() string {
	scheme, path := "redis", ""
	if r.TLS {
		scheme = "rediss"
	}
	switch {
	case r.Cluster:
		scheme += "+cluster"
	case r.Sentinel:
		scheme, path = scheme+"+sentinel", "/"+r.Master+"/"+strconv.Itoa(r.DB)
	default:
		path = "/" + strconv.Itoa(r.DB)
	}
	return scheme + "://" + strings.Join(r.Hosts, ",") + path
}

const (
	maxRegistryHosts = 64
	maxRegistryDB    = 1 << 20
)

var errRegistryPath = errors.New("has more behind its hosts than the number of a database, such as /0")

// ParseRegistry reads an address of a registry:
//
//	redis://user:password@host:port/db
//	redis+sentinel://user:password@host:port,host:port/master/db?sentinel_user=...&sentinel_password=...
//	redis+cluster://user:password@host:port,host:port
//
// With rediss for redis it is reached over TLS. A user, a password, a port and a database may be left out. The error goes on
// after "the address", and shows nothing of it, since who leaves an @ out has a password for a port.
func ParseRegistry(address string) (Registry, error) {
	scheme, rest, ok := strings.Cut(address, "://")
	name, kind, _ := strings.Cut(scheme, "+")
	r := Registry{TLS: name == "rediss", Sentinel: kind == "sentinel", Cluster: kind == "cluster"}
	if !ok || name != "redis" && name != "rediss" || kind != "" && !r.Sentinel && !r.Cluster || strings.HasSuffix(scheme, "+") {
		return Registry{}, errors.New("does not begin with redis://, rediss://, redis+sentinel:// or redis+cluster://")
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		if err := r.login(rest[:at]); err != nil {
			return Registry{}, err
		}
		rest = rest[at+1:]
	}
	rest, query, _ := strings.Cut(rest, "?")
	if err := r.query(query); err != nil {
		return Registry{}, err
	}
	if strings.ContainsAny(rest, "# \t\r\n") {
		return Registry{}, errors.New("has a blank or a # in it")
	}
	hosts, path, _ := strings.Cut(rest, "/")
	if err := r.hosts(hosts); err != nil {
		return Registry{}, err
	}
	if err := r.path(path); err != nil {
		return Registry{}, err
	}
	return r, nil
}

// login reads user:password, whose signs may be written with %.
func (r *Registry) login(text string) (err error) {
	user, password, _ := strings.Cut(text, ":")
	if r.User, err = url.PathUnescape(user); err == nil {
		r.Password, err = url.PathUnescape(password)
	}
	if err != nil || strings.Contains(text, "/") {
		return errors.New("has a user or a password with a sign that is to be written with %: / as %2F, % as %25")
	}
	return nil
}

// query reads what sentinels ask for.
func (r *Registry) query(text string) error {
	q, err := url.ParseQuery(text)
	user, password := q["sentinel_user"], q["sentinel_password"]
	delete(q, "sentinel_user")
	delete(q, "sentinel_password")
	if err != nil || len(q) > 0 || len(user) > 1 || len(password) > 1 || text != "" && !r.Sentinel {
		return errors.New("has a parameter that is none: there are sentinel_user and sentinel_password, for sentinels, once each")
	}
	r.SentinelUser, r.SentinelPassword = strings.Join(user, ""), strings.Join(password, "")
	return nil
}

func (r *Registry) hosts(text string) error {
	list := strings.Split(text, ",")
	if len(list) > 1 && !r.Sentinel && !r.Cluster {
		return errors.New("has more than one host: write redis+sentinel:// or redis+cluster:// for several")
	}
	if len(list) > maxRegistryHosts {
		return fmt.Errorf("has more than %d hosts", maxRegistryHosts)
	}
	standard := "6379"
	if r.Sentinel {
		standard = "26379"
	}
	for n, at := range list {
		host, port, err := net.SplitHostPort(at)
		if err != nil { // no port, or nothing that can be read
			host, port = strings.TrimSuffix(strings.TrimPrefix(at, "["), "]"), standard
			if strings.Contains(host, ":") && !strings.HasPrefix(at, "[") || strings.ContainsAny(host, "[]") {
				return fmt.Errorf("has a host, number %d, that is not host:port", n+1)
			}
		}
		if host == "" {
			return errors.New("has no host")
		}
		if p, err := strconv.ParseUint(port, 10, 16); err != nil || p == 0 {
			return fmt.Errorf("has a port, of host %d, that is not a number from 1 to 65535", n+1)
		}
		r.Hosts = append(r.Hosts, net.JoinHostPort(host, port))
	}
	return nil
}

func (r *Registry) path(text string) error {
	text = strings.TrimSuffix(text, "/")
	if r.Sentinel {
		r.Master, text, _ = strings.Cut(text, "/")
		if r.Master == "" {
			return errors.New("does not say which master the sentinels are to be asked for: .../master/0")
		}
	}
	if text == "" {
		return nil
	}
	if r.Cluster {
		return errors.New("has a path: a Redis Cluster has one database, without a number")
	}
	if strings.Contains(text, "/") {
		return errRegistryPath
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxRegistryDB {
		return errors.New("has a database that is not a number from 0 on")
	}
	r.DB = n
	return nil
}
