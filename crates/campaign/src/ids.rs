//! The ids of campaigns, channels, audiences and templates; that of a step is the schedule's.

pub(crate) use schedule::BadName;
pub use schedule::StepId;
use schedule::id;

id!(
    /// A campaign: the stem of its file.
    CampaignId
);
id!(
    /// A channel: its key under `[channels]`.
    ChannelId
);
id!(
    /// An audience: the stem of its file.
    AudienceId
);
id!(
    /// A template: the name of its folder.
    TemplateId
);
