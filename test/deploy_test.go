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
	compose(t, "../deploy/compose", 3, 6)
}

// TestComposeCluster holds the same of the cluster on one machine: each server's configuration is that of a part of it.
func TestComposeCluster(t *testing.T) {
	for _, part := range []string{"origin", "edge"} {
		clean(t, "../deploy/compose/cluster/conf/"+part+".conf")
	}
	compose(t, "../deploy/compose/cluster", 5, 4)
	services, _ := documents(t, "../deploy/compose/cluster/docker-compose.yml")[0]["services"].(map[string]any)
	edge, err := config.Load(config.Options{File: "../deploy/compose/cluster/conf/edge.conf"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := edge.Vhost("").Cluster
	for _, at := range append(slices.Clone(c.Origin), strings.TrimSuffix(strings.TrimPrefix(c.Registry, "redis://"), "/0")) {
		name, _, _ := strings.Cut(at, ":")
		if services[name] == nil {
			t.Errorf("the edge knows %s, which is no service", at)
		}
	}
}

// compose holds that the files that a compose file mounts exist.
func compose(t *testing.T, dir string, least, mounted int) {
	t.Helper()
	doc := documents(t, dir+"/docker-compose.yml")[0]
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
			} else if _, err := os.Stat(dir + "/" + from); err != nil {
				t.Error(err)
			}
		}
	}
	if len(services) != least || mounts < mounted {
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
	for probe, path := range map[string]string{"startupProbe": "/api/v1/versions", "livenessProbe": "/api/v1/versions", "readinessProbe": "/health"} {
		if at(pod, "containers 0 "+probe+" httpGet path") != path || at(pod, "containers 0 "+probe+" httpGet port") != "api" {
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

// TestKubernetesCluster holds together what the manifests of a cluster say of each other and of the configurations.
func TestKubernetesCluster(t *testing.T) {
	files, err := filepath.Glob("../deploy/kubernetes/cluster/*.yaml")
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	kinds := map[string]map[string]any{}
	for _, file := range files {
		for _, doc := range documents(t, file) {
			kinds[doc["kind"].(string)+" "+at(doc, "metadata name").(string)] = doc
		}
	}
	for name, kind := range map[string]string{"weir-origin": "StatefulSet", "weir-edge": "Deployment"} {
		conf, _ := at(kinds["ConfigMap "+name], "data weir.conf").(string)
		path := filepath.Join(t.TempDir(), "weir.conf")
		if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		clean(t, path)
		c, err := config.Load(config.Options{File: path}, nil)
		if err != nil {
			t.Fatal(err)
		}
		v := c.Vhost("")
		if v.Cluster.Registry != "redis://weir-redis:6379/0" || kinds["Service weir-redis"] == nil || kinds["StatefulSet weir-redis"] == nil {
			t.Errorf("%s: the registry %s", name, v.Cluster.Registry)
		}
		if want := "dns://weir-origins:1935"; name == "weir-edge" && (!v.Cluster.Remote() || !slices.Contains(v.Cluster.Origin, want) || kinds["Service weir-origins"] == nil) {
			t.Errorf("the edge's origins %v", v.Cluster.Origin)
		}
		set := kinds[kind+" "+name]
		pod := at(set, "spec template spec")
		ports := map[string]any{}
		list, _ := at(pod, "containers 0 ports").([]any)
		for _, p := range list {
			ports[at(p, "name").(string)] = at(p, "containerPort")
		}
		if ports["rtmp"] != port(c.Listen) || ports["api"] != port(c.HTTPAPI.Listen) || ports["metrics"] != port(c.Exporter.Listen) ||
			c.HTTPServer.Enabled && ports["http"] != port(c.HTTPServer.Listen) {
			t.Errorf("%s: the pod opens %v", name, ports)
		}
		labels := at(set, "spec template metadata labels")
		for what, selector := range map[string]any{
			"its own": at(set, "spec selector matchLabels"), "the budget's": at(kinds["PodDisruptionBudget "+name], "spec selector matchLabels"),
		} {
			if labels == nil || !reflect.DeepEqual(selector, labels) {
				t.Errorf("%s: %s selector is %v, and the labels are %v", name, what, selector, labels)
			}
		}
		if at(pod, "volumes 0 configMap name") != name || at(pod, "containers 0 lifecycle preStop exec command 1") != "drain" {
			t.Errorf("%s: the pod %v", name, pod)
		}
		if grace, _ := at(pod, "terminationGracePeriodSeconds").(int); float64(grace) <= 2*(c.GraceStartWait+c.GraceFinalWait).Seconds() {
			t.Errorf("%s: %d s are too few to drain", name, grace)
		}
	}
	for name, target := range map[string]string{"weir-origins": "weir-origin", "weir-edge": "weir-edge"} {
		selector, _ := at(kinds["Service "+name], "spec selector app.kubernetes.io/name").(string)
		if selector != target {
			t.Errorf("the service %s is of %q", name, selector)
		}
	}
	scaler := kinds["HorizontalPodAutoscaler weir-edge"]
	if at(scaler, "spec scaleTargetRef name") != "weir-edge" || at(scaler, "spec metrics 0 pods metric name") != "weir_viewers" {
		t.Errorf("the scaler: %v", scaler)
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
