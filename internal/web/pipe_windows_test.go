package web

func mkfifo(string) error { return nil }
