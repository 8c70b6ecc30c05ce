//! The recipes of image/: version, hashes and commands come from one place, and what they say to kubejoin it understands.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kubejoin::for_tests::cli::{self, Command};

use kubejoin_apiserver::{ApiServer, Options};

use super::builder::Join;
use super::documents::{read, repository};

/// Files below image/ that a machine reads, in their order: no documents, and nothing that a user fills.
fn recipes() -> Vec<(String, String)> {
    let mut found = Vec::new();
    visit(&repository().join("image"), &mut found);
    found.sort();
    let name = |path: &Path| path.strip_prefix(repository()).unwrap().display().to_string();
    let recipes: Vec<_> =
        found.iter().filter_map(|path| Some((name(path), std::fs::read_to_string(path).ok()?))).collect();
    assert!(recipes.len() > 30, "only {} files were found", recipes.len());
    recipes
}

fn visit(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().unwrap() != "dl" {
            visit(&path, found);
        } else if path.is_file() && path.extension().is_none_or(|extension| extension != "md") {
            found.push(path);
        }
    }
}

/// What follows each `mark` of a text, as far as `belongs` says.
fn after<'t>(text: &'t str, mark: &'t str, belongs: fn(char) -> bool) -> Vec<&'t str> {
    let up_to = move |rest: &'t str| rest.split(|c| !belongs(c)).next().unwrap_or_default();
    text.split(mark).skip(1).map(up_to).collect()
}

fn is_of_version(c: char) -> bool {
    c.is_ascii_digit() || c == '.'
}

#[test]
fn recipes_have_the_version_of_cargo_toml() {
    let version = env!("CARGO_PKG_VERSION");
    let mut checked = BTreeSet::new();
    for (name, text) in recipes() {
        let in_names = after(&text, "kubejoin-", is_of_version);
        let in_names = in_names.iter().filter(|found| found.contains('.')).map(|found| found.trim_end_matches('.'));
        let set = after(&text, "KUBEJOIN_VERSION = ", is_of_version);
        for found in in_names.chain(set) {
            assert_eq!(found, version, "{name}");
            checked.insert(name.clone());
        }
    }
    assert!(checked.len() >= 7, "only {checked:?} name a version");
    read(&format!("image/yocto/recipes-containers/kubejoin/kubejoin_{version}.bb"));
}

#[test]
fn recipes_have_the_kubernetes_of_the_tests() {
    let modules = read("tests/peers/kubernetes/go.mod");
    let tested = after(&modules, "k8s.io/kubernetes v", is_of_version)[0];
    let mut checked = 0;
    for (name, text) in recipes().iter().filter(|(name, _)| name.starts_with("image/ignition/")) {
        for mark in ["dl.k8s.io/v", "kubernetes-v"] {
            for found in after(text, mark, is_of_version) {
                assert_eq!(found, tested, "{name}");
                checked += 1;
            }
        }
    }
    assert!(checked >= 7, "only {checked} were found");
}

#[test]
fn an_archive_has_one_hash() {
    let version = env!("CARGO_PKG_VERSION");
    let buildroot = read("image/buildroot/package/kubejoin/kubejoin.hash");
    let yocto = read(&format!("image/yocto/recipes-containers/kubejoin/kubejoin_{version}.bb"));
    for architecture in ["x86_64", "aarch64"] {
        let archive = format!("  kubejoin-{version}-{architecture}-unknown-linux-musl.tar.gz");
        let line = buildroot.lines().find(|line| line.ends_with(&archive)).unwrap();
        let hash = line.split_whitespace().nth(1).unwrap();
        assert_eq!(hash.len(), 64, "{line}");
        assert!(yocto.contains(&format!("SRC_URI[{architecture}.sha256sum] = \"{hash}\"")), "{architecture}: {hash}");
    }
}

/// `kubejoin ensure ...` in units and scripts, and a pasted `kubeadm join ADDRESS ...`.
#[test]
fn commands_of_recipes_are_understood() {
    let mut commands = BTreeMap::new();
    for (name, text) in recipes() {
        let text = text.replace("\\\n", " ");
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            for (written, meant) in [("kubejoin ensure", "kubejoin ensure"), ("kubeadm join 10.", "kubejoin join 10.")]
            {
                let Some((_, rest)) = line.split_once(written) else { continue };
                // A backslash is the line break of a printf.
                // A variable stands for a value.
                let rest = rest.replace('"', "");
                let rest = rest.split(['\'', ';', '|', '&', '<', '>', '`', '\\']).next().unwrap();
                commands.insert(format!("{meant}{rest}"), name.clone());
            }
        }
    }
    let mut understood = 0;
    for (command, name) in commands {
        let parsed = cli::parse(command.split_whitespace().map(Into::into));
        assert!(matches!(parsed, Ok(Command::Join(_) | Command::Ensure(_))), "{name}: {command}: {parsed:?}");
        understood += 1;
    }
    assert!(understood >= 3, "only {understood} commands were found");
    // A flag that does not exist is noticed.
    assert!(cli::parse(["kubejoin", "ensure", "--no-such-flag"].map(Into::into).into_iter()).is_err());
}

#[test]
fn kernel_parameters_of_recipes_exist() {
    let reference = read("src/cli/REFERENCE.md");
    let mut checked = 0;
    for (name, text) in recipes().iter().filter(|(name, _)| name.ends_with("cmdline.txt")) {
        assert_eq!(text.lines().count(), 1, "{name}: the firmware reads one line");
        for found in after(text, "kubejoin.", |c| c.is_ascii_lowercase() || c == '-') {
            assert!(reference.contains(&format!("`kubejoin.{found}=`")), "{name}: kubejoin.{found}");
            checked += 1;
        }
    }
    assert!(checked > 0, "no kernel command line was found");
}

/// Each directory can be used alone, so some files are in several of them.
#[test]
fn copies_of_a_unit_are_the_same() {
    let mut copies: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (name, text) in recipes() {
        let file = name.rsplit('/').next().unwrap().to_owned();
        // That of Ignition is for systems with kubejoin elsewhere.
        if ["kubejoin.service", "kubejoin.tmpfiles"].contains(&file.as_str()) && !name.starts_with("image/ignition/") {
            copies.entry(file).or_default().push((name, text));
        }
    }
    for (file, copies) in &copies {
        assert!(copies.len() >= 2, "{file}: {copies:?}");
        for (name, text) in copies {
            assert!(*text == copies[0].1, "{name} is not {}", copies[0].0);
        }
    }
    assert_eq!(copies.len(), 2);
}

/// What must survive a reboot comes from the program itself, not from memory.
#[test]
fn each_recipe_says_what_must_persist() {
    let server = ApiServer::start(Options::default());
    let ran = Join::to(&server).arg("--dry-run").arg("-o").arg("json").run();
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let files = document["files"].as_array().unwrap();
    let kept = files.iter().filter(|file| file["mustSurviveReboot"] == true).map(|file| file["path"].as_str().unwrap());
    let kept: Vec<_> = kept.collect();
    assert!(kept.len() >= 10, "{kept:?}");

    let mut checked = 0;
    for entry in std::fs::read_dir(repository().join("image")).unwrap() {
        let path = entry.unwrap().path().join("README.md");
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let Some(line) = text.lines().find(|line| line.contains("**Persists**") || line.starts_with("| persists |"))
        else {
            continue;
        };
        let named: Vec<_> = line.split('`').skip(1).step_by(2).collect();
        for file in &kept {
            // Only a join from outside enables the kubelet, by a link.
            let is_link = file.starts_with("/etc/systemd/");
            let is_named = named.iter().any(|directory| Path::new(file).starts_with(directory));
            assert!(is_named || is_link, "{}: {file} is in none of {named:?}", path.display());
        }
        checked += 1;
    }
    assert!(checked >= 6, "only {checked} recipes say it");
}
