//! Reads `[[silence]]` tables into silenced rules.

use source::{Field, Located, SourceFile, suggestion};

use crate::consistency::{ConsistencyRule, SilencedRule};
use crate::ids::StepId;
use crate::workspace::campaign_file::format::{CampaignFile, SilenceFile};
use crate::workspace::value::one_line;

/// Returns the silenced rules that can be used, and reports the others.
pub(crate) fn silenced_rules(source: &SourceFile, file: &CampaignFile) -> Vec<SilencedRule> {
    let steps: Vec<&str> = steps(file).collect();
    let given = file.silence.value().into_iter().flatten().filter_map(Field::get);
    given.filter_map(|silence| read(source, &steps, silence)).collect()
}

fn read(source: &SourceFile, steps: &[&str], silence: &Located<SilenceFile>) -> Option<SilencedRule> {
    let owner = Some(&silence.span);
    let rule = source
        .require(&silence.rule, "rule", "rule = \"claim-not-a-fact\"", owner)
        .and_then(|rule| known_rule(source, rule));
    let reason = source
        .require(&silence.reason, "reason", "reason = \"the old price, as printed on the bag\"", owner)
        .and_then(|reason| one_line(source, "reason", reason));
    let step = silence.step.get().map(|step| known_step(source, steps, step));
    let text = silence.text.get().map(|text| one_line(source, "text", text));
    Some(SilencedRule {
        rule: rule?,
        reason: reason?.trim().to_owned(),
        step: step.map_or(Some(None), |step| step.map(Some))?,
        text: text.map_or(Some(None), |text| text.map(Some))?,
        span: silence.span.clone(),
    })
}

fn known_rule(source: &SourceFile, code: &Located<String>) -> Option<ConsistencyRule> {
    let rule = ConsistencyRule::parse(code);
    if rule.is_none() {
        let shown: String = code.chars().take(64).collect();
        let help = suggestion(code, "rules", ConsistencyRule::ALL.iter().map(|rule| rule.code()));
        source.error("unknown-rule", code.span.clone(), format!("there is no rule `{shown}`"), help);
    }
    rule
}

fn known_step(source: &SourceFile, steps: &[&str], id: &Located<String>) -> Option<StepId> {
    if !steps.contains(&id.as_str()) {
        let shown: String = id.chars().take(64).collect();
        let help = suggestion(id, "steps", steps.iter().copied());
        source.error("unknown-step", id.span.clone(), format!("there is no step `{shown}`"), help);
        return None;
    }
    // A step with an invalid id is reported where it is declared.
    StepId::parse(id).ok()
}

fn steps(file: &CampaignFile) -> impl Iterator<Item = &str> {
    let steps = file.steps.value().into_iter().flatten().filter_map(Field::value);
    steps.filter_map(|step| step.id.value()).map(String::as_str)
}
