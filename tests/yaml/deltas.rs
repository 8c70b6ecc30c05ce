//! Where the module `yaml` and Go differ on purpose; an unused row fails the test.

/// What a text gives here although Go says something else.
pub enum Here {
    /// Go reads it, `yaml` does not.
    Refused,
    /// Go refuses it; `yaml` reads this JSON.
    Read(&'static str),
}

/// Case of `cases.txt`, what happens here, and why that is right.
pub const READING: &[(&str, Here, &str)] = &[
    ("tag binary", Here::Refused, "bytes need not be text, and no Kubernetes file has them"),
    ("tab between", Here::Refused, "saphyr-parser wants a space behind the colon; an error beats a guess"),
    ("comment without space", Here::Refused, "YAML 1.2 wants white space before a comment"),
    ("bom at a line's start", Here::Refused, "YAML 1.2 allows it only between documents; Go makes it part of the key"),
    ("next line character", Here::Refused, "ends a line in YAML 1.1 only: Go would read something else"),
    ("line separator", Here::Refused, "ends a line in YAML 1.1 only: Go would read something else"),
    ("version directive 1.2", Here::Read(r#"{"a":true}"#), "the directive changes nothing here"),
    ("escaped slash", Here::Read(r#""a/b""#), "YAML 1.2 and JSON; no other reading is possible"),
    ("tab after dash", Here::Read(r#"["a"]"#), "YAML 1.2; no other reading is possible"),
    (
        "colon before a comma",
        Here::Read(r#"[{"a":null},{"b":null,"c":"d"}]"#),
        "YAML 1.2; the colon is no part of the word",
    ),
    ("question mark in a flow mapping", Here::Read(r#"{"?a":1}"#), "YAML 1.2; a key's sign is followed by a blank"),
    ("tag before a comma", Here::Read(r#"["","b"]"#), "YAML 1.2; a comma ends a tag"),
    ("colon in an anchor", Here::Read(r#"{"a":"d"}"#), "YAML 1.2; an anchor ends at white space"),
    ("tab on empty line", Here::Read(r#"{"a":1,"b":2}"#), "YAML 1.2; no other reading is possible"),
];

/// Value of `values.jsonl`, the text here, and why it is not Go's.
pub const WRITING: &[(&str, &str, &str)] = &[
    ("-0.0", "0\n", "Go's JSON encoder has already made it -0, an integer, when it reaches YAML"),
    ("1000000.0", "1000000\n", "Go's JSON encoder never writes a whole number with a point"),
    (r#""<<""#, "\"<<\"\n", "quoted everywhere: as a key Go would merge"),
    (r#"{"<<":{"a":1}}"#, "\"<<\":\n  a: 1\n", "Go would merge what it has written"),
    (r#""\u0085""#, "\"\\N\"\n", "Go writes it raw and reads it back as a space"),
    (r#""\u2028""#, "\"\\L\"\n", "a line break in YAML 1.1 only; escaped, every reader agrees"),
];
