//! The files of a workspace as types that cannot be wrong: what should happen.
//!
//! [`Workspace::load`] reads `chorus.toml`, `campaigns/`, `audiences/` and `templates/`, and collects every finding
//! with its place. Besides: what each network is like ([`network`]), how fast a channel may send ([`pace`],
//! [`receiver`]), money, addresses and languages. Schedules are in crate `schedule`, files and findings in `source`.
//!
//! Invariants:
//! - This crate reads the workspace's files and nothing else: no clock, no socket, no environment. Time, chance and
//!   environment variables are arguments.
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
pub use consistency::{Market, Rule as ConsistencyRule, Silence};
pub use ids::{AudienceId, CampaignId, ChannelId, StepId, TemplateId};
pub use money::{Cost, Currency, Money};
pub use network::{Account, Address, Network};
pub use pace::{Daily, Load, Rate, WarmUp};
pub use receiver::{Limits, Receivers};
pub use secret::Secret;
pub use text::{EmailAddress, Language, Mailbox, Phone};
pub use workspace::{
    AttributeKind, Brand, Budget, Campaign, Channel, ChannelKind, Database, Dkim, DkimKey, Goal, Message,
    OnUncertain, Per, SchemaKind, Server, Step, StopAt, Template, TemplateFile, TemplateRole, Workspace,
};
