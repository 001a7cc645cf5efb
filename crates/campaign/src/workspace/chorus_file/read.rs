//! Reads `[brand]` and `[database]` of `chorus.toml`.

use std::ops::Range;

use jiff::tz::TimeZone;
use source::{ConfinedDir, Field, Located, SourceFile, nearest};
use url::Url;

use crate::consistency::Market;
use crate::secret::Secret;
use crate::text::{EmailAddress, Language};
use crate::workspace::chorus_file::format::{BrandFile, ChorusFile, DatabaseFile};
use crate::workspace::value::{one_line, web_address, zone};
use crate::workspace::{Brand, DatabaseSettings, variable};

const DEFAULT_DATABASE: &str = "sqlite:data/chorus.db";

/// Maximum number of addresses in `seeds`.
const MAX_SEEDS: usize = 20;

/// The context for reading `chorus.toml`.
pub(crate) struct ReadContext<'a> {
    pub(crate) source: &'a SourceFile,
    pub(crate) dir: &'a ConfinedDir,
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
}

/// Reads `[brand]`; `None` if a required part of it cannot be used.
pub(crate) fn brand(context: &ReadContext<'_>, file: &ChorusFile) -> Option<Brand> {
    let source = context.source;
    let table = source.require(&file.brand, "[brand]", "[brand]\nname = \"Harbour Coffee\"", None)?;
    let owner = Some(&table.span);
    let name = source.require(&table.name, "name", "name = \"Harbour Coffee\"", owner);
    let url = source
        .require(&table.url, "url", "url = \"https://harbour.example\"", owner)
        .and_then(|url| web_address(source, "url", url));
    let name = name.and_then(|name| one_line(source, "name", name));
    let timezone = timezone(source, &table.timezone);
    let language = language(source, table);
    let (never_say, markets) = (never_say(source, table), markets(source, table));
    let seeds = seeds(source, table);
    Some(Brand {
        name: name?,
        url: url?,
        address: table.address.value().map(|address| address.trim().to_owned()).unwrap_or_default(),
        timezone: timezone?,
        language: language?,
        never_say,
        markets,
        seeds,
    })
}

/// Reads the time zone with an IANA name; UTC if none is given.
fn timezone(source: &SourceFile, field: &Field<String>) -> Option<TimeZone> {
    match field {
        Field::Absent => Some(TimeZone::UTC),
        Field::Invalid => None,
        Field::Present(name) => zone(source, name, &[]),
    }
}

fn language(source: &SourceFile, table: &BrandFile) -> Option<Language> {
    match &table.language {
        Field::Absent => Language::parse("en").ok(),
        Field::Invalid => None,
        Field::Present(tag) => source.ok_or_report(
            "bad-language",
            &tag.span,
            Language::parse(tag),
            "`language`",
            "Write a tag such as `en` or `zh-CN`.",
        ),
    }
}

fn never_say(source: &SourceFile, table: &BrandFile) -> Vec<String> {
    let phrases = table.never_say.value().into_iter().flatten().filter_map(Field::get);
    phrases
        .filter_map(|phrase| one_line(source, "never_say", phrase))
        .map(|phrase| phrase.trim().to_owned())
        .collect()
}

fn markets(source: &SourceFile, table: &BrandFile) -> Vec<Market> {
    let mut markets = Vec::new();
    for code in table.markets.value().into_iter().flatten().filter_map(Field::get) {
        if let Some(market) = Market::parse(code) {
            markets.push(market);
            continue;
        }
        let shown: String = code.chars().take(64).collect();
        let help = match nearest(&code.to_uppercase(), Market::codes()) {
            Some(meant) => {
                format!("Did you mean `{meant}`? Write ISO 3166 codes, such as `CN`, `SG` or `GB`.")
            }
            None => "Write ISO 3166 codes, such as `CN`, `SG` or `GB`.".to_owned(),
        };
        source.error("unknown-market", code.span.clone(), format!("there is no country `{shown}`"), help);
    }
    markets
}

/// Reads the addresses for test copies; reports and leaves out those that cannot be used.
fn seeds(source: &SourceFile, table: &BrandFile) -> Vec<EmailAddress> {
    let Some(given) = table.seeds.get() else { return Vec::new() };
    if given.len() > MAX_SEEDS {
        let message = format!("`seeds` has {} addresses, and at most {MAX_SEEDS} are taken", given.len());
        source.error("too-many-seeds", given.span.clone(), message, "Keep those that a person looks at.");
    }
    let mut seeds = Vec::new();
    for text in given.iter().filter_map(Field::get) {
        let help = "Write an address such as `test@harbour.example`.";
        let subject = "a seed is not an e-mail address";
        let seed = EmailAddress::parse(text);
        let Some(seed) = source.ok_or_report("bad-email", &text.span, seed, subject, help) else {
            continue;
        };
        if seeds.contains(&seed) {
            let message = format!("`seeds` has `{}` twice", seed.as_str());
            source.error("twice", text.span.clone(), message, "Take one of them out.");
        } else if seeds.len() < MAX_SEEDS {
            seeds.push(seed);
        }
    }
    seeds
}

/// Reads `[database]`; `None` if its address cannot be used.
pub(crate) fn database(context: &ReadContext<'_>, file: &ChorusFile) -> Option<DatabaseSettings> {
    let given = match &file.database {
        Field::Invalid => return None,
        Field::Absent => &Field::Absent,
        Field::Present(Located { value: DatabaseFile { url }, .. }) => url,
    };
    let default = Located { value: DEFAULT_DATABASE.to_owned(), span: 0..0 };
    let url = match given {
        Field::Invalid => return None,
        Field::Absent => &default,
        Field::Present(url) => url,
    };
    match url.strip_prefix("sqlite:") {
        Some(path) => sqlite(context, url, path),
        None => postgres(context, url),
    }
}

fn sqlite(context: &ReadContext<'_>, url: &Located<String>, path: &str) -> Option<DatabaseSettings> {
    let path = path.strip_prefix("//").unwrap_or(path);
    let at: &Range<usize> = &url.span;
    let help = "Write a path inside the workspace, such as `sqlite:data/chorus.db`.";
    // A URL would read these characters as a query, a fragment, an escape or a port.
    if let Some(c) = path.chars().find(|c| "?#%:".contains(*c)) {
        let message = format!("the database's path holds `{c}`");
        context.source.error("bad-path", at.clone(), message, help);
        return None;
    }
    let path = context.dir.absolute_path(path);
    let path = context.source.ok_or_report("bad-path", at, path, "the database's path", help)?;
    Some(DatabaseSettings { url: Secret::new(format!("sqlite:{}", path.display())) })
}

fn postgres(context: &ReadContext<'_>, url: &Located<String>) -> Option<DatabaseSettings> {
    let secret = variable::fill_secret(context.source, url, context.env);
    let fits = secret.expose().is_err() || secret.expose().is_ok_and(is_postgres);
    if !fits {
        // The message does not repeat the address, which may hold a password.
        let message = "the database's `url` is neither `sqlite:…` nor a valid `postgres://…`";
        let help = "Write `sqlite:data/chorus.db` or `postgres://user:${PGPASSWORD}@host/database`.";
        context.source.error("bad-database", url.span.clone(), message, help);
    }
    fits.then_some(DatabaseSettings { url: secret })
}

fn is_postgres(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql") && url.has_host())
}
