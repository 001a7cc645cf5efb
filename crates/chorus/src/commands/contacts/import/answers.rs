//! The consents that an import enters, with their evidence.

use std::path::Path;

use campaign::OptIn;
use clap::{Args, ValueEnum};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use store::{Basis, Consent, Evidence, Millis};
use terminal::output::user_error;

use crate::lookup::find_purpose;
use crate::setup::App;
use terminal::arguments;
use terminal::time::When;

/// The note after an import that entered no consent.
pub(super) const NOTHING_ENTERED: &str = "Nobody's consent was entered: the file has no answer to the question for it. Messages that need one are not sent to \
     people without it. If they agreed, say so, and where: `--consent consent --consent-source \"…\"`; if not, say \
     `--consent none`.";

/// The options about the consents that an import enters.
#[derive(Debug, Args)]
pub(crate) struct ConsentOptions {
    /// The legal basis of the consents in the file; `none` enters none. In a file without a column
    /// `consent` everybody agreed.
    #[arg(long, value_enum, value_name = "BASIS")]
    consent: Option<ImportBasis>,
    /// The place where they agreed, such as a form or a shop.
    #[arg(long, value_name = "TEXT", requires = "consent")]
    consent_source: Option<String>,
    /// The time at which they agreed: 2027-03-02, 2027-03-02T10:00 or -7d. Default: now.
    #[arg(long, value_name = "TIME", requires = "consent", allow_hyphen_values = true)]
    consent_time: Option<When>,
    /// The purpose that they agreed to, as in `[purposes]` of chorus.toml. Default: the only
    /// marketing purpose.
    #[arg(long, value_parser = arguments::id)]
    purpose: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ImportBasis {
    /// A freely given, informed yes
    Consent,
    /// Told at a purchase, with a way to refuse
    SoftOptIn,
    /// Needed for what they ordered
    Contract,
    /// No consent is entered
    None,
}

/// The consents that an import enters.
pub(crate) struct Answers {
    /// The evidence of all of them.
    pub(crate) evidence: Evidence,
    /// The answer of contacts whose row has none.
    pub(crate) for_everybody: Option<Consent>,
}

impl ConsentOptions {
    /// Returns true if the options say nothing about consents.
    pub(super) fn are_open(&self) -> bool {
        self.consent.is_none()
    }

    pub(super) fn answers(&self, app: &App, path: &Path) -> anyhow::Result<Answers> {
        let purpose = find_purpose(app.workspace(), self.purpose.as_deref())?;
        let basis = match self.consent {
            None => Basis::Unproven,
            Some(ImportBasis::None) => Basis::None,
            Some(ImportBasis::Consent) => Basis::Consent,
            Some(ImportBasis::SoftOptIn) => Basis::SoftOptIn,
            Some(ImportBasis::Contract) => Basis::Contract,
        };
        let is_proven = !matches!(basis, Basis::Unproven | Basis::None);
        if is_proven && self.consent_source.is_none() {
            return Err(user_error(
                "say where they agreed, such as `--consent-source \"form on example.com\"`: a consent without evidence \
                 cannot be shown to an authority",
            ));
        }
        let zone = &app.workspace().brand.timezone;
        let given_at = self.consent_time.as_ref().map(|at| at.resolve(zone, app.clock.now())).transpose()?;
        if given_at.is_some_and(|at| at > app.clock.now()) {
            return Err(user_error("--consent-time is in the future; write the time at which they agreed"));
        }
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Answers {
            evidence: Evidence {
                purpose: purpose.id.to_string(),
                needs_confirmation: purpose.opt_in == OptIn::Double,
                basis,
                source: Some(self.consent_source.clone().unwrap_or_else(|| format!("the file {file}"))),
                given_at: given_at.map(Millis::from),
                ..Evidence::default()
            },
            for_everybody: is_proven.then_some(Consent::Yes),
        })
    }
}

/// Returns the instant of a day or of a day and time in UTC, as a file has it.
pub(super) fn instant(text: &str) -> Option<Millis> {
    let moment = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(Date::into)).ok()?;
    Some(Millis::from(moment.to_zoned(TimeZone::UTC).ok()?.timestamp()))
}
