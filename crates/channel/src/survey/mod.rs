//! The survey of a campaign: renders each step in each language, checks that all texts agree with
//! the message, and that each is within the limits of its network.

mod excerpt;
mod sample_post;

use std::path::Path;
use std::rc::Rc;

use crate::consistency::{
    self, ChannelContent, Column, ComparedText, ConsistencyReport, ContentPart, ExpectedContent, Matrix,
};
use campaign::{Campaign, CampaignId, CampaignMessage, ChannelKind, Step, StepId, TemplateFile, Workspace};
use measure::LengthBudget;
use message::Person;
use source::{Diagnostic, Severity};
use template::{
    Cache, Compiled, Place, PlainText, Source, compile_with, compiler_failure, in_language, large_stack,
    primary_language,
};

use excerpt::{Excerpt, excerpts_around, step_table};
use sample_post::{contains_keyword, render_text};

/// The result of the check of a whole campaign.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// The errors and warnings, each with its file and place.
    pub findings: Vec<Diagnostic>,
    /// The status of each fact in each text.
    pub matrix: Matrix,
    /// The text of each step in each language.
    pub texts: Vec<RenderedStep>,
}

/// The rendered text of a step in one language.
#[derive(Debug, Clone, serde::Serialize)]
pub struct RenderedStep {
    /// The identifier of the step.
    pub step: String,
    /// The identifier of the channel.
    pub channel: String,
    /// The name of the channel's kind.
    pub kind: String,
    /// The BCP 47 language tag.
    pub language: String,
    /// The subject, if the text is an e-mail.
    pub subject: Option<String>,
    /// The whole text, without markup.
    pub text: String,
    /// The measured length and the limit, for each limit of the network.
    pub budgets: Vec<LengthBudget>,
    /// The URLs of the links.
    #[serde(skip)]
    links: Vec<String>,
}

/// Compiles every step of a campaign, renders it, and checks the texts. They are rendered for
/// `person`, or for a made-up contact with short names if it is `None`.
#[must_use]
pub fn survey(workspace: &Workspace, campaign: &Campaign, person: Option<&Person>) -> Survey {
    let work = || survey_in_thread(workspace, campaign, person, &Cache::default(), &mut |_, _| {});
    large_stack::run(work).unwrap_or_else(|| unsurveyed(campaign))
}

/// The findings of the survey of one campaign in a workspace.
#[derive(Debug)]
pub struct CampaignFindings<'a> {
    /// The identifier of the campaign.
    pub campaign: &'a CampaignId,
    /// The errors and warnings, each with its file and place.
    pub findings: Vec<Diagnostic>,
    /// The steps that compiled, if the caller asked for this campaign's.
    pub compiled: Vec<(StepId, Compiled)>,
}

/// Returns the findings of [`survey`] for every campaign of a workspace, in order. Uses all
/// processors. The result has the compiled steps of the campaign with the identifier `kept` only.
#[must_use]
pub fn survey_all<'a>(workspace: &'a Workspace, kept: Option<&str>) -> Vec<CampaignFindings<'a>> {
    let campaigns: Vec<_> = workspace.campaigns.values().collect();
    let work = |cache: &Cache, number: usize| {
        let campaign = campaigns[number];
        let mut compiled = Vec::new();
        let mut keep = |step: &Step, of_step: Compiled| {
            if kept == Some(campaign.id.as_str()) {
                compiled.push((step.id.clone(), of_step));
            }
        };
        let findings = survey_in_thread(workspace, campaign, None, cache, &mut keep).findings;
        (findings, compiled)
    };
    let found = large_stack::run_for_each(campaigns.len(), Cache::default, work);
    let all = campaigns.iter().zip(found).map(|(campaign, found)| {
        let (findings, compiled) = found.unwrap_or_else(|| (unsurveyed(campaign).findings, Vec::new()));
        CampaignFindings { campaign: &campaign.id, findings, compiled }
    });
    all.collect()
}

/// Returns the survey of a campaign for which the system could not start a thread.
fn unsurveyed(campaign: &Campaign) -> Survey {
    let findings = campaign.steps.iter().map(|step| compiler_failure(campaign, step));
    Survey { findings: findings.collect(), ..Survey::default() }
}

/// Surveys a campaign in this thread, and calls `keep` with every step that compiles.
fn survey_in_thread(
    workspace: &Workspace,
    campaign: &Campaign,
    person: Option<&Person>,
    cache: &Cache,
    keep: &mut dyn FnMut(&Step, Compiled),
) -> Survey {
    let mut surveyor = Surveyor::new(workspace, campaign, cache);
    surveyor.survey.matrix = Matrix::new(campaign.message.facts.keys().cloned());
    for step in &campaign.steps {
        match compile_with(workspace, campaign, step, cache) {
            Ok((compiled, found)) => {
                surveyor.survey.findings.extend(found);
                surveyor.survey_step(step, &compiled, person);
                keep(step, compiled);
            }
            Err(found) => surveyor.survey.findings.extend(found),
        }
    }
    surveyor.compare_lengths();
    surveyor.report_unused_silences();
    let mut survey = surveyor.survey;
    survey.findings.dedup();
    survey
}

/// A survey in progress.
pub(crate) struct Surveyor<'a> {
    workspace: &'a Workspace,
    campaign: &'a Campaign,
    /// The text of the campaign's file.
    text: Rc<str>,
    pub(crate) survey: Survey,
    /// The indices of the silenced rules that covered a finding.
    used: Vec<usize>,
}

impl<'a> Surveyor<'a> {
    pub(crate) fn new(workspace: &'a Workspace, campaign: &'a Campaign, cache: &Cache) -> Self {
        let text = cache.campaign_text(workspace, campaign);
        Self { workspace, campaign, text, survey: Survey::default(), used: Vec::new() }
    }

    fn survey_step(&mut self, step: &Step, compiled: &Compiled, person: Option<&Person>) {
        for rendered in self.render_step(step, compiled, person) {
            self.check_budgets(step, &rendered);
            self.check_keyword(step, compiled, &rendered);
            self.check_consistency(step, &rendered);
            self.survey.texts.push(rendered);
        }
    }

    /// Renders a step in each of its languages, for `person` or a made-up contact.
    pub(crate) fn render_step(
        &self,
        step: &Step,
        compiled: &Compiled,
        person: Option<&Person>,
    ) -> Vec<RenderedStep> {
        let Some(channel) = self.workspace.channels.get(&step.channel) else { return Vec::new() };
        let prefixes = compiled.sample_links(self.workspace);
        let sample_reader = compiled.sample_reader();
        let is_feed = channel.kind.per() == campaign::Per::Feed;
        let in_language = |language: &str| {
            let reader =
                Person { language: Some(language.to_owned()), ..person.unwrap_or(&sample_reader).clone() };
            let reader = (!is_feed).then_some(&reader);
            let (PlainText { subject, text }, budgets) =
                render_text(channel, compiled, &prefixes, language, reader)?;
            Some(RenderedStep {
                step: step.id.to_string(),
                channel: channel.id.to_string(),
                kind: channel.kind.name().to_owned(),
                language: language.to_owned(),
                subject,
                text,
                budgets,
                links: compiled.links.clone(),
            })
        };
        compiled.languages().filter_map(in_language).collect()
    }

    /// Reports each limit that a text exceeds.
    pub(crate) fn check_budgets(&mut self, step: &Step, rendered: &RenderedStep) {
        let title = campaign::Network::find(&rendered.kind).map_or("this network", |network| network.title);
        for budget in rendered.budgets.iter().filter(|budget| !budget.fits()) {
            let (what, unit) = (budget.what, budget.unit.words());
            let over = budget.over_at.and_then(|at| rendered.text.get(at..)).map(|rest| {
                let first: String = rest.chars().take(1).collect();
                let near: String = rest.chars().take(24).collect::<String>().replace('\n', " ");
                format!("; the first over is \"{first}\", at \"{near}\"")
            });
            let message = format!(
                "`{}` ({}, {}): its {what} has {} {unit}, and {title} takes {}{}",
                rendered.step,
                rendered.channel,
                rendered.language,
                budget.measured,
                budget.allowed,
                over.unwrap_or_default(),
            );
            let near = budget.over_at.filter(|at| rendered.text.is_char_boundary(*at)).map(|at| {
                let first = rendered.text[at..].chars().next().map_or(0, char::len_utf8);
                excerpts_around(&rendered.text, &(at..at + first))
            });
            let place = self.find_place(step, &near.unwrap_or_default());
            let help = "Shorten it for this channel: a message of the step's own, or a template of the network's own.";
            self.report(Severity::Error, "text-too-long", message, place, help);
        }
    }

    /// Reports a post without the keyword that the network's robot requires.
    fn check_keyword(&mut self, step: &Step, compiled: &Compiled, rendered: &RenderedStep) {
        let Some(channel) = self.workspace.channels.get(&step.channel) else { return };
        let ChannelKind::Network(account) = &channel.kind else { return };
        let Some(keyword) = account.keyword.as_deref() else { return };
        let prefixes = compiled.sample_links(self.workspace);
        if contains_keyword(channel, compiled, &prefixes, &rendered.language, keyword) != Some(false) {
            return;
        }
        let (title, language) = (account.network.title, &rendered.language);
        let message = format!(
            "`{}` ({}, {language}): its post does not say \"{keyword}\", and {title} takes no post without it",
            rendered.step, rendered.channel,
        );
        let first = rendered.text.chars().next().map_or(0, char::len_utf8);
        let place = self.find_place(step, &excerpts_around(&rendered.text, &(0..first)));
        let help = format!(
            "Say \"{keyword}\" in the message or in the template, or write another of the robot's keywords as \
             `keyword` of [channels.{}].",
            channel.id
        );
        self.report(Severity::Error, "keyword-missing", message, place, &help);
    }

    /// Reports the rules of consistency that a text breaks, and adds its column to the table of
    /// facts.
    fn check_consistency(&mut self, step: &Step, rendered: &RenderedStep) {
        let message = in_language(&step.message, Some(&rendered.language));
        let mut parts: Vec<_> =
            rendered.subject.iter().map(|text| ContentPart { key: "subject", text }).collect();
        parts.push(ContentPart { key: "text", text: &rendered.text });
        let links: Vec<_> = rendered.links.iter().map(String::as_str).collect();
        let content = ChannelContent {
            step: &rendered.step,
            channel: &rendered.channel,
            language: &rendered.language,
            parts: &parts,
            links: &links,
        };
        let mut report = self.examine(&message, &content);
        self.used.extend(report.silence(&self.campaign.silenced_rules, &rendered.step));
        for found in report.findings {
            let part = parts.get(found.part).map_or("", |part| part.text);
            let mut candidates = Vec::new();
            if found.range.is_empty() {
                let fact = found.fact.as_ref().and_then(|name| message.facts.get(name));
                candidates.extend(fact.cloned().map(Excerpt::from));
            } else {
                candidates.extend(excerpts_around(part, &found.range));
            }
            candidates.push(Excerpt::from(found.words.clone()));
            // A finding quotes a link with its parameters; the file may have it without them.
            candidates
                .extend(found.words.split_once(['?', '#']).map(|(link, _)| Excerpt::from(link.to_owned())));
            if parts.get(found.part).is_some_and(|part| part.key == "subject") {
                candidates.extend(message.subject.clone().map(Excerpt::from));
            }
            let place = self.find_place(step, &candidates);
            let text = format!(
                "`{}` ({}, {}): {}",
                rendered.step, rendered.channel, rendered.language, found.message
            );
            self.report(found.severity, found.rule.code(), text, place, &found.help);
        }
        let column = Column {
            step: rendered.step.clone(),
            channel: rendered.channel.clone(),
            language: rendered.language.clone(),
        };
        self.survey.matrix.add(column, &report.cells);
    }

    fn examine(&self, message: &CampaignMessage, content: &ChannelContent<'_>) -> ConsistencyReport {
        let brand = &self.workspace.brand;
        let texts = [&message.body, &message.headline, &message.subject, &message.preheader];
        let texts: Vec<_> = texts.into_iter().flatten().map(String::as_str).collect();
        let host = brand.url.host_str().unwrap_or_default();
        let currency = self.campaign.budget.as_ref().map(|budget| budget.currency.to_string());
        let expected = ExpectedContent {
            facts: &message.facts,
            texts: &texts,
            link: message.link.as_deref(),
            call_to_action: message.call_to_action.as_deref(),
            image: message.image.as_deref(),
            image_alt: message.image_alt.as_deref(),
            never_say: &brand.never_say,
            markets: &brand.markets,
            hosts: &[host],
            currency: currency.as_deref(),
        };
        consistency::examine(&expected, content)
    }

    fn compare_lengths(&mut self) {
        let base = primary_language(self.workspace.brand.language.as_str());
        let texts = self.survey.texts.iter().map(|rendered| ComparedText {
            step: &rendered.step,
            language: &rendered.language,
            is_email: rendered.subject.is_some(),
            is_original: primary_language(&rendered.language) == base,
            text: &rendered.text,
        });
        let texts: Vec<_> = texts.collect();
        let found = consistency::compare_lengths(&texts);
        let reports = found.into_iter().map(|(at, finding)| {
            let rendered = &self.survey.texts[at];
            let text = format!(
                "`{}` ({}, {}): {}",
                rendered.step, rendered.channel, rendered.language, finding.message
            );
            (rendered.step.clone(), text, finding)
        });
        for (step, text, finding) in reports.collect::<Vec<_>>() {
            let silences = self.campaign.silenced_rules.iter().enumerate();
            let covering =
                silences.filter(|(_, silence)| silence.covers(finding.rule, &step, &finding.words));
            let covering: Vec<_> = covering.map(|(at, _)| at).collect();
            if covering.is_empty() {
                let place = Place::file(&self.campaign.file);
                self.report(finding.severity, finding.rule.code(), text, place, &finding.help);
            }
            self.used.extend(covering);
        }
    }

    fn report_unused_silences(&mut self) {
        for (at, silence) in self.campaign.silenced_rules.iter().enumerate() {
            if !self.used.contains(&at) {
                let message = format!("nothing is silenced by this: `{}` finds nothing here", silence.rule);
                let finding = Diagnostic::warning("useless-silence", &self.campaign.file, message)
                    .at(silence.span.clone())
                    .help("Take it out.");
                self.survey.findings.push(finding);
            }
        }
    }

    /// Returns the place of the first excerpt that occurs in the step's own message, its template,
    /// the campaign's file or a shared template, searched in this order. Falls back to the first
    /// line of the step, or to the campaign's file.
    fn find_place(&self, step: &Step, candidates: &[Excerpt]) -> Place {
        let template = self.workspace.templates.get(&step.template);
        let kind = self.workspace.channels.get(&step.channel).map(|channel| &channel.kind);
        let fits = |file: &&TemplateFile| match kind {
            Some(ChannelKind::Network(_)) => !is_mail_file(&file.path),
            _ => is_mail_file(&file.path),
        };
        let own = step_table(&self.text, step.id.as_str());
        let files: Vec<_> = template.iter().flat_map(|template| template.files.iter().filter(fits)).collect();
        let shared: Vec<_> = self.workspace.shared.values().collect();
        let campaign = Source::file(&self.campaign.file, self.text.to_string());
        for excerpt in candidates.iter().filter(|excerpt| excerpt.text.trim().len() > 1) {
            let in_step = own.clone().and_then(|own| {
                let found = excerpt.find(self.text.get(own.clone())?)?;
                Some(campaign.at(own.start + found.start..own.start + found.end))
            });
            let in_file = |file: &&TemplateFile| {
                Some(Source::file(&file.path, file.source.clone()).at(excerpt.find(&file.source)?))
            };
            let in_campaign = || Some(campaign.at(excerpt.find(&self.text)?));
            let found = in_step
                .or_else(|| files.iter().find_map(in_file))
                .or_else(in_campaign)
                .or_else(|| shared.iter().find_map(in_file));
            if let Some(place) = found {
                return place;
            }
        }
        match own {
            Some(own) => {
                let line =
                    self.text.get(own.clone()).and_then(|text| text.lines().next()).map_or(0, str::len);
                campaign.at(own.start..own.start + line)
            }
            None => Place::file(&self.campaign.file),
        }
    }

    fn report(&mut self, severity: Severity, code: &'static str, message: String, place: Place, help: &str) {
        let finding = place.finding(severity, code, message, help);
        if !self.survey.findings.contains(&finding) {
            self.survey.findings.push(finding);
        }
    }
}

/// Returns true for a template's e-mail files: `email.mjml`, `email.txt` …
fn is_mail_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("email"))
}
