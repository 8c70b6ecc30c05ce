//! Every Markdown document: its links and anchors, its commands, and the paths that it names.

use std::path::{Path, PathBuf};

use kubejoin::for_tests::cli::{self, Command};

/// Commands of other programs that documents show.
const FOREIGN: [&str; 12] = [
    "kubeadm ",
    "kubectl ",
    "git ",
    "ln -s ",
    "curl ",
    "openssl ",
    "cargo test",
    "cargo clippy",
    "cargo fmt",
    "butane ",
    "bitbake-layers ",
    "make BR2_EXTERNAL=",
];

/// Directories that paths in documents begin with.
const DIRECTORIES: [&str; 6] = [".ci/", ".github/", "cross/", "image/", "src/", "tests/"];

/// A Markdown file.
pub struct Document {
    path: PathBuf,
    text: String,
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the repository.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The text between the heading of this name and the next one of the same depth.
pub fn section<'t>(text: &'t str, name: &str) -> &'t str {
    let (_, rest) = text.split_once(&format!("\n## {name}\n")).unwrap_or_else(|| panic!("there is no section {name}"));
    rest.split("\n## ").next().unwrap()
}

/// Compares the generated part `name` of a document with what it should be; writes it where `KUBEJOIN_WRITE_DOCS` is set.
pub fn generated(path: &str, name: &str, expected: &str) {
    let text = read(path);
    let begin = format!("<!-- generated: {name} -->\n");
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{path} has no line {begin}"));
    let (found, after) = rest.split_once("<!-- end -->").unwrap_or_else(|| panic!("{path}: {name} has no end"));
    if std::env::var_os("KUBEJOIN_WRITE_DOCS").is_some() {
        let text = format!("{before}{begin}{expected}<!-- end -->{after}");
        std::fs::write(repository().join(path), text).unwrap();
    } else {
        let refresh = "run with KUBEJOIN_WRITE_DOCS=1 to write it";
        assert!(found == expected, "{path}: {name} is not up to date; {refresh}. It should be:\n\n{expected}");
    }
}

fn documents() -> Vec<Document> {
    let mut found = Vec::new();
    visit(repository(), &mut found);
    assert!(found.len() >= 10, "only {} documents were found", found.len());
    found
}

fn visit(directory: &Path, found: &mut Vec<Document>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_ours = [".ci", ".github"].contains(&name) || !name.starts_with('.') && name != "target";
        if path.is_dir() && is_ours {
            visit(&path, found);
        } else if name.ends_with(".md") {
            found.push(Document { text: std::fs::read_to_string(&path).unwrap(), path });
        }
    }
}

impl Document {
    fn name(&self) -> String {
        self.path.strip_prefix(repository()).unwrap().display().to_string()
    }

    /// The text without blocks of code.
    fn prose(&self) -> String {
        self.text.split("```").step_by(2).collect()
    }

    /// The targets of its links.
    fn links(&self) -> Vec<String> {
        let prose = self.prose();
        prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap().to_owned()).collect()
    }

    /// What stands between single backticks.
    fn code(&self) -> Vec<String> {
        let prose = self.prose();
        prose.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
    }

    /// Its headings as links name them: in lower case, without punctuation, with dashes for spaces.
    fn anchors(&self) -> Vec<String> {
        let prose = self.prose();
        let headings =
            prose.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
        let anchor = |heading: &str| {
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
            kept.collect::<String>().to_lowercase().replace(' ', "-")
        };
        headings.map(anchor).collect()
    }

    /// The lines of its blocks marked `sh`, continued ones joined, without comments.
    fn commands(&self) -> Vec<String> {
        let blocks = self.text.split("\n```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
        let text = blocks.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
        let lines = text.lines().map(|line| line.split(" # ").next().unwrap());
        let commands = lines.flat_map(|line| line.split(';')).map(|command| command.trim().to_owned());
        commands.filter(|command| !command.is_empty()).collect()
    }

    /// Whether a path is there, from the document's own directory or from the root.
    fn has(&self, path: &str) -> bool {
        self.path.with_file_name(path).exists() || repository().join(path).exists()
    }
}

#[test]
fn every_link_leads_somewhere() {
    let documents = documents();
    let mut wrong = Vec::new();
    let mut checked = 0;
    for document in &documents {
        for link in document.links().iter().filter(|link| !link.starts_with("https://")) {
            checked += 1;
            let (path, anchor) =
                link.split_once('#').map_or((link.as_str(), None), |(path, anchor)| (path, Some(anchor)));
            let target = if path.is_empty() { document.path.clone() } else { document.path.with_file_name(path) };
            let is_heading = |anchor: &str| {
                let target = target.canonicalize().unwrap();
                let target = documents.iter().find(|other| other.path.canonicalize().unwrap() == target);
                target.is_some_and(|target| target.anchors().iter().any(|heading| heading == anchor))
            };
            if !target.exists() || !anchor.is_none_or(is_heading) {
                wrong.push(format!("{} links to {link}", document.name()));
            }
        }
    }
    assert!(checked > 20, "only {checked} links were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_path_exists() {
    let mut wrong = Vec::new();
    for document in documents() {
        for code in document.code() {
            let path = code.split_whitespace().next().unwrap_or_default();
            let is_pattern =
                |part: &str| part.contains(['*', '<', '$', '{']) || part.chars().all(|c| c.is_ascii_uppercase());
            let is_ours = DIRECTORIES.iter().any(|directory| path.starts_with(directory));
            if is_ours && !path.trim_end_matches('/').split('/').any(is_pattern) && !document.has(path) {
                wrong.push(format!("{} names {path}", document.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_command_exists() {
    let mut checked = 0;
    for document in documents() {
        for line in document.commands() {
            checked += 1;
            let words = line.split_whitespace().skip_while(|word| is_assignment(word)).collect::<Vec<_>>();
            let name = document.name();
            match words.as_slice() {
                [] => {}
                ["kubejoin", ..] => {
                    let parsed = cli::parse(words.iter().map(Into::into));
                    let is_understood = matches!(
                        parsed,
                        Ok(Command::Join(_)
                            | Command::Reset(_)
                            | Command::Status(_)
                            | Command::Explain(_)
                            | Command::Config(_)
                            | Command::Help(_))
                    );
                    assert!(is_understood, "{name}: {line}: {parsed:?}");
                }
                ["cargo", "run", "--example", example] => {
                    assert!(
                        read("Cargo.toml").contains(&format!("[[example]]\nname = \"{example}\"\n")),
                        "{name}: {line}"
                    );
                }
                [script, ..] if script.contains('/') => assert!(is_executable(script), "{name}: {line}"),
                _ => assert!(
                    FOREIGN.iter().any(|foreign| words.join(" ").starts_with(foreign)),
                    "{name}: {line}: what is this?"
                ),
            }
        }
    }
    assert!(checked > 10, "only {checked} commands were found");
}

/// `NAME=value` before a command.
fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

fn is_executable(script: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let metadata = repository().join(script).metadata();
    metadata.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// The security model names the test of each of its rows, and the reference that of each thing that `ensure` may find.
#[test]
fn every_test_that_a_table_names_exists() {
    for (document, least) in [("src/discovery/README.md", 15), ("src/cli/REFERENCE.md", 17)] {
        let text = read(document);
        let words = text.split('`').skip(1).step_by(2).filter(|code| !code.contains(' '));
        let named: Vec<_> = words.filter_map(|code| code.split_once("::")).collect();
        assert!(named.len() > least, "{document}: the table was not found");
        for (file, test) in named {
            // A check that needs no server stands beside what it checks.
            let places =
                ["tests/join", "src/node", "src/cli", "src/config/tests"].map(|room| format!("{room}/{file}.rs"));
            let found = places.iter().filter_map(|place| std::fs::read_to_string(repository().join(place)).ok());
            assert!(found.collect::<String>().contains(&format!("fn {test}()")), "{document}: {file}::{test}");
        }
    }
}
