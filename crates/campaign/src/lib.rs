//! What should happen: the files of a workspace, located diagnostics, schedules, audiences and pure planning.
//!
//! This crate reads the workspace's files and nothing else: no clock, no socket, no environment. Time,
//! chance and environment variables are arguments.

pub mod audience;
pub mod consistency;
pub mod diagnostic;
pub mod duration;
mod file;
pub mod ids;
pub mod money;
pub mod network;
pub mod pace;
pub mod receiver;
pub mod schedule;
pub mod secret;
pub mod text;
pub mod workspace;

pub use audience::{Audience, Rule};
pub use consistency::{Market, Rule as ConsistencyRule, Silence};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use file::nearest::nearest;
pub use ids::{AudienceId, CampaignId, ChannelId, StepId, TemplateId};
pub use money::{Cost, Currency, Money};
pub use network::{Account, Address, Network};
pub use pace::{Daily, Load, Rate, WarmUp};
pub use receiver::{Limits, Receivers};
pub use schedule::{CatchUp, Condition, Moment, Occurrence, Overlap, Schedule, Trigger, Zone};
pub use secret::Secret;
pub use text::{EmailAddress, Language, Mailbox, Phone};
pub use workspace::{
    AttributeKind, Brand, Budget, Campaign, Channel, ChannelKind, Database, Dkim, DkimKey, Goal, Message,
    OnUncertain, Per, SchemaKind, Server, Step, StopAt, Template, TemplateFile, TemplateRole, Workspace,
};
