package api

type versionsAnswer struct {
	head
	Data versionsData `json:"data"`
}

type versionsData struct {
	Major    int    `json:"major"`
	Minor    int    `json:"minor"`
	Revision int    `json:"revision"`
	Version  string `json:"version"`
	Weir     string `json:"weir"`
}

func (a *API) versions(*call) any {
	v := a.o.Version
	return versionsAnswer{a.head(), versionsData{v.Major, v.Minor, v.Revision, v.String(), a.o.WeirVersion}}
}
