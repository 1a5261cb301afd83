package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"go.yaml.in/yaml/v3"
)

// told is what a scrape has: its metrics by all names that a query may use, and all labels.
type told struct{ names, labels map[string]bool }

func whatIsTold(t *testing.T) told {
	all := told{map[string]bool{"up": true}, map[string]bool{"instance": true, "job": true, "le": true}}
	for name, f := range show(t).scrape(t) {
		all.names[name] = f.GetType() != dto.MetricType_HISTOGRAM
		if f.GetType() == dto.MetricType_HISTOGRAM || f.GetType() == dto.MetricType_SUMMARY {
			for _, end := range []string{"_sum", "_count"} {
				all.names[name+end] = true
			}
		}
		if f.GetType() == dto.MetricType_HISTOGRAM {
			all.names[name+"_bucket"] = true
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				all.labels[l.GetName()] = true
			}
		}
	}
	all.labels["quantile"] = true
	return all
}

var (
	text     = regexp.MustCompile(`"[^"]*"`)
	selector = regexp.MustCompile(`\{([^}]*)\}`)
	grouping = regexp.MustCompile(`\b(?:by|on|without|ignoring) *\(([^)]*)\)`)
	span     = regexp.MustCompile(`\[[^\]]*\]`)
	function = regexp.MustCompile(`\b\w+ *\(`)
	word     = regexp.MustCompile(`\b[a-zA-Z_]\w*\b`)
	name     = regexp.MustCompile(`^\w+$`)
)

// read takes the names of metrics and of labels out of an expression of PromQL.
func read(expression string) (metrics, labels []string) {
	rest := text.ReplaceAllString(expression, "")
	for _, part := range []*regexp.Regexp{selector, grouping} {
		for _, m := range part.FindAllStringSubmatch(rest, -1) {
			for pair := range strings.SplitSeq(m[1], ",") {
				if label := strings.TrimRight(strings.TrimSpace(pair), "=~!"); label != "" {
					labels = append(labels, label)
				}
			}
		}
		rest = part.ReplaceAllString(rest, " ")
	}
	for _, part := range []*regexp.Regexp{span, function} {
		rest = part.ReplaceAllString(rest, " ")
	}
	for _, w := range word.FindAllString(rest, -1) {
		if !slices.Contains([]string{"and", "or", "unless", "sum", "max", "min", "avg", "count", "bool"}, w) {
			metrics = append(metrics, w)
		}
	}
	return metrics, labels
}

func TestRead(t *testing.T) {
	metrics, labels := read(`histogram_quantile(0.5, sum by (le, a) (rate(x_bucket{i=~"$i", j!="by (z)"}[$__rate]))) > 0 and on (b) max(y) == 1e3 * sum(z)`)
	if got := strings.Join(metrics, " "); got != "x_bucket y z" && got != "x_bucket y e3 z" {
		t.Errorf("metrics %s", got)
	}
	if got := strings.Join(labels, " "); got != "i j le a b" {
		t.Errorf("labels %s", got)
	}
}

func (all told) check(t *testing.T, where, expression string) {
	t.Helper()
	metrics, labels := read(expression)
	if len(metrics) == 0 {
		t.Errorf("%s: no metric in %s", where, expression)
	}
	for _, m := range metrics {
		if !all.names[m] {
			t.Errorf("%s: %s is not told: %s", where, m, expression)
		}
	}
	for _, l := range labels {
		if !all.labels[l] {
			t.Errorf("%s: nothing has a label %s: %s", where, l, expression)
		}
	}
}

// TestDashboard holds the queries of Grafana's dashboard against what is really told.
func TestDashboard(t *testing.T) {
	raw, err := os.ReadFile("../../deploy/grafana/weir.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		UID    string `json:"uid"`
		Panels []struct {
			ID      int    `json:"id"`
			Type    string `json:"type"`
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
		Templating struct {
			List []struct {
				Name       string `json:"name"`
				Type       string `json:"type"`
				Definition string `json:"definition"`
			} `json:"list"`
		} `json:"templating"`
	}
	if err := json.Unmarshal(raw, &board); err != nil {
		t.Fatal(err)
	}
	all, variables := whatIsTold(t), []string{"__rate_interval"}
	for _, v := range board.Templating.List {
		variables = append(variables, v.Name)
		if v.Type == "query" {
			metric, label, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(v.Definition, "label_values("), ")"), ", ")
			all.check(t, "variable "+v.Name, metric)
			if !all.labels[label] {
				t.Errorf("variable %s: nothing has a label %s", v.Name, label)
			}
		}
	}
	ids, queries := map[int]bool{}, 0
	for _, p := range board.Panels {
		if ids[p.ID] || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %d, %s: it is there twice, or without a query", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, q := range p.Targets {
			queries++
			all.check(t, p.Title, q.Expr)
			for _, m := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(q.Expr, -1) {
				if !slices.Contains(variables, m[1]) {
					t.Errorf("%s: there is no variable %s", p.Title, m[1])
				}
			}
		}
	}
	if queries < 30 || board.UID == "" {
		t.Errorf("%d queries", queries)
	}
}

// TestAlerts does the same with the rules for Prometheus.
func TestAlerts(t *testing.T) {
	raw, err := os.ReadFile("../../deploy/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(raw, &rules); err != nil {
		t.Fatal(err)
	}
	all, names := whatIsTold(t), map[string]bool{}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if names[r.Alert] || !name.MatchString(r.Alert) || r.Labels["severity"] == "" || r.Annotations["summary"] == "" {
				t.Errorf("%+v", r)
			}
			names[r.Alert] = true
			all.check(t, r.Alert, r.Expr)
		}
	}
	for _, want := range []string{"WeirStreamSilent", "WeirPlayersLoseFrames", "WeirForwardDown", "WeirCallbacksFail"} {
		if !names[want] {
			t.Errorf("there is no alert %s", want)
		}
	}
}
