# kubejoin, built from this repository: pkgs.callPackage ./package.nix { }
# Version and hashes of dependencies are those of Cargo.toml and Cargo.lock.
{ lib, rustPlatform }:

let
  root = ../..;
in
rustPlatform.buildRustPackage {
  pname = "kubejoin";
  version = (lib.importTOML (root + "/Cargo.toml")).package.version;

  src = lib.fileset.toSource {
    inherit root;
    fileset = lib.fileset.unions (map (path: root + path) [
      "/.cargo"
      "/Cargo.lock"
      "/Cargo.toml"
      "/cross"
      "/src"
      "/tests"
    ]);
  };
  cargoLock.lockFile = root + "/Cargo.lock";
  cargoBuildFlags = [ "--package" "kubejoin" "--bin" "kubejoin" ];
  # They need a network namespace, and are run before a release.
  doCheck = false;
  # It calls itself by the name that it is called by.
  postInstall = "ln -s kubejoin $out/bin/kubeadm";
  # No clock before the build date is believed.
  SOURCE_DATE_EPOCH = "1767225600";

  meta = {
    description = "Makes a machine a Kubernetes node, from an initramfs or at first boot";
    license = lib.licenses.asl20;
    platforms = [ "x86_64-linux" "aarch64-linux" ];
    mainProgram = "kubejoin";
  };
}
