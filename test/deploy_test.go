package test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"weir/internal/config"
	"weir/internal/server"
)

// clean holds that a start with a configuration warns of nothing. One with a certificate lacks that,
// which everybody makes for himself, and nothing else.
func clean(t *testing.T, path string) {
	t.Helper()
	o := config.Options{File: path}
	if strings.Contains(read(t, path), "./conf/server.crt;") {
		if _, err := server.Check(o, nil); err == nil || !strings.Contains(err.Error(), "needs a certificate") {
			t.Errorf("weir -t -c %s: %v", path, err)
		}
		if c, err := config.Load(o, nil); err != nil || len(c.Notes)+len(c.WithoutEffect) > 0 {
			t.Errorf("%s: %v\n%+v", path, err, c)
		}
		return
	}
	said, err := server.Check(o, nil)
	if err != nil || strings.Count(said, "\n") != 2 {
		t.Errorf("weir -t -c %s: %v\n%s", path, err, said)
	}
}

// documented are files of SRS's image that its documents name in command lines and that this
// server does all of.
const documented = `docker srs console console.ipv46 rtmp rtmp.kickoff live realtime realtime.flv hls http.hls hls.realtime
http.flv.live http.ts.live http.aac.live http.mp3.live https.flv.live https.docker hevc.flv hevc.ts mp3.http dash http.server
prometheus http.heartbeat http.hooks.callback http.api.one.port
security.deny.publish`

// TestImageFiles holds that the image has the files that command lines name, each good.
func TestImageFiles(t *testing.T) {
	names := map[string]string{}
	for _, dir := range []string{"../conf", "../deploy/docker/conf"} {
		files, err := filepath.Glob(dir + "/*.conf")
		if err != nil || len(files) < 5 {
			t.Fatal(dir, files, err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".conf")
			if names[name] != "" {
				t.Errorf("%s and %s would be one file", names[name], file)
			}
			names[name] = file
			if name != "full" { // it refuses to run
				clean(t, file)
			}
		}
	}
	for name := range strings.FieldsSeq(documented) {
		if names[name] == "" {
			t.Errorf("no conf/%s.conf", name)
		}
	}
}

var (
	copied = regexp.MustCompile(`(?m)^COPY (.+) \S+$`)
	named  = regexp.MustCompile(`conf/[\w.]+\.conf`)
)

// TestDockerfile holds that what is copied exists, that Docker may read it, and that the image
// from source is the one from a binary.
func TestDockerfile(t *testing.T) {
	source, binary := read(t, "../deploy/docker/Dockerfile"), read(t, "../deploy/docker/Dockerfile.binary")
	ignored := read(t, "../.dockerignore")
	build, image, ok := strings.Cut(source, "\nFROM scratch\n")
	if !ok {
		t.Fatal("the image is not from scratch")
	}
	sources := copied.FindAllStringSubmatch(build, -1)
	if len(sources) < 4 {
		t.Errorf("copied: %v", sources)
	}
	for _, m := range sources {
		for name := range strings.FieldsSeq(m[1]) {
			if _, err := os.Stat("../" + name); err != nil {
				t.Error(err)
			}
			if !strings.Contains(ignored, "\n!"+name+"\n") {
				t.Errorf(".dockerignore hides %s", name)
			}
		}
	}
	_, other, ok := strings.Cut(binary, "\nFROM scratch\n")
	other = strings.NewReplacer("COPY --chown", "COPY --from=build --chown", "COPY rootfs", "COPY --from=build /rootfs", " rootfs/", " /rootfs/").Replace(other)
	if !ok || other != image {
		t.Errorf("Dockerfile ends with\n%s\nand Dockerfile.binary with\n%s", image, other)
	}
	for _, name := range named.FindAllString(image, -1) {
		if _, err := os.Stat("../deploy/docker/" + name); err != nil {
			t.Error(err)
		}
	}
	for _, want := range []string{"USER 10001:10001", "WORKDIR /usr/local/srs", "STOPSIGNAL SIGQUIT", "HEALTHCHECK", `CMD ["./objs/srs", "-c", "conf/docker.conf"]`} {
		if !strings.Contains(image, "\n"+want) {
			t.Errorf("the image lacks %s", want)
		}
	}
}

// documents returns the documents of a YAML file as trees.
func documents(t *testing.T, path string) (all []map[string]any) {
	t.Helper()
	d := yaml.NewDecoder(bytes.NewReader([]byte(read(t, path))))
	for {
		var doc map[string]any
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, doc)
	}
}

// at goes down a tree by the words of a path: names, and places in lists.
func at(tree any, path string) any {
	for name := range strings.FieldsSeq(path) {
		switch node := tree.(type) {
		case map[string]any:
			tree = node[name]
		case []any:
			i := int(name[0] - '0')
			if i >= len(node) {
				return nil
			}
			tree = node[i]
		default:
			return nil
		}
	}
	return tree
}

// TestDeployYAML holds that every YAML file in deploy/ is one.
func TestDeployYAML(t *testing.T) {
	found := 0
	err := filepath.WalkDir("../deploy", func(path string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); err == nil && (ext == ".yml" || ext == ".yaml") {
			found++
			if len(documents(t, path)) == 0 {
				t.Errorf("%s is empty", path)
			}
		}
		return err
	})
	if err != nil || found < 5 {
		t.Error(found, err)
	}
}

// TestCompose holds that the files that it mounts exist, and that its configuration is good.
func TestCompose(t *testing.T) {
	clean(t, "../deploy/compose/weir/weir.conf")
	doc := documents(t, "../deploy/compose/docker-compose.yml")[0]
	volumes, _ := doc["volumes"].(map[string]any)
	mounts := 0
	services, _ := doc["services"].(map[string]any)
	for name, s := range services {
		if at(s, "image") == nil {
			t.Errorf("%s has no image", name)
		}
		list, _ := at(s, "volumes").([]any)
		for _, v := range list {
			mounts++
			from, _, _ := strings.Cut(v.(string), ":")
			if !strings.HasPrefix(from, ".") {
				if _, ok := volumes[from]; !ok {
					t.Errorf("%s: no volume %s", name, from)
				}
			} else if _, err := os.Stat("../deploy/compose/" + from); err != nil {
				t.Error(err)
			}
		}
	}
	if len(services) != 3 || mounts < 6 {
		t.Errorf("%d services, %d mounts", len(services), mounts)
	}
}

// TestKubernetes holds together what the manifests say of each other and of the configuration.
func TestKubernetes(t *testing.T) {
	files, err := filepath.Glob("../deploy/kubernetes/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]map[string]any{}
	for _, file := range files {
		for _, doc := range documents(t, file) {
			kinds[doc["kind"].(string)+" "+at(doc, "metadata name").(string)] = doc
		}
	}
	conf, _ := at(kinds["ConfigMap weir"], "data weir.conf").(string)
	path := filepath.Join(t.TempDir(), "weir.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	clean(t, path)
	c, err := config.Load(config.Options{File: path}, nil)
	if err != nil {
		t.Fatal(err)
	}

	set := kinds["StatefulSet weir"]
	pod := at(set, "spec template spec")
	ports := map[string]any{}
	list, _ := at(pod, "containers 0 ports").([]any)
	for _, p := range list {
		ports[at(p, "name").(string)] = at(p, "containerPort")
	}
	open := []any{port(c.Listen), port(c.HTTPAPI.Listen), port(c.HTTPServer.Listen), port(c.Exporter.Listen)}
	if want := []any{ports["rtmp"], ports["api"], ports["http"], ports["metrics"]}; !slices.Equal(open, want) {
		t.Errorf("the configuration opens %v, the pod %v", open, want)
	}
	for _, probe := range []string{"startupProbe", "livenessProbe", "readinessProbe"} {
		if at(pod, "containers 0 "+probe+" httpGet path") != "/api/v1/versions" || at(pod, "containers 0 "+probe+" httpGet port") != "api" {
			t.Errorf("%s: %v", probe, at(pod, "containers 0 "+probe))
		}
	}
	if grace, _ := at(pod, "terminationGracePeriodSeconds").(int); float64(grace) <= 2*(c.GraceStartWait+c.GraceFinalWait).Seconds() {
		t.Errorf("%d s are too few to drain", grace)
	}
	readOnly, _ := at(pod, "containers 0 securityContext readOnlyRootFilesystem").(bool)
	if at(pod, "containers 0 lifecycle preStop exec command 1") != "drain" || at(pod, "securityContext runAsUser") != 10001 || !readOnly {
		t.Errorf("the pod: %v", pod)
	}
	for _, name := range []string{"Service weir", "Service " + at(set, "spec serviceName").(string)} {
		list, _ := at(kinds[name], "spec ports").([]any)
		for _, p := range list {
			if target, _ := at(p, "targetPort").(string); ports[target] == nil {
				t.Errorf("%s: no port %s in the pod", name, target)
			}
		}
		if len(list) == 0 || at(kinds[name], "spec selector app.kubernetes.io/name") == nil {
			t.Errorf("%s: %v", name, kinds[name])
		}
	}
	if name := at(pod, "volumes 0 configMap name"); kinds["ConfigMap weir"] == nil || name != "weir" {
		t.Errorf("the pod mounts the map %v", name)
	}
	budget := at(kinds["PodDisruptionBudget weir"], "spec selector matchLabels")
	if labels := at(set, "spec template metadata labels"); labels == nil || !reflect.DeepEqual(budget, labels) || !reflect.DeepEqual(at(set, "spec selector matchLabels"), labels) {
		t.Errorf("selectors: %v, %v, %v", budget, labels, at(set, "spec selector matchLabels"))
	}
}

// port is the number of a port that a configuration listens on.
func port(listen []string) any {
	n, err := strconv.Atoi(listen[0])
	if err != nil {
		return listen[0]
	}
	return n
}
