# A NixOS module: imports = [ ./module.nix ]; services.kubejoin = { enable = true; ... };
{ config, lib, pkgs, ... }:

let
  cfg = config.services.kubejoin;
  # JSON is YAML.
  settings = pkgs.writeText "kubejoin.yaml" (builtins.toJSON ({
    apiVersion = "kubeadm.k8s.io/v1beta4";
    kind = "JoinConfiguration";
  } // cfg.settings));
in
{
  options.services.kubejoin = {
    enable = lib.mkEnableOption "joining this machine to a Kubernetes cluster at its first boot";

    package = lib.mkOption {
      type = lib.types.package;
      default = pkgs.callPackage ./package.nix { };
      defaultText = lib.literalExpression "pkgs.callPackage ./package.nix { }";
      description = "kubejoin itself.";
    };

    kubernetes = lib.mkOption {
      type = lib.types.package;
      default = pkgs.kubernetes;
      defaultText = lib.literalExpression "pkgs.kubernetes";
      description = "Where the kubelet comes from; it has to be 1.34 or newer.";
    };

    settings = lib.mkOption {
      type = lib.types.attrs;
      default = { };
      example.discovery.bootstrapToken = {
        apiServerEndpoint = "10.0.0.1:6443";
        caCertHashes = [ "sha256:..." ];
      };
      description = "Fields of the JoinConfiguration. Everybody can read them, so no token belongs here.";
    };

    tokenFile = lib.mkOption {
      type = lib.types.nullOr lib.types.str;
      default = null;
      example = "/run/secrets/kubejoin.token";
      description = "File with the token, not in the store; it may be missing once the machine has joined. Credentials of the machine named kubejoin.* need no option.";
    };
  };

  config = lib.mkIf cfg.enable {
    virtualisation.containerd.enable = true;
    boot.kernel.sysctl."net.ipv4.ip_forward" = 1;
    boot.kernelModules = [ "br_netfilter" "overlay" ];
    environment.systemPackages = [ cfg.package ];
    environment.etc."kubejoin/kubejoin.yaml".source = settings;

    systemd.tmpfiles.rules = [
      "d /etc/kubernetes 0755"
      "d /var/lib/kubelet 0700"
    ];

    systemd.services.kubejoin = {
      description = "Join this machine to its Kubernetes cluster";
      wantedBy = [ "multi-user.target" ];
      # The kubelet's job waits until its files are there.
      before = [ "kubelet.service" ];
      after = [ "containerd.service" ];
      wants = [ "network-online.target" ];
      startLimitIntervalSec = 0;
      path = [ cfg.kubernetes pkgs.util-linux pkgs.systemd ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        NotifyAccess = "main";
        ExecStart = "${cfg.package}/bin/kubejoin ensure"
          + lib.optionalString (cfg.tokenFile != null) " --token-file ${cfg.tokenFile}";
        ImportCredential = "kubejoin.*";
        TimeoutStartSec = "infinity";
        # 3 is "not yet". Every other exit status needs a person.
        Restart = "on-failure";
        RestartPreventExitStatus = "1 2 4 5 6 7";
        RestartSec = 10;
      };
    };

    systemd.services.kubelet = {
      description = "kubelet: The Kubernetes Node Agent";
      wantedBy = [ "multi-user.target" ];
      after = [ "containerd.service" "network-online.target" ];
      wants = [ "network-online.target" ];
      # Before the join there is nothing to start it with.
      unitConfig.ConditionPathExists = "/var/lib/kubelet/config.yaml";
      path = [ pkgs.util-linux pkgs.iproute2 pkgs.iptables pkgs.ethtool pkgs.socat ];
      serviceConfig = {
        EnvironmentFile = "-/var/lib/kubelet/kubeadm-flags.env";
        ExecStart = "${cfg.kubernetes}/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf"
          + " --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml $KUBELET_KUBEADM_ARGS";
        Restart = "always";
        RestartSec = 10;
      };
    };
  };
}
