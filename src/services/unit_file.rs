//! Unit files, and their `[Install]` section (systemd.syntax(7), systemd.unit(5)).

/// By whom, and under which other names, a unit wants to be started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Install {
    pub(super) wanted_by: Vec<String>,
    pub(super) required_by: Vec<String>,
    pub(super) upheld_by: Vec<String>,
    pub(super) alias: Vec<String>,
}

impl Install {
    /// Adds what a unit file, or one of its drop-ins, says. An empty assignment takes back what was said before.
    pub(super) fn add(&mut self, text: &str) {
        for (key, value) in assignments(text, "Install") {
            let list = match key.as_str() {
                "WantedBy" => &mut self.wanted_by,
                "RequiredBy" => &mut self.required_by,
                "UpheldBy" => &mut self.upheld_by,
                "Alias" => &mut self.alias,
                _ => continue,
            };
            let words = words(&value);
            if words.is_empty() {
                list.clear();
            }
            list.extend(words);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Install::default()
    }
}

/// The assignments of one section, in their order.
pub(super) fn assignments(text: &str, section: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut is_in = false;
    for line in logical_lines(text) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            is_in = name == section;
        } else if let Some((key, value)) = line.split_once('=').filter(|_| is_in) {
            found.push((key.trim_end().to_owned(), value.to_owned()));
        }
    }
    found
}

/// Lines without comments, continued ones joined: a backslash at the end of a line is a space, and a comment in between
/// is skipped.
pub(super) fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut begun = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        match line.strip_suffix('\\') {
            Some(part) => {
                begun.push_str(part);
                begun.push(' ');
            }
            None => {
                begun.push_str(line);
                lines.push(std::mem::take(&mut begun).trim().to_owned());
            }
        }
    }
    lines.push(begun.trim().to_owned());
    lines
}

/// Words separated by white space; quotes hold one together.
pub(super) fn words(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in value.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Whether this is the name of a unit as it is in directories (systemd.unit(5)), without specifiers.
pub(super) fn is_unit_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    name.len() < 256
        && name.chars().all(good)
        && name
            .rsplit_once('.')
            .is_some_and(|(stem, kind)| !stem.is_empty() && !stem.starts_with('.') && !kind.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_install_section_is_read_as_systemd_reads_it() {
        let text = "\
# WantedBy=comment.target
[Unit]
WantedBy=unit.target
[Install]
WantedBy=multi-user.target  b.target
  ; a comment
WantedBy = c.target \\
# in between
  \"d.target\"
RequiredBy=e.target
RequiredBy=
RequiredBy=f.target
Alias=node-agent.service
Also=other.service
nonsense
[Service]
WantedBy=service.target
";
        let mut install = Install::default();
        install.add(text);
        assert_eq!(install.wanted_by, ["multi-user.target", "b.target", "c.target", "d.target"]);
        assert_eq!(install.required_by, ["f.target"]);
        assert_eq!(install.alias, ["node-agent.service"]);
        assert!(install.upheld_by.is_empty());

        install.add("[Install]\nWantedBy=\nWantedBy=drop-in.target");
        assert_eq!(install.wanted_by, ["drop-in.target"]);
        assert_eq!(install.required_by, ["f.target"]);
    }

    #[test]
    fn unit_names_stay_in_their_directory_and_need_no_expansion() {
        for good in ["multi-user.target", "a@b.service", "x\\x2dy.mount"] {
            assert!(is_unit_name(good), "{good}");
        }
        for bad in
            ["", "target", ".target", "..", "a.", "../a.target", "a/b.target", "%i.target", "a b.target", "a\n.b"]
        {
            assert!(!is_unit_name(bad), "{bad:?}");
        }
    }
}
