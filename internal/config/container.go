package config

import (
	"io/fs"
	"os"
	"strings"
)

// InContainer tells whether this process runs in a container, for Options.Docker: that of Docker,
// Podman, containerd, CRI-O or LXC, with or without Kubernetes.
func InContainer() bool { return contained(os.DirFS("/"), os.Getenv) }

// contained looks for what runtimes leave in a container. None of it is everywhere: with cgroups
// of version 2 the list of process 1 says nothing, and containerd makes no file.
func contained(root fs.FS, getenv func(string) string) bool {
	// systemd's convention, which Podman and LXC keep, and what every pod is given.
	if getenv("container") != "" || getenv("KUBERNETES_SERVICE_HOST") != "" {
		return true
	}
	for _, mark := range []string{".dockerenv", "run/.containerenv"} {
		if _, err := fs.Stat(root, mark); err == nil {
			return true
		}
	}
	groups, _ := fs.ReadFile(root, "proc/1/cgroup")
	for _, of := range []string{"/docker", "/kubepods", "/libpod", "/lxc", "containerd", "crio-"} {
		if strings.Contains(string(groups), of) {
			return true
		}
	}
	mounts, _ := fs.ReadFile(root, "proc/self/mountinfo")
	return layered(string(mounts))
}

// layered tells whether the root is made of a runtime's layers:
//
//	| mount id | parent | device | root | mount point | options | ... - type | source | options |
//
// Source: proc_pid_mountinfo(5).
func layered(mounts string) bool {
	for line := range strings.Lines(mounts) {
		words := strings.Fields(line)
		if len(words) < 5 || words[4] != "/" {
			continue
		}
		for _, of := range []string{"/docker/", "/containerd/", "/containers/storage/", "/overlay-containers/"} {
			if strings.Contains(line, of) {
				return true
			}
		}
	}
	return false
}
