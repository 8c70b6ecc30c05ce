// Prints the bootstrap data that Cluster API's kubeadm bootstrap provider (CABPK) makes for a worker:
//
//	bootstrapdata TEMPLATE VERSION ENDPOINT TOKEN HASH
//
// TEMPLATE is a KubeadmConfigTemplate, read as strictly as the API server reads it; VERSION the Machine's Kubernetes. What
// the provider adds itself (discovery, its taint) is added here by the same types and functions.
package main

import (
	"fmt"
	"os"

	"github.com/blang/semver/v4"
	corev1 "k8s.io/api/core/v1"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/cloudinit"
	"sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/ignition"
	kubeadmtypes "sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/types"
	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: bootstrapdata TEMPLATE VERSION ENDPOINT TOKEN HASH")
		os.Exit(2)
	}
	data, err := bootstrapData(os.Args[1], os.Args[2], bootstrapv1.BootstrapTokenDiscovery{
		APIServerEndpoint: os.Args[3], Token: os.Args[4], CACertHashes: []string{os.Args[5]},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Stdout.Write(data)
}

func bootstrapData(path, version string, discovery bootstrapv1.BootstrapTokenDiscovery) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var template bootstrapv1.KubeadmConfigTemplate
	if err := yaml.UnmarshalStrict(text, &template); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	spec := template.Spec.Template.Spec
	join := spec.JoinConfiguration.DeepCopy()
	join.Discovery.BootstrapToken = discovery
	taints := []corev1.Taint{clusterv1.NodeUninitializedTaint}
	if join.NodeRegistration.Taints != nil {
		taints = append(*join.NodeRegistration.Taints, taints...)
	}
	join.NodeRegistration.Taints = &taints
	parsed, err := semver.ParseTolerant(version)
	if err != nil {
		return nil, err
	}
	configuration, err := kubeadmtypes.MarshalJoinConfigurationForVersion(join, parsed)
	if err != nil {
		return nil, err
	}
	input := &cloudinit.NodeInput{
		BaseUserData: cloudinit.BaseUserData{
			AdditionalFiles:     spec.Files,
			BootCommands:        spec.BootCommands,
			PreKubeadmCommands:  spec.PreKubeadmCommands,
			PostKubeadmCommands: spec.PostKubeadmCommands,
			KubernetesVersion:   parsed,
		},
		JoinConfiguration: configuration,
	}
	if spec.Verbosity != nil {
		input.KubeadmVerbosity = fmt.Sprintf("--v %d", *spec.Verbosity)
	}
	if spec.Format == bootstrapv1.Ignition {
		data, warnings, err := ignition.NewNode(&ignition.NodeInput{NodeInput: input, Ignition: &spec.Ignition})
		if err == nil && warnings != "" {
			err = fmt.Errorf("%s: %s", path, warnings)
		}
		return data, err
	}
	return cloudinit.NewNode(input)
}
