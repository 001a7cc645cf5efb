//! `[[silence]]` as a campaign file says it.

use source::{Field, Located, SourceFile, advice};

use crate::consistency::{Rule, Silence};
use crate::ids::StepId;
use crate::workspace::campaign_file::format::{CampaignFile, SilenceFile};
use crate::workspace::value::one_line;

/// The silences that can be used; the others are told.
pub(crate) fn silences(source: &SourceFile, file: &CampaignFile) -> Vec<Silence> {
    let steps: Vec<&str> = steps(file).collect();
    let given = file.silence.value().into_iter().flatten().filter_map(Field::get);
    given.filter_map(|silence| read(source, &steps, silence)).collect()
}

fn read(source: &SourceFile, steps: &[&str], silence: &Located<SilenceFile>) -> Option<Silence> {
    let owner = Some(&silence.span);
    let rule = source
        .need(&silence.rule, "rule", "rule = \"claim-not-a-fact\"", owner)
        .and_then(|rule| known_rule(source, rule));
    let reason = source
        .need(&silence.reason, "reason", "reason = \"the old price, as printed on the bag\"", owner)
        .and_then(|reason| one_line(source, "reason", reason));
    let step = silence.step.get().map(|step| known_step(source, steps, step));
    let text = silence.text.get().map(|text| one_line(source, "text", text));
    Some(Silence {
        rule: rule?,
        reason: reason?.trim().to_owned(),
        step: step.map_or(Some(None), |step| step.map(Some))?,
        text: text.map_or(Some(None), |text| text.map(Some))?,
        place: silence.span.clone(),
    })
}

fn known_rule(source: &SourceFile, code: &Located<String>) -> Option<Rule> {
    let rule = Rule::parse(code);
    if rule.is_none() {
        let shown: String = code.chars().take(64).collect();
        let help = advice(code, "rules", Rule::ALL.iter().map(|rule| rule.code()));
        source.error("unknown-rule", code.span.clone(), format!("there is no rule `{shown}`"), help);
    }
    rule
}

fn known_step(source: &SourceFile, steps: &[&str], id: &Located<String>) -> Option<StepId> {
    if !steps.contains(&id.as_str()) {
        let shown: String = id.chars().take(64).collect();
        let help = advice(id, "steps", steps.iter().copied());
        source.error("unknown-step", id.span.clone(), format!("there is no step `{shown}`"), help);
        return None;
    }
    // A step with an impossible name is told where it is declared.
    StepId::parse(id).ok()
}

fn steps(file: &CampaignFile) -> impl Iterator<Item = &str> {
    let steps = file.steps.value().into_iter().flatten().filter_map(Field::value);
    steps.filter_map(|step| step.id.value()).map(String::as_str)
}
