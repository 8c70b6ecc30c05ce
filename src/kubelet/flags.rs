//! `kubeadm-flags.env`: flags that the kubelet's unit adds to its command line
//! (`cmd/kubeadm/app/phases/kubelet/flags.go`, `cmd/kubeadm/app/util/arguments.go`).

use super::go_quote;
use crate::config::Taint;

/// What the kubelet's unit reads from the file.
const VARIABLE: &str = "KUBELET_KUBEADM_ARGS";

/// The file. `socket` is what [`super::cri_socket`] says, `hostname_override` is the node's name where it differs from the
/// host's; the flags that follow from these and from the taints come first, by name, then `extra` in its order. A flag of
/// `extra` replaces a generated one of its name.
pub fn render(
    socket: &[(&str, &str)],
    hostname_override: Option<&str>,
    taints: &[Taint],
    extra: &[(String, String)],
) -> String {
    let taints = taints.iter().map(taint).collect::<Vec<_>>().join(",");
    let socket = socket.iter().map(|(name, value)| (*name, Some(*value)));
    let generated =
        [("hostname-override", hostname_override), ("register-with-taints", (!taints.is_empty()).then_some(&*taints))];
    let kept = socket.chain(generated).filter(|(name, _)| extra.iter().all(|(extra, _)| extra != name));
    let kept = kept.filter_map(|(name, value)| Some((name, value?)));
    let all = kept.chain(extra.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let flags: Vec<String> = all.map(|(name, value)| format!("{name}={value}")).collect();
    file(flags.iter().map(String::as_str))
}

/// The file with these flags, each as `name=value`.
pub fn file<'a>(flags: impl Iterator<Item = &'a str>) -> String {
    let flags: Vec<String> = flags.map(|flag| format!("--{flag}")).collect();
    format!("{VARIABLE}={}\n", go_quote::quoted(&flags.join(" ")))
}

/// The flags of a file, each as `name=value`; `None` where it is not one that a join or kubeadm writes.
pub fn parse(text: &str) -> Option<Vec<String>> {
    let line = text.lines().find_map(|line| line.strip_prefix(VARIABLE)?.strip_prefix('='))?;
    let flags = go_quote::unquoted(line.trim_end())?;
    if flags.is_empty() {
        return Some(Vec::new());
    }
    // A value may hold spaces; a flag begins with dashes.
    let flags = flags.strip_prefix("--")?.split(" --");
    Some(flags.map(|flag| flag.trim_end().to_owned()).collect())
}

/// core/v1 `Taint.ToString`.
fn taint(taint: &Taint) -> String {
    let Taint { key, value, effect } = taint;
    match (value.is_empty(), effect.is_empty()) {
        (true, true) => key.clone(),
        (false, true) => format!("{key}={value}:"),
        (true, false) => format!("{key}:{effect}"),
        (false, false) => format!("{key}={value}:{effect}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taint(key: &str, value: &str, effect: &str) -> Taint {
        Taint { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned() }
    }

    #[test]
    fn generated_flags_come_first_and_give_way_to_the_operator_s() {
        let taints =
            [taint("a", "b", "NoSchedule"), taint("c", "", "NoExecute"), taint("d", "e", ""), taint("f", "", "")];
        let joined = "--register-with-taints=a=b:NoSchedule,c:NoExecute,d=e:,f";
        type Extra<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Option<&str>, &[Taint], Extra<'_>, &str); 7] = [
            (None, &[], &[], ""),
            (Some("node-1"), &[], &[], "--hostname-override=node-1"),
            (None, &taints, &[], joined),
            (Some("node-1"), &taints, &[], &format!("--hostname-override=node-1 {joined}")),
            (None, &[], &[("v", "5"), ("a", ""), ("v", "6")], "--v=5 --a= --v=6"),
            (Some("node-1"), &[], &[("v", "5"), ("hostname-override", "x")], "--v=5 --hostname-override=x"),
            (None, &taints, &[("node-labels", "x=\"y\" z")], &format!("{joined} --node-labels=x=\\\"y\\\" z")),
        ];
        for (name, taints, extra, flags) in cases {
            let extra: Vec<_> = extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let file = render(&[], name, taints, &extra);
            assert_eq!(file, format!("KUBELET_KUBEADM_ARGS=\"{flags}\"\n"));
            assert_eq!(super::file(parse(&file).unwrap().iter().map(String::as_str)), file);
        }
    }
}
