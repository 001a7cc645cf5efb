//! A whole campaign, held against itself: what each channel says in each language, whether all say the same, and
//! whether it fits.

mod said;
mod words;

use std::path::Path;
use std::rc::Rc;

use crate::consistency::{self, Column, Examined, Expected, Matrix, Part, Said, Spoken as Length};
use campaign::{Campaign, CampaignId, ChannelKind, Message, Step, StepId, TemplateFile, Workspace};
use measure::Budget;
use message::Person;
use source::{Diagnostic, Severity};
use template::{
    Cache, Compiled, Place, PlainText, Source, compile_with, in_language, primary_language, stack,
    uncompilable,
};

use said::said;
use words::{Words, around, step_table};

/// What came of looking at a campaign as a whole.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// What is wrong with it, by file and place.
    pub findings: Vec<Diagnostic>,
    /// Which channel says which fact.
    pub matrix: Matrix,
    /// What each step says in each language.
    pub spoken: Vec<Spoken>,
}

/// What a step says in a language.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Spoken {
    /// The step.
    pub step: String,
    /// The channel.
    pub channel: String,
    /// The channel's kind.
    pub kind: String,
    /// The language tag.
    pub language: String,
    /// The subject, of an e-mail.
    pub subject: Option<String>,
    /// All of it as plain text.
    pub text: String,
    /// How much of each limit it uses.
    pub budgets: Vec<Budget>,
    /// Where its links lead.
    #[serde(skip)]
    links: Vec<String>,
}

impl Survey {
    /// Whether the campaign may run.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity < Severity::Error)
    }
}

/// Compiles every step of a campaign and holds what they say against the message. `person` is the contact for whom
/// lengths are measured; somebody made up with short names, if not given.
#[must_use]
pub fn survey(workspace: &Workspace, campaign: &Campaign, person: Option<&Person>) -> Survey {
    let work = || survey_here(workspace, campaign, person, &Cache::default(), &mut |_, _| {});
    stack::with_large(work).unwrap_or_else(|| unsurveyed(campaign))
}

/// A campaign of a workspace that was surveyed.
#[derive(Debug)]
pub struct Surveyed<'a> {
    /// The campaign's name.
    pub campaign: &'a CampaignId,
    /// The findings of its survey, by file and place.
    pub findings: Vec<Diagnostic>,
    /// Its steps that compile, if they were to be kept.
    pub compiled: Vec<(StepId, Compiled)>,
}

/// The findings of [`survey`] for every campaign of a workspace, in order; all processors are used. The compiled steps
/// of the campaign `kept` are kept.
#[must_use]
pub fn survey_all<'a>(workspace: &'a Workspace, kept: Option<&str>) -> Vec<Surveyed<'a>> {
    let campaigns: Vec<_> = workspace.campaigns.values().collect();
    let work = |cache: &Cache, number: usize| {
        let campaign = campaigns[number];
        let mut compiled = Vec::new();
        let mut keep = |step: &Step, of_step: Compiled| {
            if kept == Some(campaign.id.as_str()) {
                compiled.push((step.id.clone(), of_step));
            }
        };
        let findings = survey_here(workspace, campaign, None, cache, &mut keep).findings;
        (findings, compiled)
    };
    let found = stack::for_each(campaigns.len(), Cache::default, work);
    let all = campaigns.iter().zip(found).map(|(campaign, found)| {
        let (findings, compiled) = found.unwrap_or_else(|| (unsurveyed(campaign).findings, Vec::new()));
        Surveyed { campaign: &campaign.id, findings, compiled }
    });
    all.collect()
}

/// The survey of a campaign for which the system gives no thread.
fn unsurveyed(campaign: &Campaign) -> Survey {
    let findings = campaign.steps.iter().map(|step| uncompilable(campaign, step));
    Survey { findings: findings.collect(), ..Survey::default() }
}

/// Surveys a campaign in this thread; `keep` gets every step that compiles.
fn survey_here(
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
                surveyor.step(step, &compiled, person);
                keep(step, compiled);
            }
            Err(found) => surveyor.survey.findings.extend(found),
        }
    }
    surveyor.lengths();
    surveyor.useless_silences();
    let mut survey = surveyor.survey;
    survey.findings.dedup();
    survey
}

pub(crate) struct Surveyor<'a> {
    workspace: &'a Workspace,
    campaign: &'a Campaign,
    /// The campaign's file.
    text: Rc<str>,
    pub(crate) survey: Survey,
    /// Which silences covered something.
    used: Vec<usize>,
}

impl<'a> Surveyor<'a> {
    pub(crate) fn new(workspace: &'a Workspace, campaign: &'a Campaign, cache: &Cache) -> Self {
        let text = cache.text(workspace, campaign);
        Self { workspace, campaign, text, survey: Survey::default(), used: Vec::new() }
    }

    fn step(&mut self, step: &Step, compiled: &Compiled, person: Option<&Person>) {
        for spoken in self.spoken(step, compiled, person) {
            self.measured(step, &spoken);
            self.keyword(step, compiled, &spoken);
            self.held(step, &spoken);
            self.survey.spoken.push(spoken);
        }
    }

    /// What a step says in each of its languages.
    pub(crate) fn spoken(&self, step: &Step, compiled: &Compiled, person: Option<&Person>) -> Vec<Spoken> {
        let Some(channel) = self.workspace.channels.get(&step.channel) else { return Vec::new() };
        let starts = compiled.sample_links(self.workspace);
        let somebody = compiled.sample_reader();
        let is_feed = channel.kind.per() == campaign::Per::Feed;
        let in_language = |language: &str| {
            let reader =
                Person { language: Some(language.to_owned()), ..person.unwrap_or(&somebody).clone() };
            let reader = (!is_feed).then_some(&reader);
            let (PlainText { subject, text }, budgets) = said(channel, compiled, &starts, language, reader)?;
            Some(Spoken {
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

    /// Tells what is too long.
    pub(crate) fn measured(&mut self, step: &Step, spoken: &Spoken) {
        let title = campaign::Network::find(&spoken.kind).map_or("this network", |network| network.title);
        for budget in spoken.budgets.iter().filter(|budget| !budget.fits()) {
            let (what, unit) = (budget.what, budget.unit.words());
            let over = budget.over_at.and_then(|at| spoken.text.get(at..)).map(|rest| {
                let first: String = rest.chars().take(1).collect();
                let near: String = rest.chars().take(24).collect::<String>().replace('\n', " ");
                format!("; the first over is \"{first}\", at \"{near}\"")
            });
            let message = format!(
                "`{}` ({}, {}): its {what} has {} {unit}, and {title} takes {}{}",
                spoken.step,
                spoken.channel,
                spoken.language,
                budget.measured,
                budget.allowed,
                over.unwrap_or_default(),
            );
            let near = budget.over_at.filter(|at| spoken.text.is_char_boundary(*at)).map(|at| {
                let first = spoken.text[at..].chars().next().map_or(0, char::len_utf8);
                around(&spoken.text, &(at..at + first))
            });
            let place = self.place(step, &near.unwrap_or_default());
            let help = "Shorten it for this channel: a message of the step's own, or a template of the network's own.";
            self.tell(Severity::Error, "text-too-long", message, place, help);
        }
    }

    /// Tells where a finished post does not say the word that its robot looks for.
    fn keyword(&mut self, step: &Step, compiled: &Compiled, spoken: &Spoken) {
        let Some(channel) = self.workspace.channels.get(&step.channel) else { return };
        let ChannelKind::Network(account) = &channel.kind else { return };
        let Some(keyword) = account.keyword.as_deref() else { return };
        if said::says(channel, compiled, &compiled.sample_links(self.workspace), &spoken.language, keyword)
            != Some(false)
        {
            return;
        }
        let (title, language) = (account.network.title, &spoken.language);
        let message = format!(
            "`{}` ({}, {language}): its post does not say \"{keyword}\", and {title} takes no post without it",
            spoken.step, spoken.channel,
        );
        let first = spoken.text.chars().next().map_or(0, char::len_utf8);
        let place = self.place(step, &around(&spoken.text, &(0..first)));
        let help = format!(
            "Say \"{keyword}\" in the message or in the template, or write another of the robot's keywords as \
             `keyword` of [channels.{}].",
            channel.id
        );
        self.tell(Severity::Error, "keyword-missing", message, place, &help);
    }

    /// Tells what does not agree with the message.
    fn held(&mut self, step: &Step, spoken: &Spoken) {
        let message = in_language(&step.message, Some(&spoken.language));
        let mut parts: Vec<_> = spoken.subject.iter().map(|text| Part { key: "subject", text }).collect();
        parts.push(Part { key: "text", text: &spoken.text });
        let links: Vec<_> = spoken.links.iter().map(String::as_str).collect();
        let said = Said {
            step: &spoken.step,
            channel: &spoken.channel,
            language: &spoken.language,
            parts: &parts,
            links: &links,
        };
        let mut examined = self.examined(&message, &said);
        self.used.extend(examined.silence(&self.campaign.silences, &spoken.step));
        for found in examined.findings {
            let part = parts.get(found.part).map_or("", |part| part.text);
            let mut candidates = Vec::new();
            if found.range.is_empty() {
                let fact = found.fact.as_ref().and_then(|name| message.facts.get(name));
                candidates.extend(fact.cloned().map(Words::from));
            } else {
                candidates.extend(around(part, &found.range));
            }
            candidates.push(Words::from(found.words.clone()));
            // Where a link leads is counted with its parameters, and written without them.
            candidates
                .extend(found.words.split_once(['?', '#']).map(|(link, _)| Words::from(link.to_owned())));
            if parts.get(found.part).is_some_and(|part| part.key == "subject") {
                candidates.extend(message.subject.clone().map(Words::from));
            }
            let place = self.place(step, &candidates);
            let text =
                format!("`{}` ({}, {}): {}", spoken.step, spoken.channel, spoken.language, found.message);
            self.tell(found.severity, found.rule.code(), text, place, &found.help);
        }
        let column = Column {
            step: spoken.step.clone(),
            channel: spoken.channel.clone(),
            language: spoken.language.clone(),
        };
        self.survey.matrix.add(column, &examined.cells);
    }

    fn examined(&self, message: &Message, said: &Said<'_>) -> Examined {
        let brand = &self.workspace.brand;
        let texts = [&message.body, &message.headline, &message.subject, &message.preheader];
        let texts: Vec<_> = texts.into_iter().flatten().map(String::as_str).collect();
        let host = brand.url.host_str().unwrap_or_default();
        let currency = self.campaign.budget.as_ref().map(|budget| budget.currency.to_string());
        let expected = Expected {
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
        consistency::examine(&expected, said)
    }

    fn lengths(&mut self) {
        let base = primary_language(self.workspace.brand.language.as_str());
        let texts = self.survey.spoken.iter().map(|spoken| Length {
            step: &spoken.step,
            language: &spoken.language,
            mail: spoken.subject.is_some(),
            original: primary_language(&spoken.language) == base,
            text: &spoken.text,
        });
        let texts: Vec<_> = texts.collect();
        let found = consistency::lengths(&texts);
        let told = found.into_iter().map(|(at, finding)| {
            let spoken = &self.survey.spoken[at];
            let text =
                format!("`{}` ({}, {}): {}", spoken.step, spoken.channel, spoken.language, finding.message);
            (spoken.step.clone(), text, finding)
        });
        for (step, text, finding) in told.collect::<Vec<_>>() {
            let silences = self.campaign.silences.iter().enumerate();
            let covering =
                silences.filter(|(_, silence)| silence.covers(finding.rule, &step, &finding.words));
            let covering: Vec<_> = covering.map(|(at, _)| at).collect();
            if covering.is_empty() {
                let place = Place::file(&self.campaign.file);
                self.tell(finding.severity, finding.rule.code(), text, place, &finding.help);
            }
            self.used.extend(covering);
        }
    }

    fn useless_silences(&mut self) {
        for (at, silence) in self.campaign.silences.iter().enumerate() {
            if !self.used.contains(&at) {
                let message = format!("nothing is silenced by this: `{}` finds nothing here", silence.rule);
                let finding = Diagnostic::warning("useless-silence", &self.campaign.file, message)
                    .at(silence.place.clone())
                    .help("Take it out.");
                self.survey.findings.push(finding);
            }
        }
    }

    /// Where the first of these words that stand anywhere do: in the step's own message, in its template, in the
    /// campaign, in what templates share.
    fn place(&self, step: &Step, candidates: &[Words]) -> Place {
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
        for words in candidates.iter().filter(|words| words.window.trim().len() > 1) {
            let in_step = own.clone().and_then(|own| {
                let found = words.find(self.text.get(own.clone())?)?;
                Some(campaign.at(own.start + found.start..own.start + found.end))
            });
            let in_file = |file: &&TemplateFile| {
                Some(Source::file(&file.path, file.source.clone()).at(words.find(&file.source)?))
            };
            let in_campaign = || Some(campaign.at(words.find(&self.text)?));
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

    fn tell(&mut self, severity: Severity, code: &'static str, message: String, place: Place, help: &str) {
        let finding = place.finding(severity, code, message, help);
        if !self.survey.findings.contains(&finding) {
            self.survey.findings.push(finding);
        }
    }
}

fn is_mail_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("email"))
}
