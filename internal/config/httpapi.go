package config

// HTTPAPI is the HTTP API. When it listens where the http_server listens, one listener
// serves both.
type HTTPAPI struct {
	Enabled     bool     `conf:"enabled" default:"off" reload:"live" doc:"Serves the API."`
	Listen      []string `conf:"listen" default:"1985" check:"endpoint" reload:"live" doc:"Where the API listens. When it is also the address of http_server, both share it."`
	Crossdomain bool     `conf:"crossdomain" default:"on" reload:"live" doc:"Lets web pages of other sites call the API from a browser."`
	RawAPI      RawAPI   `conf:"raw_api" reload:"live" doc:"Commands which change the server."`
	Auth        Auth     `conf:"auth" reload:"live" doc:"A name and a password for the API."`
	HTTPS       APIHTTPS `conf:"https" doc:"The API over TLS."`
}

// RawAPI are the commands of the API which change the server.
type RawAPI struct {
	Enabled     bool     `conf:"enabled" default:"off" doc:"Answers /api/v1/raw."`
	AllowReload bool     `conf:"allow_reload" default:"off" doc:"Lets it reload the configuration."`
	_           struct{} `conf:"allow_query,ignored" doc:"Once let it read the configuration."`
	_           struct{} `conf:"allow_update,ignored" doc:"Once let it change the configuration."`
}

// Auth is HTTP basic authentication for every path below /api/.
type Auth struct {
	Enabled  bool   `conf:"enabled" default:"off" doc:"Asks for a name and a password. Use it together with https: they are sent as good as readable."`
	Username string `conf:"username" doc:"The name."`
	Password string `conf:"password" secret:"yes" doc:"The password."`
}

// APIHTTPS is the API over TLS.
type APIHTTPS struct {
	Enabled bool     `conf:"enabled" default:"off" reload:"live" doc:"Serves the API over TLS as well; http_api must be enabled."`
	Listen  []string `conf:"listen" default:"1990" check:"endpoint" reload:"live" doc:"Where it listens. When the API shares the address of http_server, this one is shared by default too."`
	Key     string   `conf:"key" default:"./conf/server.key" reload:"live" doc:"Private key, a PEM file."`
	Cert    string   `conf:"cert" default:"./conf/server.crt" reload:"live" doc:"Certificate with its chain, a PEM file. When this file or the key changes, new clients get the new one, without a reload."`
}
