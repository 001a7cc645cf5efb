//! From `chorus.toml` as written to brand, database and attributes.

use std::ops::Range;

use jiff::tz::TimeZone;
use source::{ConfinedDir, Field, Located, SourceFile, nearest};
use url::Url;

use crate::consistency::Market;
use crate::secret::Secret;
use crate::text::{EmailAddress, Language};
use crate::workspace::chorus_file::format::{BrandFile, ChorusFile, DatabaseFile};
use crate::workspace::value::{one_line, web, zone};
use crate::workspace::{Brand, Database, variable};

const DEFAULT_DATABASE: &str = "sqlite:data/chorus.db";

/// The most addresses of `seeds`.
const MAX_SEEDS: usize = 20;

/// What reading needs besides the file.
pub(crate) struct Reading<'a> {
    pub(crate) source: &'a SourceFile,
    pub(crate) dir: &'a ConfinedDir,
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
}

/// `[brand]`; `None` when nobody could speak.
pub(crate) fn brand(reading: &Reading<'_>, file: &ChorusFile) -> Option<Brand> {
    let source = reading.source;
    let table = source.need(&file.brand, "[brand]", "[brand]\nname = \"Harbour Coffee\"", None)?;
    let owner = Some(&table.span);
    let name = source.need(&table.name, "name", "name = \"Harbour Coffee\"", owner);
    let url = source
        .need(&table.url, "url", "url = \"https://harbour.example\"", owner)
        .and_then(|url| web(source, "url", url));
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

/// The zone of an IANA name; UTC if none is given.
fn timezone(source: &SourceFile, field: &Field<String>) -> Option<TimeZone> {
    match field {
        Field::Absent => Some(TimeZone::UTC),
        Field::Bad => None,
        Field::Here(name) => zone(source, name, &[]),
    }
}

fn language(source: &SourceFile, table: &BrandFile) -> Option<Language> {
    match &table.language {
        Field::Absent => Language::parse("en").ok(),
        Field::Bad => None,
        Field::Here(tag) => source.take(
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

/// The addresses for test copies, those that cannot be used left out.
fn seeds(source: &SourceFile, table: &BrandFile) -> Vec<EmailAddress> {
    let Some(given) = table.seeds.get() else { return Vec::new() };
    if given.len() > MAX_SEEDS {
        let message = format!("`seeds` has {} addresses, and at most {MAX_SEEDS} are taken", given.len());
        source.error("too-many-seeds", given.span.clone(), message, "Keep those that somebody looks at.");
    }
    let mut seeds = Vec::new();
    for text in given.iter().filter_map(Field::get) {
        let help = "Write an address such as `test@harbour.example`.";
        let what = "a seed is not an e-mail address";
        let Some(seed) = source.take("bad-email", &text.span, EmailAddress::parse(text), what, help) else {
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

/// `[database]`; `None` when rows could not be kept.
pub(crate) fn database(reading: &Reading<'_>, file: &ChorusFile) -> Option<Database> {
    let given = match &file.database {
        Field::Bad => return None,
        Field::Absent => &Field::Absent,
        Field::Here(Located { value: DatabaseFile { url }, .. }) => url,
    };
    let default = Located { value: DEFAULT_DATABASE.to_owned(), span: 0..0 };
    let url = match given {
        Field::Bad => return None,
        Field::Absent => &default,
        Field::Here(url) => url,
    };
    match url.strip_prefix("sqlite:") {
        Some(path) => sqlite(reading, url, path),
        None => postgres(reading, url),
    }
}

fn sqlite(reading: &Reading<'_>, url: &Located<String>, path: &str) -> Option<Database> {
    let path = path.strip_prefix("//").unwrap_or(path);
    let at: &Range<usize> = &url.span;
    let help = "Write a path inside the workspace, such as `sqlite:data/chorus.db`.";
    // What a URL reads as a query or an escape is no part of a plain file name.
    if let Some(c) = path.chars().find(|c| "?#%:".contains(*c)) {
        let message = format!("the database's path holds `{c}`");
        reading.source.error("bad-path", at.clone(), message, help);
        return None;
    }
    let place = reading.source.take("bad-path", at, reading.dir.place(path), "the database's path", help)?;
    Some(Database { url: Secret::new(format!("sqlite:{}", place.display())) })
}

fn postgres(reading: &Reading<'_>, url: &Located<String>) -> Option<Database> {
    let secret = variable::secret(reading.source, url, reading.env);
    let fits = secret.expose().is_err() || secret.expose().is_ok_and(is_postgres);
    if !fits {
        // The address may hold a password: it is not repeated.
        let message = "the database's `url` is neither `sqlite:…` nor a valid `postgres://…`";
        let help = "Write `sqlite:data/chorus.db` or `postgres://user:${PGPASSWORD}@host/database`.";
        reading.source.error("bad-database", url.span.clone(), message, help);
    }
    fits.then_some(Database { url: secret })
}

fn is_postgres(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql") && url.has_host())
}
