package api

// operations is the API as it is described to programs: all that the table of endpoints answers.
func operations() []operation {
	return []operation{
		{method: "GET", path: "/", name: "root", about: "what there is", answer: rootAnswer{}},
		{method: "GET", path: "/api/", name: "api", about: "the versions of the API", answer: rootAnswer{}},
		{method: "GET", path: "/api/v1/", name: "urls", about: "the paths of the API", answer: urlsAnswer{}},
		{method: "GET", path: "/api/v1/versions", name: "versions", about: "the version of the server", answer: versionsAnswer{}},
		{method: "GET", path: "/api/v1/summaries", name: "summaries", about: "the process and its machine", answer: summariesAnswer{}},
		{method: "GET", path: "/api/v1/vhosts/", name: "vhosts", about: "all virtual hosts", answer: vhostsAnswer{}},
		{method: "GET", path: "/api/v1/vhosts/{id}", name: "vhost", about: "a virtual host", answer: vhostAnswer{}},
		{method: "GET", path: "/api/v1/streams/", name: "streams", about: "the streams, in pages", answer: streamsAnswer{}, parameters: pages()},
		{method: "GET", path: "/api/v1/streams/{id}", name: "stream", about: "a stream, and how well it is", answer: streamAnswer{}},
		{method: "GET", path: "/api/v1/clients/", name: "clients", about: "the publishers and players, in pages", answer: clientsAnswer{}, parameters: pages()},
		{method: "GET", path: "/api/v1/clients/{id}", name: "client", about: "a client, and how well it is served", answer: clientAnswer{}},
		{method: "DELETE", path: "/api/v1/clients/{id}", name: "kick", about: "ends a client's session", answer: head{}},
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
