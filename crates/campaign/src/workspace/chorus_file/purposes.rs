//! Reads `[purposes]`: what the brand writes to people for, and what each needs.

use std::collections::BTreeSet;

use source::{Entries, Field, Located, Name, SourceFile};

use crate::ids::{ChannelId, PurposeId};
use crate::workspace::chorus_file::format::PurposeFile;
use crate::workspace::definitions::{CHANNEL, Registry, report_unknown};
use crate::workspace::value::one_line;
use crate::workspace::{Channel, Purpose};

/// The longest id of a purpose, in bytes.
const MAX_ID_LEN: usize = 32;

/// Reads `[purposes]`; without it there is one, `news`.
pub(crate) fn purposes(
    source: &SourceFile,
    field: &Field<Entries<PurposeFile>>,
    channels: &Registry<Channel>,
) -> Registry<Purpose> {
    match field.value() {
        Some(entries) if !entries.0.is_empty() => {
            let read = |(name, field): &(Name, Field<PurposeFile>)| {
                let purpose = field.get().and_then(|file| purpose(source, name, file, channels));
                (name.text.clone(), purpose)
            };
            entries.0.iter().map(read).collect()
        }
        _ => Registry::from([(Purpose::NEWS.to_owned(), Purpose::news())]),
    }
}

fn purpose(
    source: &SourceFile,
    name: &Name,
    file: &Located<PurposeFile>,
    registry: &Registry<Channel>,
) -> Option<Purpose> {
    let help = "Call it something like `news` or `orders`.";
    let id = source.ok_or_report(
        "bad-name",
        &name.span,
        PurposeId::parse(&name.text),
        "this purpose's name",
        help,
    );
    let id = id.filter(|id| {
        let fits = id.as_str().len() <= MAX_ID_LEN;
        if !fits {
            let message = format!("the name of a purpose has at most {MAX_ID_LEN} letters");
            source.error("bad-name", name.span.clone(), message, help);
        }
        fits
    });
    let title = source.require(&file.title, "title", "title = \"News and offers\"", Some(&file.span));
    let title = title.and_then(|title| one_line(source, "title", title));
    let is_marketing = file.marketing.value().copied().unwrap_or(true);
    if let (false, Some(opt_in)) = (is_marketing, file.opt_in.get()) {
        let message = "a purpose that is not marketing needs no opt-in";
        source.warning(
            "needless-opt-in",
            opt_in.span.clone(),
            message,
            "Take out `opt_in`, or `marketing = false`.",
        );
    }
    let channels = match &file.channels {
        Field::Absent => Some(None),
        Field::Invalid => None,
        Field::Present(list) => channels(source, list, registry).map(Some),
    };
    Some(Purpose {
        id: id?,
        title: title?,
        is_marketing,
        opt_in: file.opt_in.value().copied().unwrap_or_default(),
        channels: channels?,
    })
}

/// Reads the channels of a purpose, and reports names that no channel has.
fn channels(
    source: &SourceFile,
    list: &Located<Vec<Field<String>>>,
    registry: &Registry<Channel>,
) -> Option<BTreeSet<ChannelId>> {
    if list.is_empty() {
        let message = "`channels` is empty: nothing could be sent for this purpose";
        source.error(
            "empty-list",
            list.span.clone(),
            message,
            "Name a channel, or take the line out for all channels.",
        );
        return None;
    }
    let read = |field: &Field<String>| {
        let name = field.get()?;
        if !registry.contains_key(&name.value) {
            report_unknown(source, &CHANNEL, name, registry.keys().map(String::as_str));
            return None;
        }
        ChannelId::parse(name).ok()
    };
    let read: Vec<_> = list.iter().map(read).collect();
    read.into_iter().collect()
}
