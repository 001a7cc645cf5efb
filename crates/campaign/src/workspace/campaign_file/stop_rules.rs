//! Reads `stop_at`: the shares at which a run stops itself.

use source::{Field, Scalar, SourceFile};

use crate::workspace::StopAt;
use crate::workspace::campaign_file::format::CampaignFile;

/// Reads `stop_at`, with defaults for the shares that it does not set.
pub(crate) fn stop_at(source: &SourceFile, file: &CampaignFile) -> StopAt {
    let default = StopAt::default();
    let Some(table) = file.stop_at.get() else { return default };
    StopAt {
        complaints: share(source, "complaints", &table.complaints).unwrap_or(default.complaints),
        bounces: share(source, "bounces", &table.bounces).unwrap_or(default.bounces),
        refusals: share(source, "refusals", &table.refusals).unwrap_or(default.refusals),
    }
}

fn share(source: &SourceFile, key: &str, field: &Field<Scalar>) -> Option<f64> {
    let text = field.get()?;
    let share = text.as_number().and_then(|digits| digits.replace('_', "").parse::<f64>().ok());
    let share = share.filter(|share| *share > 0.0 && *share <= 1.0).ok_or("it is not between 0 and 1");
    let help = format!("Write a share such as `{key} = 0.05` for 5 %; `{key} = 1` never stops.");
    source.ok_or_report("bad-share", &text.span, share, &format!("`{key}` is no share"), &help)
}
