//! The name of a Node as a user gives it: the name itself, or one with facts about the machine in braces, so that one image
//! makes a fleet of nodes.

use std::fmt;
use std::str::FromStr;

use super::misprint::Misprint;
use super::node_name::{NodeName, NodeNameError, Reason};

/// The longest name that facts make: the longest label, which `kubernetes.io/hostname` is.
const MAX_LENGTH: usize = 63;

/// A fact about the machine that a name may have in braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFact {
    /// The serial number of the board or machine.
    Serial,
    /// The hardware address of the first wired interface.
    Mac,
    /// The machine-id of the target root.
    MachineId,
    /// What the name is where none is given.
    Hostname,
    /// The UUID of the firmware.
    Uuid,
}

/// Facts by the words that stand in braces.
const FACTS: [(&str, NameFact); 5] = [
    ("serial", NameFact::Serial),
    ("mac", NameFact::Mac),
    ("machine-id", NameFact::MachineId),
    ("hostname", NameFact::Hostname),
    ("uuid", NameFact::Uuid),
];

impl fmt::Display for NameFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = FACTS.iter().find(|(_, fact)| fact == self).map_or("", |(word, _)| *word);
        write!(f, "{{{word}}}")
    }
}

/// A [`NodeName`], or a text with facts in braces that becomes one, such as `edge-{serial}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeNameTemplate(String);

/// In lower case, and checked as far as it can be without the machine: what stands outside of braces fits a name.
impl FromStr for NodeNameTemplate {
    type Err = NodeNameError;

    fn from_str(text: &str) -> Result<Self, NodeNameError> {
        let is_other_template = Misprint::find(text) == Some(Misprint::Template);
        if is_other_template || !text.contains(['{', '}']) {
            return text.parse().map(|name: NodeName| name.into());
        }
        let template = NodeNameTemplate(text.trim().to_lowercase());
        template.fill(|_| Ok::<_, NodeNameError>("0".to_owned()))?;
        Ok(template)
    }
}

/// A name that is made of nothing else.
impl From<NodeName> for NodeNameTemplate {
    fn from(name: NodeName) -> Self {
        NodeNameTemplate(name.to_string())
    }
}

impl NodeNameTemplate {
    /// As given, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, with `value` in the place of each fact. Of a value, each run of characters that a name cannot have becomes
    /// one `-`, and none of them is left at its ends.
    ///
    /// # Errors
    /// Those of `value`, and what makes the result no name of a Node, or longer than a label.
    pub fn fill<E: From<NodeNameError>>(
        &self,
        mut value: impl FnMut(NameFact) -> Result<String, E>,
    ) -> Result<NodeName, E> {
        let fail = |text: &str, reason| E::from(NodeNameError::Form { text: text.to_owned(), reason });
        let mut name = String::new();
        let mut rest = self.0.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            let (before, behind) = rest.split_at(at);
            name.push_str(before);
            let inner = behind.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let (word, after) = inner.ok_or_else(|| fail(&self.0, Reason::Braces))?;
            let fact = FACTS.iter().find(|(known, _)| *known == word).map(|(_, fact)| *fact);
            name.push_str(&fitting(&value(fact.ok_or_else(|| fail(&self.0, Reason::UnknownFact))?)?));
            rest = after;
        }
        let is_made = rest.len() < self.0.len();
        name.push_str(rest);
        if is_made && name.len() > MAX_LENGTH {
            return Err(fail(&name, Reason::LabelLength));
        }
        Ok(name.parse()?)
    }
}

/// A value with nothing in it that a name cannot have.
fn fitting(value: &str) -> String {
    let mut text = String::new();
    for c in value.chars().map(|c| c.to_ascii_lowercase()) {
        match c.is_ascii_alphanumeric() || c == '.' {
            true => text.push(c),
            false if text.ends_with('-') => {}
            false => text.push('-'),
        }
    }
    text.trim_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str, value: &str) -> Result<String, NodeNameError> {
        let template: NodeNameTemplate = template.parse()?;
        template.fill(|fact| Ok(format!("{value}{fact}").replace(['{', '}'], ""))).map(|name| name.to_string())
    }

    #[test]
    fn facts_are_filled_in_and_made_to_fit() {
        let table = [
            ("Edge-{serial}", "10AB", "edge-10abserial"),
            ("{mac}", "dca632-", "dca632-mac"),
            ("{machine-id}.Edge.Example.org", "", "machine-id.edge.example.org"),
            ("{hostname}-{uuid}", "", "hostname-uuid"),
            // A vendor's own characters.
            ("a-{serial}", "VMware-56 4d__/b5:é", "a-vmware-56-4d-b5-serial"),
            ("a-{serial}", ".CN7/ ", "a-cn7-serial"),
            // No template at all.
            (" Pi-1\n", "", "pi-1"),
        ];
        for (template, value, expected) in table {
            assert_eq!(filled(template, value).as_deref(), Ok(expected), "{template} {value}");
        }
    }

    #[test]
    fn what_can_become_no_name_is_refused_before_the_machine_is_known() {
        let long = format!("{}{{mac}}", "a".repeat(63));
        let table = [
            ("edge-{seriel}", Reason::UnknownFact),
            ("edge-{}", Reason::UnknownFact),
            ("edge-{serial", Reason::Braces),
            ("edge-serial}", Reason::Braces),
            ("edge-{{serial}}", Reason::Character('{')),
            ("edge_{serial}", Reason::Character('_')),
            ("-{serial}", Reason::Edge),
            ("{mac}.", Reason::Edge),
            (&long, Reason::LabelLength),
        ];
        for (template, expected) in table {
            let error = template.parse::<NodeNameTemplate>().unwrap_err();
            let NodeNameError::Form { reason, .. } = &error else { panic!("{template}: {error}") };
            assert_eq!(*reason, expected, "{template}");
            assert!(reason != &Reason::UnknownFact || error.to_string().contains("{machine-id}"), "{error}");
        }
        assert!("{{ x }}".parse::<NodeNameTemplate>().unwrap_err().to_string().contains("not been filled in"));
        let template: NodeNameTemplate = "edge-{serial}".parse().unwrap();
        let too_long = template.fill(|_| Ok::<_, NodeNameError>("1".repeat(59))).unwrap_err();
        assert!(too_long.to_string().contains("63 characters"), "{too_long}");
        assert!(template.fill(|_| Ok::<_, NodeNameError>("1".repeat(58))).is_ok());
        // A given name may be longer, as in Kubernetes.
        assert!(format!("{0}.{0}", "a".repeat(40)).parse::<NodeNameTemplate>().is_ok());
        assert_eq!(template.fill(|_| Err(NodeNameError::Empty)), Err(NodeNameError::Empty));
    }
}
