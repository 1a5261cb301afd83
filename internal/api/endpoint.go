package api

// endpoint is one row of the API's table. A path that ends in "/" takes all below it that no
// longer path takes.
type endpoint struct {
	path   string
	about  string                // for the list of urls; empty is not listed
	answer func(*API, *call) any // nil is listed only: its path answers with the list
}

// endpoints is the API, in the order of its list of urls.
func endpoints() []endpoint {
	return []endpoint{
		{"/", "", (*API).root},
		{"/health", "", (*API).welcome},
		{"/api/", "", (*API).versionsOfAPI},
		{"/api/v1/", "", (*API).urls},
		{"/api/v1/versions", "version of the server", (*API).versions},
		{"/api/v1/summaries", "process and machine: cpu, memory, disk, network", (*API).summaries},
		{"/api/v1/rusages", "resources the process has used", (*API).rusages},
		{"/api/v1/self_proc_stats", "statistics of the process", (*API).selfStats},
		{"/api/v1/system_proc_stats", "statistics of the machine's processors", (*API).processorStats},
		{"/api/v1/meminfos", "memory of the machine", (*API).memoryStats},
		{"/api/v1/authors", "license and authors", (*API).authors},
		{"/api/v1/features", "what the server can do", (*API).features},
		{"/api/v1/tests/requests", "the request as the server sees it", (*API).testRequests},
		{"/api/v1/tests/errors", "", (*API).testErrors},
		{"/api/v1/tests/redirects", "", (*API).testRedirects},
		{"/api/v1/vhosts/", "all vhosts, or the one whose id follows", (*API).vhosts},
		{"/api/v1/streams/", "all streams, or the one whose id follows, in pages of start and count", (*API).streams},
		{"/api/v1/clients/", "all clients, or the one whose id follows, in pages of start and count; DELETE kicks one", (*API).clients},
		{"/api/v1/raw", "state of the raw API, and reload", (*API).raw},
		{"/api/v1/drain", "POST has the server end gracefully", (*API).drain},
		{"/api/v1/clusters", "where a stream's origin is", (*API).clusters},
		{"/api/v1/perf", "not in this server", nil},
		{"/api/v1/tcmalloc", "not in this server", nil},
		{"/api/v1/events", "what happens, as server-sent events, or as a list", (*API).eventsOf},
		{"/api/v1/rtc/sessions/", "how WebRTC clients are reached or why they are not, all or the one whose id follows", (*API).contacts},
		{"/api/v1/forwards/", "where streams are sent on to and how that goes, all or those of the stream whose id follows", (*API).forwards},
		{"/api/v1/nodes/", "the servers of the cluster and what they have to do, this one alone if it is in none", (*API).nodes},
		{"/api/v1/openapi.json", "this API, described for programs", (*API).openAPI},
	}
}
