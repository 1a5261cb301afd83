package config

import (
	"testing"
	"testing/fstest"
)

// TestContained has what the runtimes leave, and machines that only look like containers.
func TestContained(t *testing.T) {
	const host = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
	for name, c := range map[string]struct {
		files map[string]string
		env   string
		want  bool
	}{
		"a machine": {files: map[string]string{"proc/1/cgroup": "0::/init.scope\n", "proc/self/mountinfo": host}},
		"no /proc":  {},
		"Docker, on whose machine": {files: map[string]string{"proc/1/cgroup": "0::/init.scope\n", "proc/self/mountinfo": host +
			"99 22 0:50 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l\n"}},
		"a live system": {files: map[string]string{"proc/self/mountinfo": "1 1 0:3 / / rw - overlay overlay rw,lowerdir=/run/rootfs,upperdir=/cow\n"}},

		"Docker":              {files: map[string]string{".dockerenv": ""}, want: true},
		"Docker, cgroups 1":   {files: map[string]string{"proc/1/cgroup": "2:cpu:/docker/4a5b6c\n1:name=systemd:/docker/4a5b6c\n"}, want: true},
		"Docker, no file":     {files: map[string]string{"proc/self/mountinfo": "7 6 0:50 / / rw - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A\n"}, want: true},
		"Podman":              {files: map[string]string{"run/.containerenv": ""}, want: true},
		"Podman, its word":    {env: "container", want: true},
		"Podman, cgroups 1":   {files: map[string]string{"proc/1/cgroup": "2:cpu:/machine.slice/libpod-1.scope\n3:x:/libpod_parent/libpod-1\n"}, want: true},
		"Podman, its layers":  {files: map[string]string{"proc/self/mountinfo": "7 6 0:50 / / rw - overlay overlay rw,lowerdir=/home/a/.local/share/containers/storage/overlay/l\n"}, want: true},
		"containerd":          {files: map[string]string{"proc/1/cgroup": "0::/\n", "proc/self/mountinfo": "7 6 0:50 / / rw - overlay overlay rw,lowerdir=/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/1/fs\n"}, want: true},
		"a pod":               {env: "KUBERNETES_SERVICE_HOST", want: true},
		"a pod, cgroups 1":    {files: map[string]string{"proc/1/cgroup": "2:cpu:/kubepods/burstable/pod1/2\n"}, want: true},
		"a pod, slices":       {files: map[string]string{"proc/1/cgroup": "0::/kubepods.slice/kubepods-burstable.slice/cri-containerd-1.scope\n"}, want: true},
		"CRI-O":               {files: map[string]string{"proc/1/cgroup": "0::/x.slice/crio-12.scope\n"}, want: true},
		"LXC":                 {files: map[string]string{"proc/1/cgroup": "2:cpu:/lxc/box\n"}, want: true},
		"LXC, as systemd has": {env: "container", want: true},
	} {
		root := fstest.MapFS{}
		for path, text := range c.files {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
		getenv := func(name string) string {
			if name == c.env {
				return "x"
			}
			return ""
		}
		if got := contained(root, getenv); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
