//! The guide: the code blocks of README.md and docs/ are run as their info strings say.
//!
//! Each page has a workspace, made by `chorus init`, and its blocks run from top to bottom:
//!
//! - `toml file=PATH` and the like for other languages: the block is written to PATH.
//! - `toml add=PATH`: the block is added to a file; tables and keys that it names are replaced.
//! - `toml when`: each line is the `when` of a step of a campaign, which is then checked.
//! - `toml rules`: each line is a rule of an audience, which is then checked and counted.
//! - `sh`: each line that begins with `chorus ` is run and exits with 0, or as `# exit N` says.
//!   Lines of `cargo` and `cd` are not run. `chorus send` gets `--yes`, since no one answers its
//!   question, and `chorus serve` is stopped when it is ready.
//! - `text output`: each line is part of the output of the last command; `…` stands for any text.
//! - `LANGUAGE shown`: the block is not run, for example a command of another program.
//!
//! At the end of a page `chorus check` exits with 0.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use campaign::network::NETWORKS;
use serde_json::Value;
use tests::{Sandbox, Tools};

use crate::dkim::keys::Keys;
use crate::fixture;

/// Maximum number of blocks that are not run, in all pages together.
const MAX_SHOWN: usize = 10;

/// Blocks that another test runs (`operations::guide`), by page and info string.
const RUN_ELSEWHERE: [(&str, &str); 2] = [("docs/operations.md", "toml"), ("docs/operations.md", "json")];

/// A fenced code block of a page.
#[derive(Debug)]
pub(crate) struct Block {
    /// The number of the line of its opening fence, from 1.
    line: usize,
    /// The text after the opening fence.
    pub(crate) info: String,
    /// The lines between the fences.
    pub(crate) text: String,
}

/// Returns the code blocks of a page, from the top.
pub(crate) fn blocks(page: &str) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in page.lines().enumerate() {
        let fence = line.strip_prefix("```");
        if let Some(mut block) = open.take() {
            if fence == Some("") {
                blocks.push(block);
            } else {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
        } else if let Some(info) = fence {
            open = Some(Block { line: number + 1, info: info.trim().to_owned(), text: String::new() });
        }
    }
    if let Some(block) = open {
        bail!("the block in line {} is not closed", block.line);
    }
    Ok(blocks)
}

/// Returns the pages of the guide, sorted, as paths relative to the repository.
fn pages() -> Vec<String> {
    let mut found = vec!["README.md".to_owned()];
    let mut folders = vec!["docs".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(fixture::repository().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if Path::new(&path).extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Reads a page of the guide.
pub(crate) fn read(page: &str) -> String {
    fs::read_to_string(fixture::repository().join(page)).unwrap()
}

/// One part of a TOML file: the lines before the first table, or a table with its header.
#[derive(Debug, Default)]
struct Section {
    /// The name in the header; `None` for the lines before the first table and for `[[…]]`.
    table: Option<String>,
    text: String,
}

/// Splits a TOML file at the headers of its tables. The first section has no header.
fn sections(toml: &str) -> Vec<Section> {
    let mut sections = vec![Section::default()];
    for line in toml.lines() {
        if line.starts_with('[') {
            let name = line.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name);
            let table = name.filter(|name| !name.starts_with('[')).map(|name| name.trim().to_owned());
            sections.push(Section { table, text: String::new() });
        }
        if let Some(section) = sections.last_mut() {
            section.text.push_str(line);
            section.text.push('\n');
        }
    }
    sections
}

/// Returns the key that a line of TOML sets, if it sets one.
fn key(line: &str) -> Option<&str> {
    let (key, _) = line.split_once('=')?;
    let key = key.trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (!line.starts_with(' ') && !key.is_empty() && key.chars().all(fits)).then_some(key)
}

/// Adds a block to a TOML file. A table of the block replaces the table of that name and all below
/// it; a key before the first table replaces the line of that key.
fn merged(file: &str, block: &str) -> String {
    let (old, new) = (sections(file), sections(block));
    let tables: Vec<&str> = new.iter().filter_map(|section| section.table.as_deref()).collect();
    let is_replaced = |section: &&Section| {
        section.table.as_deref().is_some_and(|name| {
            tables.iter().any(|table| {
                name.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        })
    };
    let keys: BTreeSet<&str> = new[0].text.lines().filter_map(key).collect();
    let kept_lines = old[0].text.lines().filter(|line| key(line).is_none_or(|key| !keys.contains(key)));
    let mut text = new[0].text.clone();
    for line in kept_lines {
        text.push_str(line);
        text.push('\n');
    }
    for section in old.iter().skip(1).filter(|section| !is_replaced(section)) {
        text.push_str(&section.text);
    }
    text.push('\n');
    for section in new.iter().skip(1) {
        text.push_str(&section.text);
    }
    text
}

/// Splits the first command of a line into words, as a shell does. Quotes join words; the command
/// ends before `&&` and before a comment.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote): (Option<String>, Option<char>) = (None, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    let end = words.iter().position(|word| word == "&&").unwrap_or(words.len());
    words.truncate(end);
    words
}

/// Returns the exit code that a line expects: `# exit 1`, otherwise 0.
fn expected_exit(line: &str) -> Option<i32> {
    match line.split_once("# exit ") {
        Some((_, rest)) => rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok(),
        None => Some(0),
    }
}

/// Returns the lines of a fragment without comments, empty lines and final commas.
fn fragment_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(|line| line.split(" # ").next().unwrap_or_default().trim().trim_end_matches(','))
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Returns true if a line of `output` contains the parts of `line` between `…`, in their order.
fn is_in(output: &str, line: &str) -> bool {
    output.lines().any(|shown| {
        let mut rest = Some(shown);
        for part in line.trim().split('…') {
            rest = rest.and_then(|rest| rest.split_once(part)).map(|(_, after)| after);
        }
        rest.is_some()
    })
}

/// The campaign around the `when` of fragments, whose steps follow.
const CAMPAIGN: &str = r#"title    = "Fragments"
audience = "everyone"
starts   = 2027-01-01

[message]
subject        = "Hello"
headline       = "Hello"
body           = "Hello"
call_to_action = "Look"
link           = "https://example.com/hello"

[[steps]]
id       = "mail"
channel  = "email"
template = "newsletter"
"#;

/// A page whose blocks are run.
struct Page {
    sandbox: Sandbox,
    path: String,
    /// The output of the last command, standard output first.
    output: Option<String>,
    /// Number of files made of fragments.
    fragments: usize,
}

impl Page {
    /// Creates the workspace of a page. Every `${NAME}` in the page has a value in its environment.
    fn new(tools: &Tools, keys: &Keys, path: &str, text: &str) -> Result<Self> {
        let mut variables = vec![("LC_ALL".to_owned(), "C.UTF-8".to_owned())];
        for rest in text.split("${").skip(1) {
            let name = rest.split('}').next().unwrap_or_default();
            let value = match name {
                name if name.ends_with("_URL") => "https://hooks.example/services/1",
                name if name.ends_with("_SECRET") => "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
                "DKIM_KEY" => keys.pem("rsa_pkcs8"),
                _ => "a-value",
            };
            if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                variables.push((name.to_owned(), value.to_owned()));
            }
        }
        let sandbox = Sandbox::empty(&tools.chorus)?.with_env(variables);
        sandbox.chorus_ok(&["init", "."])?;
        let page = Self { sandbox, path: path.to_owned(), output: None, fragments: 0 };
        page.write("chorus.toml", &fs::read_to_string(page.sandbox.path().join("chorus.toml"))?)?;
        Ok(page)
    }

    /// Writes a file of the workspace, with the sandbox's port in chorus.toml.
    fn write(&self, file: &str, text: &str) -> Result<()> {
        if file == "chorus.toml" {
            let listen = format!("127.0.0.1:{}", self.sandbox.port);
            return self.sandbox.write(file, &text.replace("127.0.0.1:8080", &listen));
        }
        self.sandbox.write(file, text)
    }

    /// Runs a block as its info string says.
    fn run(&mut self, block: &Block) -> Result<()> {
        let (language, how) = block.info.split_once(' ').unwrap_or((block.info.as_str(), ""));
        match (language, how) {
            ("sh", "") => block.text.lines().try_for_each(|line| self.command(line)),
            ("text", "output") => self.check_output(&block.text),
            ("toml", "when") => self.check_schedules(&block.text),
            ("toml", "rules") => self.check_rules(&block.text),
            (_, "shown") => Ok(()),
            _ if RUN_ELSEWHERE.contains(&(self.path.as_str(), block.info.as_str())) => Ok(()),
            ("toml", how) if how.starts_with("add=") => {
                let file = how.trim_start_matches("add=");
                let old = fs::read_to_string(self.sandbox.path().join(file)).context("no such file")?;
                self.write(file, &merged(&old, &block.text))
            }
            (_, how) if how.starts_with("file=") => self.write(how.trim_start_matches("file="), &block.text),
            _ => bail!("the info string {:?} does not say how the block is run", block.info),
        }
    }

    /// Runs a line of a shell block.
    fn command(&mut self, line: &str) -> Result<()> {
        let line = line.trim();
        if !line.starts_with("chorus ") {
            let passed =
                line.is_empty() || ["#", "cargo ", "cd "].iter().any(|start| line.starts_with(start));
            ensure!(passed, "{line:?} is no command of chorus; such a block is `sh shown`");
            return Ok(());
        }
        let mut words = words(line).split_off(1);
        if words == ["serve"] {
            return self.sandbox.serve()?.stop();
        }
        let answered = ["--yes", "-y", "--dry-run"];
        if words[0] == "send" && !words.iter().any(|word| answered.contains(&word.as_str())) {
            words.push("--yes".to_owned());
        }
        let args: Vec<&str> = words.iter().map(String::as_str).collect();
        let ran = self.sandbox.chorus(&args)?;
        ensure!(
            ran.code == expected_exit(line),
            "{line:?} ended with {:?}\n{}\n{}",
            ran.code,
            ran.out,
            ran.err
        );
        self.output = Some(ran.out + &ran.err);
        Ok(())
    }

    fn check_output(&self, expected: &str) -> Result<()> {
        let output = self.output.as_deref().context("no command stands before this output")?;
        for line in expected.lines().filter(|line| !line.trim().is_empty()) {
            ensure!(is_in(output, line), "{line:?} is not in the output:\n{output}");
        }
        Ok(())
    }

    /// Checks a campaign with a step for each line.
    fn check_schedules(&mut self, lines: &str) -> Result<()> {
        self.fragments += 1;
        let step = |(number, line): (usize, &str)| {
            format!(
                "\n[[steps]]\nid = \"step-{number}\"\nchannel = \"email\"\ntemplate = \"newsletter\"\n\
                 when = {{ {line} }}\n"
            )
        };
        let steps: String = fragment_lines(lines).enumerate().map(step).collect();
        self.write(&format!("campaigns/fragments-{}.toml", self.fragments), &format!("{CAMPAIGN}{steps}"))?;
        self.sandbox.chorus_ok(&["check"])?;
        Ok(())
    }

    /// Checks and counts an audience whose rules are the lines.
    fn check_rules(&mut self, lines: &str) -> Result<()> {
        self.fragments += 1;
        let rules: String = fragment_lines(lines).map(|line| format!("  {line},\n")).collect();
        let name = format!("fragments-{}", self.fragments);
        let audience = format!("title = \"Fragments\"\nall = [\n{rules}]\n");
        self.write(&format!("audiences/{name}.toml"), &audience)?;
        self.sandbox.chorus_ok(&["check"])?;
        self.sandbox.chorus_ok(&["audiences", "size", &name])?;
        Ok(())
    }
}

/// Runs the blocks of a page, and checks its workspace at the end.
fn run(tools: &Tools, keys: &Keys, path: &str) -> Result<()> {
    let text = read(path);
    let mut page = Page::new(tools, keys, path, &text)?;
    for block in blocks(&text).with_context(|| path.to_owned())? {
        page.run(&block).with_context(|| format!("{path}:{}", block.line))?;
    }
    page.sandbox.chorus_ok(&["check"]).with_context(|| format!("{path}: at its end"))?;
    Ok(())
}

/// Runs pages, and fails with the errors of all of them.
fn run_all(pages: &[String]) {
    assert!(!pages.is_empty());
    let tools = fixture::tools();
    let keys = Keys::make(&tools);
    let errors = pages.iter().filter_map(|page| run(&tools, &keys, page).err());
    let errors: Vec<String> = errors.map(|error| format!("{error:#}")).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n\n"));
}

#[test]
fn the_examples_of_the_guide_work() {
    let (guide, channels): (Vec<_>, Vec<_>) =
        pages().into_iter().partition(|page| !page.starts_with("docs/channels/"));
    assert!(guide.len() > 8 && channels.len() > NETWORKS.len(), "{guide:?} {channels:?}");
    run_all(&guide);
}

#[test]
fn the_examples_of_the_pages_of_channels_work() {
    let channels: Vec<_> = pages().into_iter().filter(|page| page.starts_with("docs/channels/")).collect();
    run_all(&channels);
}

#[test]
fn few_blocks_of_the_guide_are_not_run() {
    let mut shown = Vec::new();
    for page in pages() {
        for block in blocks(&read(&page)).unwrap() {
            if block.info.ends_with(" shown") {
                shown.push(format!(
                    "{page}:{}: {}",
                    block.line,
                    block.text.lines().next().unwrap_or_default()
                ));
            }
        }
    }
    assert!(shown.len() <= MAX_SHOWN, "{} of {MAX_SHOWN} allowed:\n{}", shown.len(), shown.join("\n"));
}

#[test]
fn links_between_pages_lead_to_files() {
    let mut missing = Vec::new();
    for page in pages() {
        let text = read(&page);
        let folder = fixture::repository().join(&page).parent().unwrap().to_owned();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        for target in targets.filter(|target| !target.contains("://") && !target.contains("{{")) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.starts_with("mailto:") && !folder.join(file).exists() {
                missing.push(format!("{page}: {target}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_kind_of_channel_has_a_page() {
    let pages: BTreeSet<String> = pages().into_iter().collect();
    let overview = read("docs/channels/README.md");
    for kind in NETWORKS.iter().map(|network| network.kind).chain(["smtp", "outbox"]) {
        assert!(pages.contains(&format!("docs/channels/{kind}.md")), "docs/channels/{kind}.md is missing");
        assert!(
            overview.contains(&format!("]({kind}.md)")),
            "docs/channels/README.md has no link to {kind}.md"
        );
    }
}

/// Adds the names of all properties of a JSON Schema to `names`.
fn property_names(schema: &Value, names: &mut BTreeSet<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        names.extend(properties.keys().cloned());
    }
    let children: Vec<&Value> = match schema {
        Value::Object(entries) => entries.values().collect(),
        Value::Array(entries) => entries.iter().collect(),
        _ => Vec::new(),
    };
    children.into_iter().for_each(|child| property_names(child, names));
}

#[test]
fn the_reference_of_files_names_every_key() {
    let tools = fixture::tools();
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    let reference = read("docs/files.md");
    let mut keys = BTreeSet::new();
    property_names(&sandbox.json(&["schema"]).unwrap(), &mut keys);
    assert!(keys.len() > 80, "{keys:?}");
    let is_named = |key: &String| {
        [format!("`{key}`"), format!("[{key}]"), format!("[{key}.")].iter().any(|it| reference.contains(it))
    };
    let missing: Vec<_> = keys.iter().filter(|key| !is_named(key)).collect();
    assert!(missing.is_empty(), "docs/files.md does not name {missing:?}");
}

#[test]
fn a_block_replaces_the_tables_and_keys_that_it_names() {
    let file = "title = \"One\"\nhold = true\n[a]\nx = 1\n[a.b]\ny = 2\n[ab]\nz = 3\n";
    let changed = merged(file, "title = \"Two\"\n[a]\nx = 4\n");
    assert_eq!(changed, "title = \"Two\"\nhold = true\n[ab]\nz = 3\n\n[a]\nx = 4\n");
}

#[test]
fn a_line_of_a_shell_block_is_read_as_a_shell_reads_it() {
    assert_eq!(words("chorus check   # all of it"), ["chorus", "check"]);
    assert_eq!(words("chorus init a && cd a"), ["chorus", "init", "a"]);
    assert_eq!(words("chorus plan --to '2027-03-02 10:00'"), ["chorus", "plan", "--to", "2027-03-02 10:00"]);
    assert_eq!(expected_exit("chorus send hello   # exit 1: it was sent"), Some(1));
    assert_eq!(expected_exit("chorus check"), Some(0));
    assert!(is_in("a\nsent 2 of 2 now", "sent … of 2") && !is_in("sent\n2 of 2", "sent … of 2"));
}
