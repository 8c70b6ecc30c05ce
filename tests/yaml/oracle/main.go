// The Go side of the YAML tests: says what sigs.k8s.io/yaml, the library below kubeadm and the kubelet, makes of a text
// or a value.
//
//	oracle golden CASES VALUES   prints golden.json for the texts of CASES and the values of VALUES
//	oracle answer                answers questions, one JSON object a line, until its input ends:
//	                             {"read": TEXT} with {"json": JSON, "strict": BOOL} or {"error": TEXT},
//	                             {"write": JSON} with {"yaml": TEXT} or {"error": TEXT}
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

type question struct {
	Name  string          `json:"name,omitempty"`
	Read  *string         `json:"read,omitempty"`
	Write json.RawMessage `json:"write,omitempty"`
}

type answer struct {
	Name   string          `json:"name,omitempty"`
	JSON   json.RawMessage `json:"json,omitempty"`
	Strict bool            `json:"strict,omitempty"`
	YAML   *string         `json:"yaml,omitempty"`
	Error  bool            `json:"error,omitempty"`
}

func reply(q question) answer {
	if q.Read != nil {
		value, err := yaml.YAMLToJSON([]byte(*q.Read))
		if err != nil {
			return answer{Name: q.Name, Error: true}
		}
		_, strict := yaml.YAMLToJSONStrict([]byte(*q.Read))
		return answer{Name: q.Name, JSON: value, Strict: strict == nil}
	}
	// As yaml.Marshal does it for a value whose numbers are spelled like this.
	in := json.NewDecoder(bytes.NewReader(q.Write))
	in.UseNumber()
	var value any
	check(in.Decode(&value))
	text, err := yaml.Marshal(value)
	if err != nil {
		return answer{Name: q.Name, Error: true}
	}
	out := string(text)
	return answer{Name: q.Name, YAML: &out}
}

// cases splits a file of "=== name" lines, each followed by its text. In a text \r, \t, \0 and \uXXXX between ⟨ and ⟩
// stand for themselves; ⟨cut⟩ takes away the end of its line.
func cases(file string) []question {
	data, err := os.ReadFile(file)
	check(err)
	var all []question
	for _, part := range strings.Split(string(data), "=== ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		text = escapes(strings.ReplaceAll(text, "⟨cut⟩\n", ""))
		all = append(all, question{Name: name, Read: &text})
	}
	return all
}

func escapes(text string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "⟨")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		escaped, after, _ := strings.Cut(rest, "⟩")
		var raw string
		check(json.Unmarshal([]byte(`"`+escaped+`"`), &raw))
		out.WriteString(raw)
		text = after
	}
}

func values(file string) []question {
	data, err := os.ReadFile(file)
	check(err)
	var all []question
	for _, line := range bytes.Split(data, []byte("\n")) {
		if len(line) > 0 {
			all = append(all, question{Name: string(line), Write: line})
		}
	}
	return all
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	if len(os.Args) == 4 && os.Args[1] == "golden" {
		for _, q := range append(cases(os.Args[2]), values(os.Args[3])...) {
			check(out.Encode(reply(q)))
		}
		return
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var q question
		check(json.Unmarshal(in.Bytes(), &q))
		check(out.Encode(reply(q)))
	}
	check(in.Err())
}
