// Command yamljson tells how Kubernetes reads a YAML document: it is the oracle for kubejoin's own reader.
//
//	yamljson [--strict] < document.yaml     prints the document as JSON; exit 1 and a message when it is no YAML
//	yamljson [--strict] --lines             reads one JSON string per line, each of them a YAML document, and prints for
//	                                        each one line: {"json": ...} or {"error": "..."}
//
// --strict refuses duplicate keys, as the strict decoders of kubeadm and the kubelet do.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"sigs.k8s.io/yaml"
)

func main() {
	convert, lines := yaml.YAMLToJSON, false
	for _, arg := range os.Args[1:] {
		switch arg {
		case "--strict":
			convert = yaml.YAMLToJSONStrict
		case "--lines":
			lines = true
		default:
			fail(fmt.Errorf("unknown argument %q", arg))
		}
	}
	if lines {
		convertLines(convert)
		return
	}
	document, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	converted, err := convert(document)
	if err != nil {
		fail(err)
	}
	fmt.Printf("%s\n", converted)
}

// answer is one line of output; exactly one of its fields is set.
type answer struct {
	JSON  json.RawMessage `json:"json,omitempty"`
	Error string          `json:"error,omitempty"`
}

func convertLines(convert func([]byte) ([]byte, error)) {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for {
		var document string
		if err := in.Decode(&document); err == io.EOF {
			return
		} else if err != nil {
			fail(err)
		}
		var line answer
		if converted, err := convert([]byte(document)); err != nil {
			line.Error = err.Error()
		} else {
			line.JSON = converted
		}
		if err := out.Encode(line); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "yamljson:", err)
	os.Exit(1)
}
