package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"weir/internal/config"
)

const (
	maxConns     = 16 // to a Redis, for commands
	maxPipelines = 2  // more, for batches
)

// connect returns a client that connects when it is used. The library retries a command once, since a connection may have
// been closed while nobody looked; all else is the keeper's. With nil roots, it believes whom the system does.
func connect(r config.Registry, roots *x509.CertPool, patience time.Duration) redis.UniversalClient {
	logging.Disable() // it would write to stderr whatever the log's settings are; link logs once what counts
	o := &redis.UniversalOptions{
		Addrs: r.Hosts, DB: r.DB, MasterName: r.Master, IsClusterMode: r.Cluster,
		Username: r.User, Password: r.Password,
		ClientName: "weir", DisableIdentity: true, Protocol: 2,
		MaxRetries: 1, MinRetryBackoff: time.Millisecond, MaxRetryBackoff: 20 * time.Millisecond,
		DialTimeout: patience, DialerRetries: 1, ReadTimeout: patience, WriteTimeout: patience, PoolTimeout: patience,
		ContextTimeoutEnabled: true,
		PoolSize:              maxConns, MaxActiveConns: maxConns, PipelinePoolSize: maxPipelines, ConnMaxIdleTime: time.Minute,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if r.Sentinel {
		o.SentinelUsername, o.SentinelPassword = r.SentinelUser, r.SentinelPassword
	}
	if r.TLS {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots} // the name is that of the host
	}
	return redis.NewUniversalClient(o)
}

func badAddress(err error) error {
	return fmt.Errorf("cluster: the address of the registry %w", err)
}
