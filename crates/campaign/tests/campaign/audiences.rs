//! The limits of audiences, and findings about misspelt names in them.

use source::Severity;

use crate::folder::Folder;

#[test]
fn audiences_that_grow_exponentially_are_refused() {
    let folder = Folder::new();
    for level in 0..16 {
        let uses = (0..10).map(|_| format!("{{ audience = \"a{}\" }},", level + 1)).collect::<String>();
        let rules = if level < 15 { format!("all = [{uses}]") } else { String::new() };
        folder.write(&format!("audiences/a{level}.toml"), format!("title = \"A\"\n{rules}\n"));
    }
    let (workspace, findings) = folder.load();
    assert!(findings.errors().any(|finding| finding.code == "audience-too-big"));
    assert!(!workspace.unwrap().audiences.contains_key("a0"));
}

#[test]
fn limits_include_the_audiences_that_are_used() {
    let folder = Folder::new();
    let file = |name: &str, rules: &str| {
        folder.write(&format!("audiences/{name}.toml"), format!("title = \"A\"\n{rules}\n"));
    };
    let too_big = || {
        let (_, findings) = folder.load();
        let found = findings.errors().filter(|finding| finding.code == "audience-too-big");
        found.map(|finding| finding.message.clone()).collect::<Vec<_>>()
    };
    let many = |count: usize| format!("any = [{}]", "{ event = \"x\" },".repeat(count));
    for name in ["one", "two"] {
        file(name, &many(497));
    }
    let uses = "any = [{ audience = \"one\" }, { audience = \"two\" }]";
    file("both", uses);
    assert_eq!(too_big(), [""; 0], "999 and the group of both");
    file("two", &many(500));
    assert_eq!(
        too_big(),
        ["with the audiences it uses, `both` has 1002 conditions and groups, 4 levels deep"]
    );
    file("two", &many(1));
    // The nesting depth counts across files.
    let nested = |levels: usize, rule: &str| {
        format!("all = [{}{rule}{}]", "{ any = [".repeat(levels - 1), "] }".repeat(levels - 1))
    };
    file("one", &nested(15, "{ event = \"x\" }"));
    file("both", &nested(15, "{ audience = \"one\" }"));
    assert_eq!(too_big(), [""; 0], "15 and the name, 15 and the event");
    file("both", &nested(16, "{ audience = \"one\" }"));
    assert_eq!(too_big().len(), 1);
}

#[test]
fn misspelt_attribute_names_are_reported() {
    let folder = Folder::new();
    let found = |rule: &str| {
        folder.write("audiences/everyone.toml", format!("title = \"E\"\nall = [{rule}]\n"));
        let (_, findings) = folder.load();
        let found = findings.iter().filter(|finding| finding.file.ends_with("everyone.toml"));
        found.map(|finding| (finding.severity, finding.code)).collect::<Vec<_>>()
    };
    assert_eq!(
        found("{ attribute = \"teir\", is_not = \"gold\" }"),
        [(Severity::Warning, "undeclared-attribute")]
    );
    assert_eq!(
        found("{ attribute = \"langauge\", is = \"en\" }"),
        [(Severity::Warning, "undeclared-attribute")]
    );
    assert_eq!(found("{ attribute = \"first_name\", is = \"Ada\" }"), []);
    assert_eq!(found("{ attribute = \"consent\", is = \"yes\" }"), [(Severity::Error, "no-attribute")]);
    for text in ["is = \"\\u0000\"", "contains = \"a\\u0000\"", "in = [\"b\", \"\\u0000\"]"] {
        let rule = format!("{{ attribute = \"tier\", {text} }}");
        assert_eq!(found(&rule), [(Severity::Error, "bad-text")], "{rule}");
    }
}

#[test]
fn groups_and_rules_are_bounded() {
    let folder = Folder::new();
    let nested = |depth: usize| {
        format!(
            "all = [{}{}]",
            "{ any = [".repeat(depth),
            "{ event = \"x\" }".to_owned() + &"] }".repeat(depth)
        )
    };
    let codes = |rules: String| {
        folder.write("audiences/everyone.toml", format!("title = \"E\"\n{rules}\n"));
        folder
            .load()
            .1
            .errors()
            .filter(|finding| finding.file.ends_with("everyone.toml"))
            .map(|finding| finding.code)
            .collect::<Vec<_>>()
    };
    assert_eq!(codes(nested(15)), [""; 0]);
    assert_eq!(codes(nested(16)), ["too-deep"]);
    let many = |count: usize| format!("all = [{}]", "{ event = \"x\" },".repeat(count));
    assert_eq!(codes(many(500)), [""; 0]);
    assert_eq!(codes(many(501)), ["too-many-rules"]);
}
