//! The reasons why a cell or a row cannot be read.

use campaign::text::{BadAddress, BadLanguage, BadPhone};

use crate::error::ImportError;
use crate::lines::Fault;
use crate::shown::shown;

/// The reason why a cell cannot be read. Each text says what to do where that is not plain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadValue {
    #[error("it has a NUL character")]
    Nul,
    #[error("lists and objects are not read")]
    Nested,
    #[error(transparent)]
    Address(#[from] BadAddress),
    #[error("it has several addresses; only the first is taken")]
    SeveralAddresses,
    #[error(transparent)]
    Language(#[from] BadLanguage),
    #[error("it is not the name of a language that Chorus knows; write a tag such as `en` or `zh-CN`")]
    UnknownLanguage,
    #[error("it is no time zone such as Asia/Shanghai or Europe/London")]
    NoTimeZone,
    #[error("it waits for a confirmation, which is no consent yet")]
    NotConfirmed,
    #[error("it is neither yes nor no")]
    NoAnswer,
    #[error("the spreadsheet rounded it; format the column as text and enter it again")]
    Rounded,
    #[error("it has no country code; write `+44 20 …`, or say the country, such as `--country GB`")]
    NoCountryCode,
    #[error("it is no phone number ({0})")]
    NoPhone(String),
    #[error("no such number can exist in its country")]
    ImpossiblePhone,
    #[error(transparent)]
    Phone(#[from] BadPhone),
    #[error("{0} may be 1,234 or 1.234; say which with `--decimal comma` or `--decimal point`")]
    AmbiguousNumber(String),
    #[error("it is no number")]
    NoNumber,
    #[error("{0} may be two days; say which with `--dates dmy` or `--dates mdy`")]
    AmbiguousDate(String),
    #[error("it is no date such as 2027-03-02")]
    NoDate,
}

/// The reason why a row is no contact.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadRow {
    #[error("it has neither an e-mail address nor a phone number nor an external id")]
    NoKey,
    #[error("{column} {value:?}: {reason}")]
    Cell { column: String, value: String, reason: BadValue },
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("it is no JSON object ({0})")]
    NoJson(#[from] serde_json::Error),
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("two keys are {0}")]
    TwoKeys(String),
    #[error(transparent)]
    Column(#[from] ImportError),
}

impl BadRow {
    /// Returns the reason that a cell cannot be read.
    pub(crate) fn cell(column: &str, value: &str, reason: BadValue) -> Self {
        Self::Cell { column: column.to_owned(), value: shown(value), reason }
    }
}
