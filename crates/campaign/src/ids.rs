//! The ids of campaigns, channels, audiences and templates; the id of a step is in crate
//! `schedule`.

pub(crate) use schedule::BadName;
pub use schedule::StepId;
use schedule::id;

id!(
    /// The id of a campaign: the stem of its file's name.
    CampaignId
);
id!(
    /// The id of a purpose: its key under `[purposes]`.
    PurposeId
);
id!(
    /// The id of a channel: its key under `[channels]`.
    ChannelId
);
id!(
    /// The id of an audience: the stem of its file's name.
    AudienceId
);
id!(
    /// The id of a template: the name of its folder.
    TemplateId
);
