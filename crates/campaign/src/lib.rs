//! The files of a workspace, read into types whose values are always valid.
//!
//! [`Workspace::load`] reads `chorus.toml`, `campaigns/`, `audiences/` and `templates/`, and
//! collects every finding with its place. The crate also holds the properties of each network
//! ([`network`]), the sending limits of channels ([`pace`], [`receiver`]), money, addresses and
//! languages. Schedules are in crate `schedule`, files and findings in `source`.
//!
//! Invariants:
//! - This crate reads the workspace's files and nothing else: no clock, no socket, no environment.
//!   Time, randomness and environment variables are arguments.
//! - A campaign with an error is not in the [`Workspace`], and so cannot run.
//! - No finding and no debug output shows a secret.
//!
//! ```
//! let folder = std::path::Path::new("no/such/folder");
//! let findings = campaign::Workspace::load(folder, &|_| None).expect_err("there is no workspace");
//! assert_eq!(findings.errors().map(|finding| finding.code).collect::<Vec<_>>(), ["unreadable"]);
//! ```

pub mod audience;
pub mod consistency;
pub mod ids;
pub mod network;
pub mod pace;
pub mod receiver;
pub mod secret;
pub mod text;
pub mod workspace;

pub use audience::{Audience, Rule};
pub use consistency::{ConsistencyRule, Market, SilencedRule};
pub use ids::{AudienceId, CampaignId, ChannelId, PurposeId, StepId, TemplateId};
pub use money::{Cost, Currency, Money};
pub use network::{Account, ContactAddress, Network};
pub use pace::{DailyLimit, Rate, SendForecast, WarmUp};
pub use receiver::{ReceiverLimits, Receivers};
pub use secret::Secret;
pub use text::{EmailAddress, Language, Mailbox, Phone};
pub use workspace::{
    AttributeKind, Brand, Budget, Campaign, CampaignMessage, Channel, ChannelKind, DatabaseSettings, Dkim,
    DkimKey, Goal, OnUncertain, OptIn, Per, Purpose, SchemaKind, Server, Step, StopAt, Template,
    TemplateFile, TemplateRole, Workspace,
};
