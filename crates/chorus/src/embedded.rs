//! The sample workspace, embedded in the executable.

use std::path::Path;

use anyhow::Context;
use include_dir::{Dir, include_dir};

static CAMPAIGNS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../campaigns");
static AUDIENCES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../audiences");
static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../templates");
static IMAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../images");

/// The text of the sample's chorus.toml.
pub(crate) const CHORUS_TOML: &str = include_str!("../../../chorus.toml");
/// The sample's contacts, about a thousand made-up people, as CSV.
pub(crate) const CONTACTS: &str = include_str!("../../../contacts.csv");

/// Writes the sample's campaigns, audiences, templates and images below `root`.
pub(crate) fn write_sample(root: &Path) -> anyhow::Result<()> {
    let folders = [
        ("campaigns", &CAMPAIGNS),
        ("audiences", &AUDIENCES),
        ("templates", &TEMPLATES),
        ("images", &IMAGES),
    ];
    for (name, folder) in folders {
        let path = root.join(name);
        std::fs::create_dir_all(&path).with_context(|| format!("make {}", path.display()))?;
        folder.extract(&path).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// Writes the sample's shared templates and those in `names` below `root`.
pub(crate) fn write_templates(root: &Path, names: &[&str]) -> anyhow::Result<()> {
    let path = root.join("templates");
    for name in ["layouts", "partials"].iter().chain(names) {
        let folder = TEMPLATES.get_dir(name).with_context(|| format!("find the template {name}"))?;
        std::fs::create_dir_all(path.join(name))?;
        folder.extract(&path).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}
