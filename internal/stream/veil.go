package stream

import "strings"

// veiled stands for what is not to be read.
const veiled = "***"

// secrets are the names of parameters whose values nobody but gates and callbacks may see.
const secrets = " access_token api_key apikey auth auth_key authorization credential hmac jwt key passphrase passwd password pwd " +
	"sec secret session_token sig sign signature sk streamkey stream_key tk token txsecret upsecret wssecret "

// Veil returns an address, or a query, for logs, the API and events: with *** for the values of
// parameters whose names say that they are secrets, and for the password of user:password@host. What
// is no such value stays as it is, byte for byte.
func Veil(address string) string {
	if address == "" {
		return address
	}
	address = veilUser(address)
	at := strings.IndexByte(address, '?')
	if at < 0 && !strings.Contains(address, "=") {
		return address
	}
	var b strings.Builder
	b.WriteString(address[:at+1])
	for rest := address[at+1:]; rest != ""; {
		end := strings.IndexAny(rest, "&;,?/# ")
		part, mark := rest, ""
		if end >= 0 {
			part, mark, rest = rest[:end], rest[end:end+1], rest[end+1:]
		} else {
			rest = ""
		}
		b.WriteString(veilPart(part) + mark)
	}
	return b.String()
}

// veilPart veils name=value.
func veilPart(part string) string {
	name, value, ok := strings.Cut(part, "=")
	if ok && value != "" && isSecret(name) {
		return name + "=" + veiled
	}
	return part
}

// isSecret reports whether a parameter's name, percent signs and all, is one of a secret.
func isSecret(name string) bool {
	name = strings.ToLower(name)
	return name != "" && (strings.Contains(name, "%") || strings.Contains(secrets, " "+name+" "))
}

// veilUser veils the password of user:password@host behind a scheme.
func veilUser(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	host := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		host = rest[:end]
	}
	at := strings.LastIndexByte(host, '@')
	if at < 0 {
		return address
	}
	user, _, ok := strings.Cut(host[:at], ":")
	if !ok {
		return address
	}
	return scheme + "://" + user + ":" + veiled + rest[at:]
}
