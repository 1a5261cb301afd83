package api

// operations is the API as it is described to programs: all that the table of endpoints answers.
func operations() []operation {
	return []operation{
		{method: "GET", path: "/", name: "root", about: "what there is", answer: rootAnswer{}},
		{method: "GET", path: "/health", name: "health", about: "whether new clients are welcome: status 503 while the server drains"},
		{method: "GET", path: "/api/", name: "api", about: "the versions of the API", answer: rootAnswer{}},
		{method: "GET", path: "/api/v1/", name: "urls", about: "the paths of the API", answer: urlsAnswer{}},
		{method: "GET", path: "/api/v1/versions", name: "versions", about: "the version of the server", answer: versionsAnswer{}},
		{method: "GET", path: "/api/v1/summaries", name: "summaries", about: "the process and its machine", answer: summariesAnswer{}},
		{method: "GET", path: "/api/v1/rusages", name: "rusages", about: "what the process has used", answer: rusagesAnswer{}},
		{method: "GET", path: "/api/v1/self_proc_stats", name: "self", about: "the process, as Linux tells of it", answer: selfAnswer{}},
		{method: "GET", path: "/api/v1/system_proc_stats", name: "processors", about: "the machine's processors", answer: processorsAnswer{}},
		{method: "GET", path: "/api/v1/meminfos", name: "memory", about: "the machine's memory", answer: memoryAnswer{}},
		{method: "GET", path: "/api/v1/authors", name: "authors", about: "who has made this", answer: authorsAnswer{}},
		{method: "GET", path: "/api/v1/features", name: "features", about: "what the server can do", answer: featuresAnswer{}},
		{method: "GET", path: "/api/v1/tests/requests", name: "testRequests", about: "the request as the server sees it", answer: requestAnswer{}},
		{method: "GET", path: "/api/v1/tests/errors", name: "testErrors", about: "always code 100", answer: refusal{}, refuses: true},
		{method: "GET", path: "/api/v1/tests/redirects", name: "testRedirects", about: "always to /api/v1/tests/errors", moves: true},
		{
			method: "GET", path: "/api/v1/raw", name: "raw", about: "the raw API, and its commands", answer: rawAnswer{}, also: []any{reloadAnswer{}, fetchAnswer{}}, refuses: true,
			parameters: []parameter{{"rpc", "string", "raw, reload or reload-fetch"}},
		},
		{method: "POST", path: "/api/v1/drain", name: "drain", about: "has the server end gracefully", answer: head{}, also: []any{refusal{}}, refuses: true},
		{
			method: "GET", path: "/api/v1/clusters", name: "clusters", about: "where a stream's origin is", answer: clustersAnswer{},
			parameters: []parameter{
				{"vhost", "string", "virtual host of the stream"}, {"app", "string", "its application"}, {"stream", "string", "its name"},
				{"ip", "string", "the client's address"}, {"coworker", "string", "this server, as the asker knows it"},
			},
		},
		{method: "GET", path: "/api/v1/vhosts/", name: "vhosts", about: "all virtual hosts", answer: vhostsAnswer{}},
		{method: "GET", path: "/api/v1/vhosts/{id}", name: "vhost", about: "a virtual host", answer: vhostAnswer{}},
		{method: "GET", path: "/api/v1/streams/", name: "streams", about: "the streams, in pages", answer: streamsAnswer{}, parameters: pages()},
		{method: "GET", path: "/api/v1/streams/{id}", name: "stream", about: "a stream, and how well it is", answer: streamAnswer{}},
		{method: "GET", path: "/api/v1/clients/", name: "clients", about: "the publishers and players, in pages", answer: clientsAnswer{}, parameters: pages()},
		{method: "GET", path: "/api/v1/clients/{id}", name: "client", about: "a client, and how well it is served", answer: clientAnswer{}},
		{method: "DELETE", path: "/api/v1/clients/{id}", name: "kick", about: "ends a client's session", answer: head{}},
		{method: "GET", path: "/api/v1/rtc/sessions/", name: "contacts", about: "how WebRTC clients are reached, or why they are not", answer: contactsAnswer{}, parameters: pages()},
		{method: "GET", path: "/api/v1/rtc/sessions/{id}", name: "contact", about: "how a WebRTC client is reached, or why it is not", answer: contactAnswer{}},
		{method: "GET", path: "/api/v1/forwards/", name: "forwards", about: "where streams are sent on to, and how that goes, in pages", answer: forwardsAnswer{}, parameters: pages()},
		{method: "GET", path: "/api/v1/forwards/{id}", name: "forward", about: "where the stream with that id is sent on to, and how that goes", answer: forwardsAnswer{}, parameters: pages()},
		{method: "GET", path: "/api/v1/nodes/", name: "nodes", about: "the servers of the cluster, and what they have to do", answer: nodesAnswer{}},
		{
			method: "GET", path: "/api/v1/events", name: "events", about: "what happens, as a list or as it happens",
			answer: eventsAnswer{}, stream: true,
			parameters: []parameter{
				{"what", "string", "kinds of events, with commas between them; none is all"},
				{"since", "string", "the id of the last event that you have had"},
				{"list", "string", "a list, whatever the Accept header says"},
			},
		},
		{method: "GET", path: "/api/v1/openapi.json", name: "openapi", about: "this description", answer: object{}},
	}
}
