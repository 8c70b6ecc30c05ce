// Command kubeletpatch tells what kubeadm makes of a directory of patches: it is the oracle for kubejoin's own patches.
//
//	kubeletpatch < cases.jsonl
//
// A case is a line {"name": ..., "target": ..., "files": {NAME: TEXT, ...}}: a KubeletConfiguration, where it is another than
// that of the first case, and the files of the directory given with --patches (NAME may lie in a sub-directory). For each,
// one line is printed, in the same order: the case, and what came of it. That is "set" and "removed", the top-level fields
// that differ from the target; "result" where it is no mapping any more; or "error", the innermost text.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"

	kubeletconfig "k8s.io/kubelet/config/v1beta1"
	"k8s.io/kubernetes/cmd/kubeadm/app/util/patches"
)

type testCase struct {
	Name   string            `json:"name"`
	Target json.RawMessage   `json:"target,omitempty"`
	Files  map[string]string `json:"files"`
	outcome
}

type fields map[string]json.RawMessage

type outcome struct {
	Set     fields          `json:"set,omitempty"`
	Removed []string        `json:"removed,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   string          `json:"error,omitempty"`
}

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	var target json.RawMessage
	for {
		var c testCase
		if err := in.Decode(&c); err == io.EOF {
			return
		} else if err != nil {
			fail(err)
		}
		if target == nil {
			target = c.Target
		}
		given := c.Target
		if given == nil {
			given = target
		}
		if result, err := apply(given, c.Files); err != nil {
			text := err.Error()
			c.outcome = outcome{Error: strings.TrimPrefix(text[strings.LastIndex(text, "\n: ")+1:], ": ")}
		} else {
			c.outcome = compare(given, result)
		}
		if err := out.Encode(c); err != nil {
			fail(err)
		}
	}
}

func compare(target, result json.RawMessage) outcome {
	var before, after fields
	if err := json.Unmarshal(target, &before); err != nil {
		fail(err)
	}
	if json.Unmarshal(result, &after) != nil {
		return outcome{Result: result}
	}
	found := outcome{Set: fields{}}
	for name, value := range after {
		if old, ok := before[name]; !ok || !same(old, value) {
			found.Set[name] = value
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			found.Removed = append(found.Removed, name)
		}
	}
	sort.Strings(found.Removed)
	return found
}

func same(a, b json.RawMessage) bool {
	var left, right any
	if json.Unmarshal(a, &left) != nil || json.Unmarshal(b, &right) != nil {
		return false
	}
	return reflect.DeepEqual(left, right)
}

// apply does what cmd/kubeadm/app/phases/kubelet/config.go does with the directory. Its panics are errors, too.
func apply(target json.RawMessage, files map[string]string) (result json.RawMessage, err error) {
	directory, err := os.MkdirTemp("", "kubeletpatch")
	if err != nil {
		fail(err)
	}
	defer os.RemoveAll(directory)
	defer func() {
		if panicked := recover(); panicked != nil {
			result, err = nil, fmt.Errorf("panic: %v", panicked)
		}
		if err != nil {
			err = fmt.Errorf("%s", strings.ReplaceAll(err.Error(), directory, "DIR"))
		}
	}()
	for name, text := range files {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			fail(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			fail(err)
		}
	}
	all, err := patches.GetPatchManagerForPath(directory, patches.KnownTargets(), io.Discard)
	if err != nil {
		return nil, err
	}
	patched := patches.PatchTarget{
		Name:                      patches.KubeletConfiguration,
		StrategicMergePatchObject: kubeletconfig.KubeletConfiguration{},
		Data:                      target,
	}
	if err := all.ApplyPatchesToTarget(&patched); err != nil {
		return nil, err
	}
	return patched.Data, nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "kubeletpatch:", err)
	os.Exit(1)
}
